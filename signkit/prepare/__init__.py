"""The networked side before the gap: hash the content and ask for signatures.

It decides what a request says, from bytes it has read itself. It must not touch a private key or
reach a network.
"""
