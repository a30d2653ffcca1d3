"""What is signed for whom: one small module for each scheme, and one visible table of them.

A scheme decides which message is signed and how the signature is written. It must not hold a
private key: it is given something that signs.
"""
