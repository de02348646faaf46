"""Trainers of one agent, looped into a population: the seam behind functions, libraries and scripts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NoReturn, Self

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box

from autorl.environment import Environment
from autorl.environment.evaluation import evaluate
from autorl.errors import InvalidInput
from autorl.population.base import Algorithm, Costs, Population
from autorl.population.generators import OwnGenerators
from autorl.records import Agent, Configuration, FloatArray
from autorl.seeds import integer_seed

__all__ = ["OneAgentAlgorithm", "OneAgentPopulation", "OneAgentTrainer"]


class OneAgentTrainer(ABC):
    """One agent that trains by itself.

    Every method runs with generators of the agent's own in place of `random`, `numpy.random` and torch's default,
    so that a trainer may draw from them.
    """

    @abstractmethod
    def advance(self, to_env_steps: int) -> None:
        """Trains to a mark in env steps: never past it if the algorithm rounds down, else until it is reached."""

    @abstractmethod
    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The current policy's actions for a batch: (episodes, *observation) -> (episodes, *action).

        Raises:
            InvalidInput: If there is no policy to act with.
        """

    @abstractmethod
    def costs(self) -> Costs:
        """What was spent since the initial weights."""

    @property
    def version(self) -> int:
        """A number that changes whenever the policy may have."""
        return self.costs().env_steps

    @property
    def diverged(self) -> bool:
        """Whether a number that is not finite was met."""
        return False

    @property
    def score(self) -> float | None:
        """What stands for the return where the trainer evaluates itself; None if its policy is to be evaluated."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Ends training for good and releases what it holds."""


