"""What would become of requests of the past under another configuration."""
