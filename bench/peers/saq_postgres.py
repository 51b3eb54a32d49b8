"""SAQ on PostgreSQL."""

import os

from saq import Queue

from peers.saq_work import Saq, settings_of

queue = Queue.from_url(os.environ["BENCH_POSTGRES"])
settings = settings_of(queue)
peer = Saq("peers.saq_postgres", queue, ("saq", "psycopg"))
