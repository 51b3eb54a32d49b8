"""The use cases around a session, talking only to ports: start, watch, read, cancel, retry; limits and quotas."""
