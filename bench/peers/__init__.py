"""The measured engines by name; each is imported only in the process that measures it."""

from importlib import import_module
from typing import Final

from peers.peer import Peer

MODULES: Final = {
    "Outlast, SQLite": "peers.ours",
    "Outlast, PostgreSQL": "peers.ours_postgres",
    "Outlast, PostgreSQL + Redis": "peers.ours_postgres_redis",
    "Procrastinate": "peers.procrastinate_pg",
    "pgqueuer": "peers.pgqueuer_pg",
    "pgqueuer, batches of 100": "peers.pgqueuer_large",
    "awa": "peers.awa_postgres",
    "SAQ, PostgreSQL": "peers.saq_postgres",
    "SAQ, Redis": "peers.saq_redis",
    "taskiq, Redis streams": "peers.taskiq_redis",
    "Celery, Redis": "peers.celery_redis",
    "huey, SQLite": "peers.huey_sqlite",
    "DBOS, SQLite": "peers.dbos_sqlite",
}


def peer(name: str) -> Peer:
    """Import the engine `name`."""
    return import_module(MODULES[name]).peer
