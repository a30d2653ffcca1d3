"""Whole bundles between a registry and a file: the archive, push and pull.

It reads and writes the archive and asks `client` for the rest. It must not touch a private key, and
nothing of an archive is ever unpacked to a disk. `bundles.zstd` alone knows the compression.
"""
