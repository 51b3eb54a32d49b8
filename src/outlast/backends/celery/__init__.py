"""Celery as a queue connection: the dispatcher that sends sessions to a broker, and the Celery app."""
