"""The metric's seam: a number per run, an aggregate over seeds, and a direction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from autorl.population import Plan
from autorl.records import Run

__all__ = ["Criterion", "Direction", "Metric"]

Direction = Literal["maximize", "minimize"]


class Metric(ABC):
    """What a run is worth, and what several are worth together.

    A metric with options is a frozen dataclass whose fields are the options; one without is instantiated bare.

    Attributes:
        name: The name it is found by.
        summary: One line with the formula, for `autorl list metrics` and reports.
        unit: What it is measured in ("return", "env steps", ...).
        direction: Which way is better.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    direction: ClassVar[Direction] = "maximize"

    @abstractmethod
    def per_run(self, run: Run) -> float:
        """The value of one run.

        Raises:
            InvalidInput: If the run lacks what the metric needs (an adapter that does not count parameters, say).
        """

    def over_seeds(self, values: Sequence[float]) -> float:
        """The aggregate over seeds: their mean unless the metric says otherwise."""
        return float(np.mean(values))

    def known(self, plan: Plan) -> float | None:
        """The value a plan already fixes before any training, or None."""
        return None

    @property
    def label(self) -> str:
        """The name with its options, unique in a study: `env_steps_to(return=475)`."""
        return self.name


@dataclass(frozen=True)
class Criterion:
    """A metric with the direction a study wants; the only place where a sign flips.

    Attributes:
        metric: What is measured.
        direction: Which way is better in this study.
    """

    metric: Metric
    direction: Direction

    def loss(self, value: float) -> float:
        """The value as something to minimise."""
        return -value if self.direction == "maximize" else value
