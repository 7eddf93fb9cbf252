"""How people and programs reach a running gateway."""
