"""The format matrix: every form of a key into every other, checked by the tools that own them."""
