"""Who may do what over the admin API, and what they did."""
