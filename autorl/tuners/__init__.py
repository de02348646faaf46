"""What proposes configurations: one file a library or family."""

from autorl.tuners.base import Outcome, Proposal, Tuner, Vector
from autorl.tuners.bundled import build_tuner, bundled_tuners

__all__ = ["Outcome", "Proposal", "Tuner", "Vector", "build_tuner", "bundled_tuners"]
