"""The web console: what is on record and what the ground floor says of it, to look at only."""
