"""The two seams an algorithm stands behind: `Algorithm` (what can be set) and `Population` (agents in lock-step)."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from autorl.environment import Environment, Spaces
from autorl.environment.evaluation import evaluate
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Agent, Configuration, FloatArray, Value

__all__ = ["Algorithm", "Costs", "Plan", "Population", "hyperparameter"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What a configuration will cost, known without training it; None where the algorithm cannot know.

    Attributes:
        iteration_env_steps: Env steps of one iteration (rollout and updates), per agent.
        parameters: Parameters of the acting network.
        gradient_updates: Optimiser steps over the whole horizon (an upper bound where early stopping is on).
        flops: Floating-point operations over the whole horizon.
        memory_bytes: Peak memory of one agent: weights, optimiser, rollout or replay, activations.
    """

    iteration_env_steps: int | None = None
    parameters: int | None = None
    gradient_updates: int | None = None
    flops: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Costs:
    """What one agent of a population has spent so far, from its initial weights on.

    Attributes:
        env_steps: Env steps trained.
        gradient_updates: Optimiser steps taken (-1 if unknown).
        flops: Floating-point operations of acting and learning (nan if unknown).
        parameters: Parameters of the acting network (-1 if unknown).
    """

    env_steps: int
    gradient_updates: int = -1
    flops: float = float("nan")
    parameters: int = -1


def hyperparameter(default: Any, *, static: bool = False) -> Any:
    """Declares a hyperparameter as a field of an algorithm's dataclass.

    Args:
        default: Its default value.
        static: Whether it changes a shape or the loop's length, so that agents trained together must agree on it.
    """
    return dataclasses.field(default=default, metadata={"static": static})


class Algorithm(ABC):
    """One configuration of a learning algorithm: a frozen dataclass whose fields are its hyperparameters.

    Subclass it in one file, as `@dataclass(frozen=True) class PPO(Algorithm)`, with `hyperparameter(...)` for every
    field. What a configuration itself cannot run is checked in `__post_init__` and raises `InvalidInput`.

    Attributes:
        name: What it is called in keys, reports and files; of a bundled one, its file's name.
        summary: One line for `autorl list algorithms`.
        checkpoints: "exact" if a saved population continues with the bits of an unbroken one; "none" if a promotion
            retrains from zero, and is charged for it.
        rounds_down: Whether `advance(mark)` never exceeds the mark.
        lockstep: Whether agents train in lock-step and gain from company; configurations train one by one otherwise.
        counts: What its populations count: names of metrics of cost besides `env_steps` and `train_seconds`.
        distributions: Distributions besides torch, NumPy and Gymnasium whose versions change the algorithm's numbers.
        rewards: What it learns from: "scalar" is one reward, "vector" several rewards that it trades off, and "any" is
            for code that looks for itself.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    checkpoints: ClassVar[Literal["exact", "none"]] = "exact"
    rounds_down: ClassVar[bool] = True
    lockstep: ClassVar[bool] = True
    counts: ClassVar[frozenset[str]] = frozenset({"gradient_updates", "flops", "parameters"})
    distributions: ClassVar[tuple[str, ...]] = ()
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "scalar"

    @classmethod
    @abstractmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> Population:
        """Builds agents at their initial weights; their static hyperparameters are equal.

        Args:
            agents: Who trains; each carries a full configuration of this algorithm.
            environment: Where.
            horizon: Full budget in env steps per agent, to which annealing refers.
            device: "cpu" or a torch device.
        """

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        """What this configuration costs on an environment with these spaces.

        Raises:
            InvalidInput: If the algorithm cannot handle the spaces.
        """
        return Plan()

    @classmethod
    def check_rewards(cls, spaces: Spaces) -> None:
        """Whether the algorithm learns from what an environment gives as a reward.

        Raises:
            InvalidInput: If it does not; the message says what would.
        """
        if cls.rewards == "scalar" and spaces.rewards != 1:
            weight = [1 / spaces.rewards] * spaces.rewards
            raise InvalidInput(
                f"{cls.__name__} maximises one reward, not a vector of {spaces.rewards}; take an algorithm for "
                f"several, or the environment with their weighted sum as its reward: "
                f"wrappers: [{{name: LinearReward, kwargs: {{weight: {[float(f'{one:.3g}') for one in weight]}}}}}]"
            )
        if cls.rewards == "vector" and spaces.rewards == 1:
            raise InvalidInput(
                f"{cls.__name__} trades several rewards off, and the environment gives {spaces.rewards}; take an "
                f"algorithm for one reward, or an environment whose reward is a vector"
            )

    @classmethod
    def default_space(cls) -> str | Mapping[str, object] | None:
        """The default search space: a bundled name, a path, a mapping, or None to use the module's name."""
        return None

    @classmethod
    def defaults(cls) -> dict[str, Value]:
        """Every hyperparameter with its default, in declaration order."""
        entries: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cls)  # type: ignore[arg-type]  # a dataclass
        values: dict[str, Any] = {entry.name: entry.default for entry in entries}
        return values

    @classmethod
    def static_names(cls) -> frozenset[str]:
        """Names of the static hyperparameters."""
        entries = dataclasses.fields(cls)  # type: ignore[arg-type]  # a dataclass
        return frozenset(entry.name for entry in entries if entry.metadata.get("static", False))

    @classmethod
    def configure(cls, values: Configuration) -> Self:
        """The configuration with these values and defaults elsewhere.

        Raises:
            UnknownName: If a name is no hyperparameter of the algorithm.
            InvalidInput: If the algorithm cannot run the combination.
        """
        known = cls.defaults()
        for name in values:
            if name not in known:
                raise UnknownName(f"hyperparameter of {cls.__name__}", name, known)
        return cls(**values)

    def static_values(self) -> tuple[tuple[str, Value], ...]:
        """The static hyperparameters with their values, sorted: agents with equal ones can train together."""
        return tuple((name, getattr(self, name)) for name in sorted(self.static_names()))


