"""SAQ on Redis."""

import os

from saq import Queue

from peers.saq_work import Saq, settings_of

queue = Queue.from_url(os.environ["BENCH_REDIS"])
settings = settings_of(queue)
peer = Saq("peers.saq_redis", queue, ("saq", "redis"))
