"""A training loop as a trainer: run up to the report an evaluation needs, and no further."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autorl.errors import InvalidInput
from autorl.population.base import Costs
from autorl.population.coroutine import Coroutine
from autorl.population.one_agent import OneAgentTrainer

__all__ = ["FunctionTrainer", "Report"]


class Report(Protocol):
    """Tells how far training is, and what it owns there."""

    def __call__(self, env_steps: int, policy_or_score: object) -> None:
        """Says that after so many env steps the loop owns this policy, or this score.

        Raises:
            InvalidInput: If the env steps are no whole number or fewer than before, or the second is neither a policy
                nor a number.
        """


@dataclass
class _Progress:
    """What the loop and its owner both see.

    Attributes:
        target: The mark that is being trained to, in env steps; infinite at the full budget.
        reported: Env steps of the last report.
        owned: The policy or the score at hand; None before the first.
    """

    target: float = 0.0
    reported: int = 0
    owned: object = None


class FunctionTrainer(OneAgentTrainer):
    """Runs a training loop from report to report.

    Args:
        name: The algorithm's name, for messages.
        train: The loop; it lacks the argument `report` only.
        horizon: Full budget in env steps.
    """

    def __init__(self, name: str, train: Callable[[Report], object], horizon: int) -> None:
        self._name, self._horizon = name, horizon
        self._resumed = 0
        self._progress = progress = _Progress()  # the body must not refer to `self`; see Coroutine

        def body(pause: Callable[[], None]) -> None:
            def report(env_steps: int, policy_or_score: object) -> None:
                _check_report(name, env_steps, progress.reported)
                progress.owned, progress.reported = _owned(name, policy_or_score), int(env_steps)
                while progress.target <= progress.reported:
                    pause()

            returned = train(report)
            if returned is not None or progress.owned is None:
                progress.owned = _owned(name, returned)

        self._loop = Coroutine(body, f"the algorithm {name!r}")

    def advance(self, to_env_steps: int) -> None:
        """Runs the loop until it reports a mark or ends; at the full budget, until it ends."""
        progress = self._progress
        progress.target = math.inf if to_env_steps >= self._horizon else to_env_steps
        if progress.target > progress.reported:
            self._resumed += 1
            self._loop.resume()

    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the policy owned does, observation by observation unless it takes a batch.

        Raises:
            InvalidInput: If there is a score instead, or nothing yet.
        """
        policy: Any = self._progress.owned
        if policy is None or _number(policy) is not None:
            what = "nothing yet" if policy is None else f"the score {policy!r}"
            raise InvalidInput(f"the algorithm {self._name!r} owns {what}; there is no policy to act with")
        predict = getattr(policy, "predict", None)
        if predict is not None:
            takes = "deterministic" in inspect.signature(predict).parameters
            predicted = predict(observations, deterministic=True) if takes else predict(observations)
            return np.asarray(predicted[0] if isinstance(predicted, tuple) else predicted)
        act = getattr(policy, "act", policy)
        return np.stack([np.asarray(act(observation)) for observation in observations])

    def costs(self) -> Costs:
        """The env steps reported; the full budget or more once the loop has ended."""
        reported = self._progress.reported
        return Costs(env_steps=max(self._horizon, reported) if self._loop.finished else reported)

    @property
    def version(self) -> int:
        """How often the loop went on: it may change what it owns without reporting an env step."""
        return self._resumed

    @property
    def diverged(self) -> bool:
        """Whether the score at hand is not finite."""
        score = self.score
        return score is not None and not math.isfinite(score)

    @property
    def score(self) -> float | None:
        """The score at hand; None if it is a policy, or nothing yet."""
        return _number(self._progress.owned)

    def close(self) -> None:
        """Ends the loop where it stands."""
        self._loop.close()


def _check_report(name: str, env_steps: object, before: int) -> None:
    if isinstance(env_steps, bool) or not isinstance(env_steps, (int, np.integer)):
        raise InvalidInput(f"the algorithm {name!r} reported env_steps={env_steps!r}, which is no whole number")
    if env_steps < before:
        raise InvalidInput(
            f"the algorithm {name!r} reported env_steps={env_steps!r} after {before}; they never go back"
        )


def _owned(name: str, given: object) -> object:
    """What was reported or returned, if it is a policy or a score."""
    score = _number(given)
    if score is not None:
        return score
    if any(callable(getattr(given, method, None)) for method in ("predict", "act")) or callable(given):
        return given
    raise InvalidInput(
        f"the algorithm {name!r} reported or returned {given!r}, which is neither a policy (callable, or with a method "
        f"act or predict) nor a score (a number)"
    )


def _number(given: object) -> float | None:
    """The number in it (of NumPy and torch too), or None."""
    if given is None or isinstance(given, (bool, str)) or callable(given) or hasattr(given, "predict"):
        return None
    if isinstance(given, (int, float)) or (hasattr(given, "__float__") and getattr(given, "shape", None) == ()):
        return float(given)
    return None
