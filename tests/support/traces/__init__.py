"""The contract's section 4, request by request: `scripts/contract-traces` prints it as a table.

Each trace sends what the contract's client sends, in its order and with its headers, and nothing
but what is written there is asked of the answers: the status, the fields that the client cannot do
without, and what it looks for in them.
"""
