"""What runs inside a Celery worker: its tasks run attempts on a thread with an event loop of Outlast's own."""
