"""Declarative search spaces: hyperparameters, conditions, relations, and their files."""
