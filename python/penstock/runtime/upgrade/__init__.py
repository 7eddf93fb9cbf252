"""How a version of the gateway gives way to another one, which takes its sockets while it serves."""
