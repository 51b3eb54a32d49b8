"""Running sessions: workers and their leases, attempts, isolation, supervision and maintenance."""
