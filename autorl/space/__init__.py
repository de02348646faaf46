"""Declarative search spaces: hyperparameters, conditions, relations, and their files."""

from autorl.space.choices import Categorical, Constant
from autorl.space.conditions import Condition
from autorl.space.description import Row
from autorl.space.hyperparameters import Coordinate, Hyperparameter
from autorl.space.loading import bundled_spaces
from autorl.space.numbers import Float, Int
from autorl.space.priors import Prior
from autorl.space.relations import Relation, parse_relation
from autorl.space.space import SearchSpace

__all__ = [
    "Categorical",
    "Condition",
    "Constant",
    "Coordinate",
    "Float",
    "Hyperparameter",
    "Int",
    "Prior",
    "Relation",
    "Row",
    "SearchSpace",
    "bundled_spaces",
    "parse_relation",
]
