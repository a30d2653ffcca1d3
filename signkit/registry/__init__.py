"""The embedded registry: one process, SQLite and a folder."""
