"""The supervisor: it owns sockets and workers, and is the only one that applies a plan."""
