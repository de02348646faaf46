"""Algorithms that keep what they met and learn from draws of it (DQN, SAC, TD3 and the off-policy MDPO)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.images import ImageLayout
from autorl.agents.networks import Layout
from autorl.agents.off_policy_algorithm import OffPolicyAlgorithm
from autorl.agents.population import StackedPopulation, State, observation_length
from autorl.agents.replay import Transitions
from autorl.agents.training import TrainingEnvironments
from autorl.environment import Environment
from autorl.records import Agent
from autorl.seeds import stream

__all__ = ["OffPolicyPopulation"]

Array = npt.NDArray[Any]
FEW = 0.7
"""Share of a population up to which those who learn are gathered."""

A = TypeVar("A", bound=OffPolicyAlgorithm)


class OffPolicyPopulation(StackedPopulation[A], Generic[A]):
    """Agents that act one vector step, keep it, and learn from draws where one is due.

    When learning is due differs between agents (`learning_starts`, `train_freq`, `gradient_steps`); those not due keep
    every bit. A subclass says how it acts (`explore`) and learns (`learn`).

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        spaces: What the environment offers.
        gathers: Whether those who learn may be gathered where they are few: `states` then holds all that `learn` reads
            and changes, besides the replay. The algorithm says so.
        learned: Names of draws made once an update rather than once a step, besides the replay's.
        replay: What was met.
    """

    learned: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.spaces, self.gathers = environment.spaces(), self.static.gathers
        self.replay = self.static.replay(self.spaces)(
            self.size,
            self.static.slots(horizon),
            self.static.environments,
            observation_length(self.spaces, type(self.static)),
            self.static.action_length(self.spaces),
            device,
            self.spaces.rewards,
        )
        self._block = -1
        self._draws: dict[str, Array] = {}
        self._teams: dict[tuple[int, ...], Self] = {}

    @property
    def iteration_env_steps(self) -> int:
        """Env steps of one vector step, per agent."""
        return self.static.environments

    @property
    def environments_per_agent(self) -> int:
        """Sub-environments of one agent."""
        return self.static.environments

    @property
    def block_steps(self) -> int:
        """Vector steps of a block of random numbers."""
        return self.static.block_steps

    @property
    def parameters(self) -> int:
        """Parameters of the acting network."""
        return self.static.parameter_counts(self.spaces)[0]

    @property
    def turns(self) -> npt.NDArray[np.int64]:
        """Gradient steps of everybody's update (M)."""
        return self.columns.whole("gradient_steps")

    def flops(self, row: int) -> float:
        """Floating-point operations an agent has spent."""
        return self.static.flops(self.spaces, int(self.env_steps[row]), int(self.gradient_updates[row]))

    def reconfigure(self) -> None:
        """Has the random numbers drawn anew, whose shapes follow the configurations."""
        self._block = -1
        self._teams.clear()

    def restart(self, mark: int) -> None:
        """Starts training episodes on seeds keyed by (seed, lineage, mark, index); earlier ones end as truncated."""
        super().restart(mark)
        self.replay.cut(self.iteration, ~self.frozen)

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        """One vector step, and the updates that are due."""
        h, step, going = self.columns, self.iteration, ~self.frozen
        starts, times = h.whole("learning_starts"), self.turns
        place = self._place(step)
        seen = training.observations
        random = starts > step * self.static.environments
        stored, taken = self.explore(seen, random, {name: draws[:, place] for name, draws in self._draws.items()})
        answer = training.step(taken)
        self.replay.add(step, seen, stored, answer, going)
        self.remember(step, going)
        self.stepped(step, going)
        sound = _finite(answer.rewards, self.size) & _finite(answer.next_observations, self.size)
        done = step + 1
        due = going & sound & (done % h.whole("train_freq") == 0) & (done * self.static.environments > starts)
        if not np.count_nonzero(due):
            return sound
        for turn in range(int(times[due].max())):
            learning = due & (times > turn)
            sound &= self._updated(turn, place, learning) | ~learning
            self.gradient_updates += learning
        return sound

    @abstractmethod
    def explore(
        self, observations: Array, random: npt.NDArray[np.bool_], draws: Mapping[str, Array]
    ) -> tuple[Any, Any]:
        """Actions with exploration.

        Args:
            observations: Shape (M, N, inputs).
            random: Who acts uniformly at random, since it has not met `learning_starts` env steps yet (M).
            draws: This step's share of `noise`, each (M, ...).

        Returns:
            Actions as the replay keeps them (M, N, length), and as the environment takes them (M, N, *action).
        """

    @abstractmethod
    def learn(
        self, batch: Transitions, rows: Array, turn: int, learning: npt.NDArray[np.bool_], draws: Mapping[str, Array]
    ) -> npt.NDArray[np.bool_]:
        """One gradient step of those who learn; the others keep every bit.

        Args:
            batch: What they learn from.
            rows: Where it stands in the replay (M, batch).
            turn: The number of this gradient step since the last vector step.
            learning: Who learns (M).
            draws: This update's share of `noise`, of the names in `learned`.

        Returns:
            Whose gradients are finite (M).
        """

    @abstractmethod
    def noise(self, generator: np.random.Generator, configuration: A, steps: int) -> dict[str, Array]:
        """What one agent's block of vector steps needs besides the replay's draws, each of shape (steps, ...).

        Args:
            generator: The agent's stream "exploration" at this block.
            configuration: The agent's.
            steps: Vector steps of a block.
        """

    def seen(self, observations: Array) -> Tensor:
        """Observations as the networks take them: floats whatever their type, but images as bytes."""
        taken = observations if self.replay.images else observations.astype(np.float32, copy=False)
        return torch.from_numpy(taken).to(self.device)

    def drawn_weights(self, layout: Layout | ImageLayout) -> Tensor:
        """Initial weights (size, P) as torch's linear layers have them, from every agent's stream "weights"."""
        made = [layout.initial(stream(one.seed, "weights", lineage=one.lineage)) for one in self.inside]
        return torch.cat(made)

    def draw(self, units: Array, steps: int) -> Array:
        """Rows to learn from (M, batch), for uniform draws in [0, 1)."""
        rows: Array = (units * self.replay.filled(steps)).astype(np.int64)
        return rows

    def remember(self, step: int, going: npt.NDArray[np.bool_]) -> None:
        """Called when a vector step was kept; a prioritised replay ranks it."""

    def stepped(self, step: int, going: npt.NDArray[np.bool_]) -> None:
        """Called after every vector step, before the updates."""

    def states(self) -> dict[str, State]:
        """The replay's contents."""
        return dict(self.replay.states())

    def _updated(self, turn: int, place: int, learning: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """A gradient step of those who learn; says whose gradients are finite.

        Where they are few they are gathered: a population of them alone has their bits, since those do not depend on
        company, and takes less time than one in which the others compute for nothing.
        """
        done, h = self.iteration + 1, self.columns
        rows = self.draw(self._draws["replay"][:, place, turn], done)
        draws = {name: draws[:, place, turn] for name, draws in self._draws.items() if name in self.learned}
        if not self.gathers or learning.sum() > FEW * self.size:
            batch = self.replay.sample(rows, done, h.gamma, h.whole("n_steps"))
            return self.learn(batch, rows, turn, learning, draws)
        chosen = self._inside(np.flatnonzero(learning).tolist())
        team = self._team(chosen)
        team.take(self, chosen)
        batch = self.replay.sample(rows[chosen], done, team.columns.gamma, team.columns.whole("n_steps"), chosen)
        everybody, own = np.ones(team.size, dtype=np.bool_), {name: draws[name][chosen] for name in draws}
        finite = np.ones(self.size, dtype=np.bool_)
        finite[chosen] = team.learn(batch, rows[chosen], turn, everybody, own)
        team.give(self, chosen)
        return finite

    def _team(self, rows: list[int]) -> Self:
        """A population of some rows that only learns: it has neither environments nor a replay of its own."""
        key = tuple(rows)
        if key not in self._teams:
            kept = sum(team.size for team in self._teams.values())
            while self._teams and kept + len(rows) > self.size:  # together no larger than this population, as planned
                kept -= self._teams.pop(next(iter(self._teams))).size
            inside = self._inside(self._configurations)
            team = type(self)(
                [inside[row] for row in rows],
                [self.inside[row] for row in rows],
                self.environment,
                self.static.environments,
                self.device,
            )
            team.horizon = self.horizon
            self._teams[key] = team
        return self._teams[key]

    def take(self, whole: Self, rows: Sequence[int]) -> None:
        """Copies all that learning reads or changes, besides the replay, from rows of a larger population."""
        self.iteration, self.gradient_updates[...] = whole.iteration, whole.gradient_updates[rows]
        for own, theirs in self._learned_states(whole):
            own[...] = theirs[rows]

    def give(self, whole: Self, rows: Sequence[int]) -> None:
        """Copies it back; of a lone row and its copy either will do."""
        for own, theirs in self._learned_states(whole):
            theirs[rows] = own

    def _learned_states(self, whole: Self) -> Iterator[tuple[Any, Any]]:
        own, theirs = self.states(), whole.states()
        return ((own[name], theirs[name]) for name in own if name not in self.replay.states())

    def _place(self, step: int) -> int:
        """The step's place in its block, whose random numbers are drawn if they are not there."""
        block, place = divmod(step, self.block_steps)
        if block != self._block:
            self._block = block
            self._draws = {}  # before the new ones come, or both would be there
            for row, agent in enumerate(self._agents):
                self._fill(row, self._drawn(agent, self._configurations[row], block))
        return place

    def _fill(self, row: int, drawn: dict[str, Array]) -> None:
        """Puts an agent's draws (steps, turns, ...) beside those of the others; what is left over is never read."""
        if not self._draws:
            # Agents differ in turns alone, and those are of what is drawn once an update.
            longest, updates = int(self.turns.max()), {"replay", *self.learned}
            for name, one in drawn.items():
                steps, second, *rest = one.shape
                shape = (self.size, steps, longest if name in updates else second, *rest)
                self._draws[name] = np.zeros(shape, dtype=one.dtype)
        for name in list(drawn):
            one = drawn.pop(name)
            own = self._draws[name][row:] if len(self._agents) == 1 else self._draws[name][row : row + 1]
            own[:, :, : one.shape[1]] = one  # a lone agent's copy has the same

    def _drawn(self, agent: Agent, configuration: A, block: int) -> dict[str, Array]:
        steps = self.block_steps
        shape = (steps, configuration.gradient_steps, configuration.transitions)
        units = stream(agent.seed, "replay", lineage=agent.lineage, index=block).random(shape)
        generator = stream(agent.seed, "exploration", lineage=agent.lineage, index=block)
        return {"replay": units, **self.noise(generator, configuration, steps)}


def _finite(numbers: Array, size: int) -> npt.NDArray[np.bool_]:
    """Whose numbers (M N, ...) are finite (M) as the replay keeps them: what is too large for float32 is not."""
    with np.errstate(over="ignore"):
        kept = numbers.astype(np.float32) if numbers.dtype == np.float64 else numbers
    found: npt.NDArray[np.bool_] = np.isfinite(kept).reshape(size, -1).all(1)
    return found
