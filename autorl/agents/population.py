"""What every native population does alike: rows, lineages, freezing, and moving states about."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.columns import Columns
from autorl.agents.training import TrainingEnvironments
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population.base import Algorithm, Costs, Population
from autorl.records import Agent, Configuration, FloatArray

__all__ = ["StackedPopulation", "State", "observation_length"]

A = TypeVar("A", bound=Algorithm)
T = TypeVar("T")
State = Tensor | npt.NDArray[Any]
"""An array of one row per internal agent, written in place."""


def observation_length(spaces: Spaces, algorithm: type[Algorithm]) -> int:
    """Floats of one observation.

    Args:
        spaces: What the environment offers.
        algorithm: Who is to learn there.

    Raises:
        InvalidInput: If the algorithm does not learn from what the environment gives as a reward.
    """
    algorithm.check_rewards(spaces)
    assert spaces.observation.shape is not None  # the backends flatten every other observation
    return int(np.prod(spaces.observation.shape, dtype=np.int64))


class StackedPopulation(Population, Generic[A]):
    """Agents stacked along the first axis of every array.

    Inside, a lone agent is trained beside a copy of itself: with one row, matrix products and reductions take other
    kernels, and its bits would differ from those it has in company. `size` counts the copy, `len(agents)` does not;
    the copy acts in the agent's own environments and is seen by nobody.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Raises:
        InvalidInput: If there is no agent, or the agents disagree on a static hyperparameter.
    """

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        if not agents:
            raise InvalidInput("a population of 0 agents cannot train; at least one is needed")
        first = configurations[0]
        for configuration in configurations:
            if configuration.static_values() != first.static_values():
                raise InvalidInput(
                    f"agents of one population must agree on static hyperparameters; got "
                    f"{dict(first.static_values())} and {dict(configuration.static_values())}"
                )
        self.environment, self.horizon, self.device = environment, horizon, device
        self.static: A = first
        self._agents, self._configurations = tuple(agents), tuple(configurations)
        self.size = max(2, len(agents))
        self.columns = Columns(self._inside(self._configurations), device)
        self.iteration = 0
        self.env_steps = np.zeros(self.size, dtype=np.int64)
        self.gradient_updates = np.zeros(self.size, dtype=np.int64)
        self.frozen = np.zeros(self.size, dtype=np.bool_)
        self._training: TrainingEnvironments | None = None

    @classmethod
    def begin(
        cls, algorithm: type[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> Self:
        """Builds agents at their initial weights; the arguments are those of `Algorithm.population`.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        configurations = [algorithm.configure(agent.configuration) for agent in agents]
        made = cls(configurations, agents, environment, horizon, device)
        made.initialise()
        return made

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents, in row order (M)."""
        return self._agents

    @property
    def inside(self) -> Sequence[Agent]:
        """The agents with a lone one's copy, in the order of the arrays (size)."""
        return self._inside(self._agents)

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Which agents met a number that is not finite; shape (M,)."""
        return self.frozen[: len(self._agents)].copy()

    @property
    def policies(self) -> int:
        """Policies per agent: as many as there are weight vectors, 1 without any."""
        return 1 if self.reward_weights is None else len(self.reward_weights)

    def policy_weights(self, batch: int) -> FloatArray:
        """The weight vector that each row of a batch given to `greedy` is acted for; equal weights if none are set.

        Args:
            batch: Rows: those of the first policy, then those of the second, and so on, equally many each.

        Returns:
            Shape (batch, rewards).
        """
        rewards = self.environment.spaces().rewards
        weights = np.full((1, rewards), 1 / rewards) if self.reward_weights is None else self.reward_weights
        return np.repeat(weights, batch // len(weights), axis=0)

    @property
    def left(self) -> float:
        """The share of the horizon that is left when this iteration begins, to which annealing refers."""
        return max(0.0, 1 - self.iteration * self.iteration_env_steps / self.horizon)

    @abstractmethod
    def initialise(self) -> None:
        """Draws every agent's initial weights, from streams of its own."""

    @property
    @abstractmethod
    def iteration_env_steps(self) -> int:
        """Env steps of one iteration, per agent."""

    @property
    @abstractmethod
    def environments_per_agent(self) -> int:
        """Training sub-environments of one agent."""

    @abstractmethod
    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        """One iteration: rollout and updates.

        Returns:
            Which agents are sound (size): every number they met is finite.
        """

    @abstractmethod
    def greedy(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The best actions (size, batch, *action), as the environment takes them, for (size, batch, inputs).

        A batch holds the rows of all of an agent's policies; `policy_weights` says what each is to act for.
        """

    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The best actions; zeros for frozen agents."""
        count, policies, episodes = observations.shape[:3]
        flat = observations.reshape(count, policies * episodes, -1)
        if count < self.size:
            flat = np.repeat(flat, self.size, axis=0)
        with np.errstate(all="ignore"):
            actions = self.greedy(flat)
        actions[self.frozen] = 0
        return actions[:count].reshape(count, policies, episodes, *actions.shape[2:])

    @abstractmethod
    def states(self) -> dict[str, State]:
        """What continues at a rung, besides the counts: live arrays of shape (size, ...), written in place."""

    def restart(self, mark: int) -> None:
        """Starts training episodes on seeds keyed by (seed, lineage, mark, index); earlier ones end as truncated."""
        self.close()
        self._training = TrainingEnvironments(self.environment, self._agents, self.environments_per_agent, mark)

    def advance(self, to_env_steps: int) -> None:
        """Trains whole iterations while the env steps stay at or below a mark.

        Raises:
            InvalidInput: If `restart` was not called before.
        """
        if self._training is None:
            raise InvalidInput(f"advance({to_env_steps}) without training environments; call restart(mark) first")
        while (self.iteration + 1) * self.iteration_env_steps <= to_env_steps:
            going = ~self.frozen
            if going.any():
                self._training.running = going[: len(self._agents)]
                # A diverged agent computes with whatever it has; that is no news.
                with np.errstate(all="ignore"):
                    sound = self.iterate(self._training)
                self.env_steps[going] += self.iteration_env_steps
                self.frozen |= ~sound
            self.iteration += 1

    def select(self, rows: Sequence[int]) -> Self:
        """A population of these rows, in this order, without environments.

        Raises:
            InvalidInput: If a row does not exist.
        """
        chosen = list(rows)
        if not all(0 <= row < len(self._agents) for row in chosen):
            raise InvalidInput(f"rows {chosen} must lie in 0 to {len(self._agents) - 1}")
        made = self._alike([self._configurations[row] for row in chosen], [self._agents[row] for row in chosen])
        made.load_rows(self.row_state(row) for row in chosen)
        return made

    @classmethod
    def concatenate(cls, populations: Sequence[Self]) -> Self:
        """One population of all rows, in order, without environments.

        Raises:
            InvalidInput: If there is none, or they differ in static hyperparameters, environment, horizon, or env
                steps trained.
        """
        if not populations:
            raise InvalidInput("0 populations cannot be concatenated; at least one is needed")
        first = populations[0]
        for other in populations[1:]:
            here, there = (first.environment, first.horizon), (other.environment, other.horizon)
            if here != there:
                raise InvalidInput(f"populations to concatenate differ in environment or horizon: {here} and {there}")
        configurations = [entry for population in populations for entry in population._configurations]
        made = first._alike(configurations, [agent for population in populations for agent in population.agents])
        rows = [(population, row) for population in populations for row in range(len(population.agents))]
        made.load_rows(population.row_state(row) for population, row in rows)
        return made

    def replace(self, row: int, configuration: Configuration, lineage: str) -> None:
        """Gives a row other hyperparameters and a new lineage; weights and optimiser stay.

        The environments of the row keep their seeds until the next `restart`.

        Raises:
            InvalidInput: If a static hyperparameter would change, or the row does not exist.
        """
        if not 0 <= row < len(self._agents):
            raise InvalidInput(f"row {row} must lie in 0 to {len(self._agents) - 1}")
        configured = type(self.static).configure(configuration)
        before, after = dict(self.static.static_values()), dict(configured.static_values())
        if before != after:
            raise InvalidInput(f"replacing row {row} must keep static hyperparameters; got {after} for {before}")
        agents, configurations = list(self._agents), list(self._configurations)
        agents[row] = Agent(dict(configuration), agents[row].seed, lineage)
        configurations[row] = configured
        self._agents, self._configurations = tuple(agents), tuple(configurations)
        self.columns = Columns(self._inside(self._configurations), self.device)
        self.reconfigure()

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to parts that keep a copy of their own."""

    def costs(self) -> tuple[Costs, ...]:
        """What each agent has spent since its initial weights (M)."""
        return tuple(
            Costs(int(self.env_steps[row]), int(self.gradient_updates[row]), self.flops(row), self.parameters)
            for row in range(len(self._agents))
        )

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Parameters of the acting network."""

    @abstractmethod
    def flops(self, row: int) -> float:
        """Floating-point operations an agent has spent."""

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Everything needed to continue at a rung, each of shape (M, ...)."""
        count = len(self._agents)
        return {name: np.array(_numpy(array)[:count]) for name, array in self._everything().items()}

    def load_state_dict(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes up a state of `state_dict`; rows of several may have been stacked.

        Raises:
            InvalidInput: If names or shapes do not fit, or rows stand at different iterations.
        """
        own, count = self._everything(), len(self._agents)
        _check_shapes(state, {name: (count, *array.shape[1:]) for name, array in own.items()})
        iteration = _common({int(entry) for entry in state["iteration"]})
        for name, array in own.items():
            for row in range(self.size):  # a lone agent's copy has its state
                _overwrite(array, row, state[name][min(row, count - 1)])
        self.iteration = iteration

    def row_state(self, row: int) -> dict[str, npt.NDArray[Any]]:
        """One agent's share of `state_dict`, as copies without the first axis."""
        return {name: np.array(_numpy(array[row]), order="C") for name, array in self._everything().items()}

    def load_rows(self, states: Iterable[Mapping[str, npt.NDArray[Any]]]) -> None:
        """Takes up states of `row_state`, one an agent and in row order, of which it holds one at a time.

        Raises:
            InvalidInput: If names, shapes or the number of states do not fit, or rows stand at different iterations;
                the population is unusable then.
        """
        own, count, row = self._everything(), len(self._agents), 0
        shapes, iterations = {name: tuple(array.shape[1:]) for name, array in own.items()}, set()
        for state in states:
            if row < count:
                _check_shapes(state, shapes)
                iterations.add(int(state["iteration"]))
                _common(iterations)
                for name, array in own.items():
                    for place in range(self.size) if count == 1 else [row]:  # a lone one's copy too
                        _overwrite(array, place, state[name])
            row += 1
            del state  # or it would be held while the next one is made
        if row != count:
            raise InvalidInput(f"{row} states for {count} agents; each needs one")
        self.iteration = _common(iterations)

    def close(self) -> None:
        """Closes the training environments."""
        if self._training is not None:
            self._training.close()
        self._training = None

    def _everything(self) -> dict[str, State]:
        counts: dict[str, State] = {
            "iteration": np.full(self.size, self.iteration, dtype=np.int64),
            "env_steps": self.env_steps,
            "gradient_updates": self.gradient_updates,
            "diverged": self.frozen,
        }
        return {**counts, **self.states()}

    def _alike(self, configurations: Sequence[A], agents: Sequence[Agent]) -> Self:
        made = type(self)(configurations, agents, self.environment, self.horizon, self.device)
        made.reward_weights = self.reward_weights
        return made

    @staticmethod
    def _inside(rows: Sequence[T]) -> list[T]:
        return [rows[0], rows[0]] if len(rows) == 1 else list(rows)


def _numpy(array: State) -> npt.NDArray[Any]:
    return array.cpu().numpy() if isinstance(array, Tensor) else array


def _overwrite(target: State, row: int, source: npt.NDArray[Any]) -> None:
    """Writes one row, which may come from memory that cannot be written."""
    if isinstance(target, Tensor) and target.device.type != "cpu":
        target[row] = torch.from_numpy(np.array(source))
    else:
        _numpy(target)[row] = source


def _check_shapes(state: Mapping[str, npt.NDArray[Any]], needed: Mapping[str, tuple[int, ...]]) -> None:
    if set(state) != set(needed):
        raise InvalidInput(f"the state holds {sorted(state)}; needed are {sorted(needed)}")
    for name, shape in needed.items():
        if state[name].shape != shape:
            raise InvalidInput(f"state {name!r} has shape {state[name].shape}; needed is {shape}")


def _common(iterations: set[int]) -> int:
    """The only iteration among those of several rows."""
    if len(iterations) != 1:
        raise InvalidInput(f"rows at different iterations {sorted(iterations)} cannot train together")
    return next(iter(iterations))
