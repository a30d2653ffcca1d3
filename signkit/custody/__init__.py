"""Private keys: where they lie, how they are unlocked, and how they sign.

It decides which key a key URI names and how it is protected at rest. It must not decide whether
something ought to be signed, and must not reach a network; secrets are asked for by the caller.
"""
