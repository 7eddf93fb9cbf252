"""Penstock, an API gateway: Python decides, Rust moves the bytes."""
