"""Outlast on PostgreSQL, wake-ups and progress through Redis."""

import os

from peers.ours_postgres import KEY, OnPostgres

peer = OnPostgres(DATABASE_URL=os.environ["BENCH_POSTGRES"], REDIS_URL=os.environ["BENCH_REDIS"], APP_KEY=KEY)
