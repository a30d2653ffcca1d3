"""The networked side after the gap: upload the content, attach what verifies, read it back.

It decides what is still to be done, from the plan and the journal. It must not attach what
`verify` refuses, believe a digest it has not computed, or touch a private key.
"""
