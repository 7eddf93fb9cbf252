"""What is counted in the shared table, where, and how it is read."""
