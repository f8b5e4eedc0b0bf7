"""How pipelines run: the only part that a user never opens."""
