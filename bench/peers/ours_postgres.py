"""Outlast on PostgreSQL, its own wake-ups."""

import os

from peers.ours import Ours

KEY = "a key of the benchmarks, of no use elsewhere"


class OnPostgres(Ours):
    """The same program, another address."""

    packages = ("outlast", "psycopg")


peer = OnPostgres(DATABASE_URL=os.environ["BENCH_POSTGRES"], APP_KEY=KEY)
