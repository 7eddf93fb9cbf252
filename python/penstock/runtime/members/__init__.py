"""The nodes that share a store: who is there, what each of them runs, and which of them does what only one may do."""
