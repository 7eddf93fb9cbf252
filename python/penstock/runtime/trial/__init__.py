"""Tests of configurations: what becomes of their requests, and whether it is what they expect."""
