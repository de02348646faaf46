"""`hyperband`: brackets of successive halving that start at every rung in turn, so that no first rung need be trusted.

Source: L. Li et al. 2018, Hyperband: a novel bandit-based approach to hyperparameter optimization (arXiv 1603.06560,
algorithm 1). With a model-based tuner this is BOHB's schedule (arXiv 1807.01774). Deviations: those of `halving`; rungs
count up from `min_env_steps`, so that the first one is where the user put it; a rung that adds seeds alone counts as a
rung.
"""

from __future__ import annotations

import math
from typing import ClassVar

from autorl.schedules.base import Frame, Requests
from autorl.schedules.halving import bracket, sizes
from autorl.schedules.rungs import ROUNDING, RungSchedule

__all__ = ["Hyperband", "bracket_size"]


def bracket_size(rungs: int, most: int, eta: float) -> int:
    """How many configurations a bracket of some rungs starts with, if the longest bracket has `most`.

    With s = rungs - 1 and s_max = most - 1 this is the paper's ceil((s_max + 1) / (s + 1) x eta^s).
    """
    return math.ceil(most / rungs * eta ** (rungs - 1) - ROUNDING)


class Hyperband(RungSchedule):
    """Brackets from the one with all rungs to the one with the last rung alone, over and over."""

    name: ClassVar[str] = "hyperband"
    summary: ClassVar[str] = "successive halving from every first rung in turn"

    def largest_ask(self, frame: Frame) -> int:
        """The largest bracket, which with a small `eta` is not the first one."""
        most = len(self.ladder(frame))
        return max(bracket_size(rungs, most, self.eta) for rungs in range(1, most + 1))

    def requests(self, frame: Frame) -> Requests:
        """Rounds of brackets, until nothing is brought."""
        ladder = self.ladder(frame)
        while True:
            for rungs in range(len(ladder), 0, -1):
                counts = sizes(bracket_size(rungs, len(ladder), self.eta), self.eta, rungs)
                if not (yield from bracket(frame, ladder[-rungs:], counts)):
                    return
