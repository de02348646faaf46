"""What proposes configurations: one file a library or family."""

from autorl.tuners.base import Outcome, Proposal, Tuner, Vector

__all__ = ["Outcome", "Proposal", "Tuner", "Vector"]
