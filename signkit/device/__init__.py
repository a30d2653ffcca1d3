"""The verdict on a device: files, what the device remembers, and the command `signkit-verify`.

It decides nothing that `signkit/verify` decides; it opens, hashes, remembers, copies and prints. It goes to
devices together with `signkit/verify`, so the same rules hold: nothing but the standard library,
PyNaCl and `signkit.errors`, no private key, no network, and a start in some 20 ms.
"""
