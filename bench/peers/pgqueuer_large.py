"""pgqueuer with the batch size with which its own benchmark is fastest."""

from peers.pgqueuer_pg import Pgqueuer

peer = Pgqueuer(batch=100)
