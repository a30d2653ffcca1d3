"""What a station demands of a request: named controls, the same on both sides of the gap.

It decides whether a request may be signed by a policy, from facts that it is told. It must not
open a file, ask a clock, verify a signature, or know who calls.
"""
