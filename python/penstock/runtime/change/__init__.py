"""How a change travels: files, store, plan, workers."""
