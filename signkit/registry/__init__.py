"""The embedded registry: a server with a database and a folder, for tests, labs and small fleets.

It decides what it stores and publishes, and takes only signatures that `verify` accepts. It must
not import `client` or touch a private key. The web framework and the database stay here.
"""
