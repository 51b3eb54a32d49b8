"""The in-memory backend of one process, for tests."""
