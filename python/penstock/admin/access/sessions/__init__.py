"""Sessions: people who have come in, for a while."""
