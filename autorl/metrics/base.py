"""The metric's seam: a number per run, an aggregate over seeds, and a direction."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import FloatArray, Run

if TYPE_CHECKING:
    from autorl.environment import Environment
    from autorl.population import Plan

__all__ = ["Criterion", "Direction", "Metric", "check_scalar", "curve_means", "option_fields"]

Direction = Literal["maximize", "minimize"]


class Metric(ABC):
    """What a run is worth, and what several are worth together.

    A metric with options is a frozen dataclass whose fields are the options; one without is instantiated bare. An
    option that is a word of Python carries a trailing underscore as a field and none in a study file.

    Attributes:
        name: The name it is found by.
        summary: One line with the formula, for `autorl list metrics` and reports.
        unit: What it is measured in ("return", "env steps", ...).
        direction: Which way is better.
        reproducible: Whether the same training gives the same value again; measured seconds do not.
        rewards: What it measures: "scalar" is the return of one reward, "vector" the front of several; "any" does not
            look at returns, or takes them as they come.
        caution: Why it misleads as the only objective, or "".
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    direction: ClassVar[Direction] = "maximize"
    reproducible: ClassVar[bool] = True
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "any"
    caution: ClassVar[str] = ""

    @abstractmethod
    def per_run(self, run: Run) -> float:
        """The value of one run.

        Raises:
            InvalidInput: If the run lacks what the metric needs (an adapter that does not count parameters, say).
        """

    def over_seeds(self, values: Sequence[float]) -> float:
        """The aggregate over seeds, at least one: their mean unless the metric says otherwise."""
        return float(np.mean(values))

    def aggregate(self, runs: Sequence[Run]) -> float:
        """The aggregate of a configuration's runs, one per seed.

        Raises:
            InvalidInput: If there is no run, or one lacks what the metric needs.
        """
        if not runs:
            raise InvalidInput(f"metric {self.label!r}: {len(runs)} runs received; at least one is needed")
        return self.over_seeds([self.per_run(run) for run in runs])

    def suited(self, environment: Environment, discount: float) -> Self:
        """The metric as it measures in one environment, with what it takes from there; a study calls this once.

        Args:
            environment: Where.
            discount: The study's evaluation discount.

        Raises:
            InvalidInput: If it cannot measure there, or an option does not fit.
        """
        count = environment.spaces().rewards
        if self.rewards == "vector" and count == 1:
            raise InvalidInput(
                f"metric {self.label!r} measures what a front of several rewards is worth; environment "
                f"{environment.id!r} gives {count} reward"
            )
        if self.rewards == "scalar" and count != 1:
            raise InvalidInput(
                f"metric {self.label!r} measures the return of one reward; environment {environment.id!r} gives "
                f"{count}: take a metric of fronts, such as hypervolume, or the wrapper LinearReward"
            )
        return self

    def beside(self, environment: Environment, discount: float) -> tuple[Metric, ...]:
        """What reports show beside it: the same in another unit, say, where the environment allows that."""
        return ()

    def known(self, plan: Plan) -> float | None:
        """The value a plan already fixes before any training, or None."""
        return None

    def bound(self, plan: Plan) -> float | None:
        """The most a plan allows over the whole horizon, or None if it does not say."""
        return None

    @property
    def checkpoints(self) -> int:
        """How many checkpoints of the learning curve a study needs for it, the end among them."""
        return 1

    @property
    def is_mean(self) -> bool:
        """Whether the aggregate over seeds is the plain mean, for which faster and exact intervals exist."""
        return type(self).over_seeds is Metric.over_seeds

    @property
    def options(self) -> Mapping[str, object]:
        """The options as a study file writes them, in declaration order."""
        return {name: _plain(getattr(self, entry.name)) for name, entry in option_fields(type(self)).items()}

    @functools.cached_property
    def label(self) -> str:
        """The name with the options that are not the default, unique in a study: `env_steps_to(return=475)`."""
        defaults = {name: _plain(entry.default) for name, entry in option_fields(type(self)).items()}
        given = {name: value for name, value in self.options.items() if value != defaults[name]}
        options = ", ".join(f"{name}={_short(value)}" for name, value in given.items())
        return f"{self.name}({options})" if options else self.name


def option_fields(metric_class: type[Metric]) -> dict[str, dataclasses.Field[Any]]:
    """A metric's options by the names a study file uses, in declaration order; fields outside `__init__` are none."""
    if not hasattr(metric_class, "__dataclass_fields__"):
        return {}
    fields = dataclasses.fields(metric_class)  # type: ignore[arg-type]  # a dataclass, as just seen
    return {entry.name.rstrip("_"): entry for entry in fields if entry.init}


def _plain(value: object) -> object:
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _short(value: object) -> str:
    if isinstance(value, list):
        table = any(isinstance(entry, list) for entry in value)
        return f"{len(value)} points" if table else f"[{', '.join(map(_short, value))}]"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


@dataclass(frozen=True)
class Criterion:
    """A metric with the direction a study wants; the only place where a sign flips.

    Attributes:
        metric: What is measured.
        direction: Which way is better in this study.
    """

    metric: Metric
    direction: Direction

    @property
    def label(self) -> str:
        """The metric's label."""
        return self.metric.label

    def loss(self, value: float) -> float:
        """The value as something to minimise; its own inverse."""
        return 0.0 - value if self.direction == "maximize" else value  # not -value: that would make -0.0 of 0.0


def curve_means(run: Run, metric: Metric) -> FloatArray:
    """The mean return at each checkpoint, shape (checkpoints,).

    Raises:
        InvalidInput: If the run holds none, or holds several policies or rewards.
    """
    check_scalar(run, metric, run.curve)
    means: FloatArray = run.curve[:, 0, :, 0].mean(axis=1)
    return means


def check_scalar(run: Run, metric: Metric, returns: FloatArray) -> None:
    """Refuses returns of several policies or rewards, or none.

    Args:
        run: Whose they are.
        metric: Who asks.
        returns: Shape (..., policies, episodes, rewards).

    Raises:
        InvalidInput: If they are such.
    """
    policies, rewards = returns.shape[-3], returns.shape[-1]
    for count, what in ((policies, "policies"), (rewards, "rewards")):
        if count != 1:
            raise InvalidInput(
                f"metric {metric.label!r} needs one policy and one reward per run; the run of seed {run.seed} has "
                f"{count} {what}"
            )
    if not returns.size:
        raise InvalidInput(
            f"metric {metric.label!r}: the run of seed {run.seed} holds no evaluation to measure "
            f"(returns of shape {returns.shape}, status {run.status.value!r})"
        )
