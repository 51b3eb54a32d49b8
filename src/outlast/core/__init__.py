"""What the system does, talking only to ports: analyses, attempts, workers, the use cases."""
