"""pgqueuer with batches as large as its own benchmark's fastest."""

from peers.pgqueuer_pg import Pgqueuer

peer = Pgqueuer(batch=100)
