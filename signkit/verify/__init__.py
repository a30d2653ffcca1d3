"""The ground floor: whether content is what was signed. One verdict for the whole toolkit.

It decides, and does nothing else: it opens no file, reads no clock and prints nothing; `signkit/device` does.
A device carries both. Neither may import anything but the standard library, PyNaCl and
`signkit.errors`, touch a private key, or reach a network; and both must start in some 20 ms, so they
do without `dataclasses`, `enum`, `pathlib` and, at run time, `typing`.
"""
