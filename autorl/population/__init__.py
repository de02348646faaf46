"""Agents in lock-step, and the ways to become one: a native algorithm, a function, a library's trainer."""

from autorl.population.base import Algorithm, Costs, Plan, Population, hyperparameter
from autorl.population.function import algorithm
from autorl.population.one_agent import OneAgentAlgorithm, OneAgentPopulation, OneAgentTrainer
from autorl.population.resolution import algorithm_reference, bundled_algorithms, resolve_algorithm
from autorl.population.sources import source_digest

__all__ = [
    "Algorithm",
    "Costs",
    "OneAgentAlgorithm",
    "OneAgentPopulation",
    "OneAgentTrainer",
    "Plan",
    "Population",
    "algorithm",
    "algorithm_reference",
    "bundled_algorithms",
    "hyperparameter",
    "resolve_algorithm",
    "source_digest",
]
