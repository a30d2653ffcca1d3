"""The embedded registry: on a folder, or on a database and a store that many processes share."""
