"""Words everyone shares: problems, units, names, networks."""
