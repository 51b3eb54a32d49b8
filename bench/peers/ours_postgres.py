"""Outlast on PostgreSQL, its own wake-ups."""

import os

from peers.ours import Ours

KEY = "of-no-use-outside-the-benchmarks-0123456789"


class OnPostgres(Ours):
    """The same program with another database URL."""

    packages = ("outlast", "psycopg")


peer = OnPostgres(DATABASE_URL=os.environ["BENCH_POSTGRES"], APP_KEY=KEY)
