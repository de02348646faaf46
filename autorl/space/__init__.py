"""Declarative search spaces: hyperparameters, conditions, relations, and their files."""

from autorl.space.conditions import Condition
from autorl.space.description import Row
from autorl.space.hyperparameters import Categorical, Constant, Coordinate, Float, Hyperparameter, Int
from autorl.space.loading import bundled_spaces
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
    "Relation",
    "Row",
    "SearchSpace",
    "bundled_spaces",
    "parse_relation",
]
