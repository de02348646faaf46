"""Environments: a description that travels, and vector environments with same-step resets behind it."""

from autorl.environment.base import Spaces, Step, VectorEnvironment
from autorl.environment.description import Environment

__all__ = ["Environment", "Spaces", "Step", "VectorEnvironment"]
