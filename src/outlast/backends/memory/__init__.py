"""The in-memory backend of one process, for tests and for trying Outlast out."""
