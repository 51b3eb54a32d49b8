"""Celery as a queue connection: what sends sessions to a broker, and the workers that take them from it."""
