"""Signing firmware and models with Ed25519 across an air gap.

Each room decides one thing and says here which. Rooms call downwards only:

    cli > prepare | station | submit | registry > custody | client > schemes > formats > model
        > verify > errors

Every `__init__.py` is a docstring and nothing else: a module loads what it names itself.
"""