class OneAgentPopulation(Population):
    """M trainers, one after the other.

    Deviations from a population in lock-step: there is no gain from company; nothing can be saved, copied or given
    other hyperparameters (`checkpoints = "none"`); and `restart` does nothing, since the training environments are
    the trainers' own: a promoted configuration is trained again from zero, with the bits it had.

    Args:
        agents: Who trains (M).
        environment: Where.
        trainers: One an agent.
        generators: The process-wide generators as each agent sees them.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        environment: Environment,
        trainers: Sequence[OneAgentTrainer],
        generators: Sequence[OwnGenerators],
    ) -> None:
        self._agents, self._environment = tuple(agents), environment
        self._trainers, self._generators = list(trainers), list(generators)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents, in row order (M)."""
        return self._agents

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Which agents met a number that is not finite; shape (M,)."""
        return np.array([trainer.diverged for trainer in self._trainers], dtype=np.bool_)

    @property
    def policies(self) -> int:
        """One policy an agent."""
        return 1

    def restart(self, mark: int) -> None:
        """Nothing: see the class."""

    def advance(self, to_env_steps: int) -> None:
        """Trains one agent after the other; what a trainer raises ends the whole population's training.

        Raises:
            Exception: Whatever a trainer raises, with its traceback.
        """
        for trainer, generators in zip(self._trainers, self._generators, strict=True):
            if not trainer.diverged:
                with generators.active():
                    trainer.advance(to_env_steps)

    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The policies' actions, each drawing from generators seeded anew; diverged agents act with zeros.

        Args:
            observations: Shape (M, 1, episodes, *observation).

        Returns:
            Actions of shape (M, 1, episodes, *action), clipped to the bounds of the environment.

        Raises:
            InvalidInput: If an agent has no policy.
        """
        rows = []
        for agent, trainer, batch in zip(self._agents, self._trainers, observations[:, 0], strict=True):
            with _acting(agent).active():
                rows.append(self._actions(trainer, batch))
        return np.stack(rows)[:, None]

    def evaluate(
        self, environment: Environment, episodes: int, discount: float
    ) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        """Scores the policies, one agent after the other, on the episodes any population would play.

        A policy that draws from the process-wide generators finds them seeded by (seed, "acting", lineage). Where a
        trainer gives a score, the score is the return of every episode and costs no env steps.

        Args:
            environment: Where.
            episodes: Episodes per policy.
            discount: The study's evaluation discount.

        Returns:
            Discounted returns, shape (M, 1, episodes, rewards), and the env steps each agent took (M).

        Raises:
            InvalidInput: If a trainer gives a score where there are several rewards.
        """
        returns, steps = [], []
        for agent, trainer in zip(self._agents, self._trainers, strict=True):
            score, rewards = trainer.score, environment.spaces().rewards
            if score is not None and rewards > 1:
                raise InvalidInput(
                    f"the algorithm returned the score {score!r}, but environment {environment.id!r} gives {rewards} "
                    f"rewards, which one number cannot stand for; return a policy instead"
                )
            if score is not None and not trainer.diverged:
                returns.append(np.full((1, episodes, 1), score))
                steps.append(0)
                continue

            def act(batch: npt.NDArray[Any], trainer: OneAgentTrainer = trainer) -> npt.NDArray[Any]:
                return self._actions(trainer, batch[0, 0])[None, None]

            with _acting(agent).active():
                own, taken = evaluate(act, environment, [agent.seed], episodes, 1, discount)
            returns.append(own[0])
            steps.append(int(taken[0]))
        return np.stack(returns), np.array(steps, dtype=np.int64)

    def _actions(self, trainer: OneAgentTrainer, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        space = self._environment.spaces().action
        assert space.shape is not None  # the backends refuse other actions
        shape = (len(batch), *space.shape)
        if trainer.diverged:
            return np.zeros(shape, dtype=space.dtype)
        actions = np.asarray(trainer.act(batch))
        if actions.size != np.prod(shape):
            raise InvalidInput(f"actions of shape {actions.shape} came from the policy where {shape} is needed")
        if isinstance(space, Box):
            actions = np.clip(actions, space.low, space.high)
        return actions.reshape(shape).astype(space.dtype)

    def versions(self) -> npt.NDArray[np.int64]:
        """A number per agent that changes whenever its policy may have; shape (M,)."""
        return np.array([trainer.version for trainer in self._trainers], dtype=np.int64)

    def costs(self) -> tuple[Costs, ...]:
        """What each agent has spent since its initial weights (M)."""
        return tuple(trainer.costs() for trainer in self._trainers)

    def select(self, rows: Sequence[int]) -> Self:
        """A population of these rows that takes the trainers over; the one they came from must not go on with them.

        Raises:
            InvalidInput: If a row is listed twice: a trainer cannot be copied.
        """
        if len(set(rows)) != len(rows):
            raise InvalidInput(f"rows {list(rows)!r} repeat one, and a trainer of one agent cannot be copied")
        return type(self)(
            [self._agents[row] for row in rows],
            self._environment,
            [self._trainers[row] for row in rows],
            [self._generators[row] for row in rows],
        )

    @classmethod
    def concatenate(cls, populations: Sequence[Self]) -> Self:
        """One population of all rows, in order, that takes the trainers over.

        Raises:
            InvalidInput: If they stand in different environments.
        """
        environments = {population._environment for population in populations}
        if len(environments) != 1:
            found = ", ".join(sorted(environment.id for environment in environments)) or "none"
            raise InvalidInput(f"populations of one environment can be joined; received environments: {found}")
        return cls(
            [agent for population in populations for agent in population._agents],
            populations[0]._environment,
            [trainer for population in populations for trainer in population._trainers],
            [generators for population in populations for generators in population._generators],
        )

    def replace(self, row: int, configuration: Configuration, lineage: str) -> None:
        """Not possible.

        Raises:
            InvalidInput: Always.
        """
        self._refuse(f"row {row} cannot take other hyperparameters while it trains")

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Not possible.

        Raises:
            InvalidInput: Always.
        """
        self._refuse("it has no state to save")

    def load_state_dict(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Not possible.

        Raises:
            InvalidInput: Always.
        """
        self._refuse(f"it cannot take up a state ({', '.join(sorted(state)) or 'an empty one'})")

    def _refuse(self, what: str) -> NoReturn:
        raise InvalidInput(f'a trainer of one agent declares checkpoints = "none", so {what}')

    def close(self) -> None:
        """Ends every trainer."""
        for trainer in self._trainers:
            trainer.close()


def _acting(agent: Agent) -> OwnGenerators:
    return OwnGenerators(integer_seed(agent.seed, "acting", lineage=agent.lineage))


class OneAgentAlgorithm(Algorithm):
    """An algorithm whose agents train one by one; subclass it as a frozen dataclass and write `trainer`."""

    checkpoints: ClassVar[Literal["exact", "none"]] = "none"
    lockstep: ClassVar[bool] = False
    counts: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    @abstractmethod
    def trainer(cls, agent: Agent, environment: Environment, horizon: int, device: str) -> OneAgentTrainer:
        """One agent at its initial weights.

        Called with generators of the agent's own in place of the process-wide ones, like all of its methods.

        Args:
            agent: Who trains; it carries a full configuration of this algorithm.
            environment: Where.
            horizon: Full budget in env steps.
            device: "cpu" or a torch device.
        """

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> OneAgentPopulation:
        """One trainer an agent; configurations may differ in every hyperparameter.

        Args:
            agents: Who trains; each carries a full configuration of this algorithm.
            environment: Where.
            horizon: Full budget in env steps per agent.
            device: "cpu" or a torch device.
        """
        trainers, own = [], []
        for agent in agents:
            generators = OwnGenerators(integer_seed(agent.seed, "training", lineage=agent.lineage))
            with generators.active():
                trainers.append(cls.trainer(agent, environment, horizon, device))
            own.append(generators)
        return OneAgentPopulation(agents, environment, trainers, own)
