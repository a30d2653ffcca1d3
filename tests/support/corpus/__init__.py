"""The independent security corpus of ../shared/security, through everything that may meet it.

`scripts/corpus` runs it whole and prints a table; tests/attacks/test_corpus.py runs the parts that
are quick. What each verifier gets is said in `signatures.py`, honestly: no command of signkit takes
a bare key, message and signature, so none is claimed to have been given one.
"""
