"""The air-gapped side: check a request, show it, have it confirmed, sign it, and keep the ledger.

It decides whether something is signed: each rule is a named control. It must not reach a
network, and it meets the other stages in files only.
"""
