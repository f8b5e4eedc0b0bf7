"""Replicates the tables of a database: what is read of each is decided by what the source can prove of it."""