class Population(ABC):
    """M agents that act and learn in lock-step; row i is agent i, and rows never influence each other.

    A population begins with no training environments: `restart` makes them, at the start and at every rung.

    Attributes:
        reward_weights: What the policies are evaluated for, where rewards are several: one weight vector a policy,
            shape (policies, rewards), each adding up to 1. Whoever evaluates sets them, once, before `act` and
            `evaluate`; no training depends on them. A population whose policies are its own may take no notice of the
            vectors, but has as many policies (repeating some if it must). None outside multi-objective RL, and until
            they are set.
        follows_episodes: Whether what a policy does depends on the episode so far, not on the observation alone. Then
            `act` is right only between `begin_episodes` and `end_episodes`, once a step, with `step_earned` after it;
            elsewhere it takes every observation for the first of an episode.
    """

    reward_weights: FloatArray | None = None
    follows_episodes: ClassVar[bool] = False

    @property
    @abstractmethod
    def agents(self) -> tuple[Agent, ...]:
        """The agents, in row order (M)."""

    @property
    @abstractmethod
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Which agents met a number that is not finite; shape (M,). They are frozen from there on."""

    @property
    @abstractmethod
    def policies(self) -> int:
        """Policies per agent: 1 outside multi-objective RL, there one a row of `reward_weights` (1 without any)."""

    @abstractmethod
    def restart(self, mark: int) -> None:
        """Truncates all training episodes and starts new ones, on seeds keyed by (seed, lineage, mark, index).

        Args:
            mark: The rung's mark in env steps; 0 at the start.
        """

    @abstractmethod
    def advance(self, to_env_steps: int) -> None:
        """Trains whole iterations while the env steps stay at or below a mark."""

    @abstractmethod
    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The deterministic policies' actions; touches no training state.

        Args:
            observations: Shape (M, policies, episodes, *observation).

        Returns:
            Actions of shape (M, policies, episodes, *action), ready for the environment (clipped to its bounds).
        """

    def begin_episodes(self, episodes: int) -> None:  # noqa: B027  # most policies know observations only
        """From here on every `act` is the next step of new episodes; forgets those under way.

        An evaluation of many episodes calls it several times, with as many as are played at once.

        Args:
            episodes: Episodes per policy.
        """

    def step_earned(self, rewards: FloatArray) -> None:  # noqa: B027  # as above
        """What the last step brought, where episodes have begun.

        Args:
            rewards: Shape (M, policies, episodes, rewards); zeros where an episode is over.
        """

    def end_episodes(self) -> None:  # noqa: B027  # as above
        """Forgets the episodes under way."""

    def evaluate(self, environment: Environment, episodes: int, discount: float) -> tuple[FloatArray, IntArray]:
        """Scores the policies on evaluation episodes of their own; touches no training state.

        Args:
            environment: Where.
            episodes: Episodes per policy.
            discount: The study's evaluation discount.

        Returns:
            Discounted returns, shape (M, policies, episodes, rewards), and the env steps each agent took (M).
        """
        seeds = [agent.seed for agent in self.agents]
        earned = self.step_earned if self.follows_episodes else None

        def begin(numbers: range) -> None:
            self.begin_episodes(len(numbers))

        try:
            return evaluate(self.act, environment, seeds, episodes, self.policies, discount, earned, begin)
        finally:
            self.end_episodes()

    def versions(self) -> IntArray:
        """A number per agent that changes whenever its policy may have changed, whoever is beside it; shape (M,)."""
        return np.array([costs.env_steps for costs in self.costs()], dtype=np.int64)

    @abstractmethod
    def costs(self) -> tuple[Costs, ...]:
        """What each agent has spent since its initial weights (M)."""

    @abstractmethod
    def select(self, rows: Sequence[int]) -> Self:
        """A population of these rows, in this order, at the same point of training, without environments."""

    @classmethod
    @abstractmethod
    def concatenate(cls, populations: Sequence[Self]) -> Self:
        """One population of all rows, in order, without environments.

        Raises:
            InvalidInput: If they differ in static hyperparameters or in env steps trained.
        """

    @abstractmethod
    def replace(self, row: int, configuration: Configuration, lineage: str) -> None:
        """Gives a row other hyperparameters (static ones unchanged) and a new lineage; weights stay.

        Raises:
            InvalidInput: If a static hyperparameter would change.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Everything needed to continue at a rung, as arrays whose first axis is the agents (M, ...).

        Raises:
            InvalidInput: If the algorithm declares `checkpoints = "none"`.
        """

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes up a state of `state_dict`; rows of several may have been stacked.

        Raises:
            InvalidInput: If names or shapes do not fit.
        """

    def row_state(self, row: int) -> dict[str, npt.NDArray[Any]]:
        """One agent's share of `state_dict`, as copies without the first axis.

        Rungs are saved and loaded agent by agent. Override this and `load_rows` where a state is large: the defaults
        hold that of all agents once more.

        Raises:
            InvalidInput: If the algorithm declares `checkpoints = "none"`.
        """
        return {name: np.array(array[row], order="C") for name, array in self.state_dict().items()}

    def load_rows(self, states: Iterable[Mapping[str, npt.NDArray[Any]]]) -> None:
        """Takes up states of `row_state`, one an agent and in row order. What raises leaves the population unusable.

        Args:
            states: May be made one at a time, as they are asked for.

        Raises:
            InvalidInput: If names, shapes or the number of states do not fit.
        """
        kept = list(states)
        if len(kept) != len(self.agents):
            raise InvalidInput(f"{len(kept)} states for {len(self.agents)} agents; each needs one")
        if any(set(state) != set(kept[0]) for state in kept):
            raise InvalidInput(f"states of one population hold the same names; got {[sorted(one) for one in kept]}")
        self.load_state_dict({name: np.stack([state[name] for state in kept]) for name in kept[0]})

    def close(self) -> None:  # noqa: B027  # one without environments has nothing to close
        """Closes the training environments."""
