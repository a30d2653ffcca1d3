"""Bytes to model and back: one module for each document and for each way to write a key.

It decides the shape of bytes and refuses every other. It must not decide whom to trust, open
files, or reach a network. `cryptography` is used here and in `custody` only.
"""
