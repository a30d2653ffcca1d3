"""The ground floor: whether content is what was signed. One verdict for the whole toolkit.

This is what a device carries. It must not import anything but the standard library, PyNaCl and
`signkit.errors`, touch a private key, or reach a network; and it must start in some 20 ms, so it
does without `dataclasses`, `enum`, `pathlib` and, at run time, `typing`.
"""
