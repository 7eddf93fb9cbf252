"""Certificates that the gateway orders from authorities (ACME, RFC 8555), one node for all that share a store."""
