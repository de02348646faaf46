"""Agents in lock-step, and the ways to become one: a native algorithm, a function, a library's trainer."""

from autorl.population.base import Algorithm, Costs, Plan, Population, hyperparameter

__all__ = ["Algorithm", "Costs", "Plan", "Population", "hyperparameter"]
