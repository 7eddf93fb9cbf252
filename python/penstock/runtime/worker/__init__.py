"""Worker processes: starting them, talking to them, keeping them alive."""
