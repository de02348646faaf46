"""Pareto Q-learning (Van Moffaert and Nowe, 2014, JMLR 15) for a whole population of agents.

A table holds, for every state and action, the mean reward and the set of undominated returns that may follow; which
policies they belong to is found by tracking a return from step to step. Names and defaults are morl-baselines', but for
gamma, which is 0.99 (there: 0.8).

Deviations from the paper: a set holds at most `max_set_size` vectors, the least crowded ones; hypervolumes of a
state's sets are taken on vectors scaled to [0, 1] over that state, with 1.1 as reference, so that nobody has to give a
reference point; of equal vectors of several actions the first action's alone counts for `pareto_cardinality`; an action
never tried adds nothing to the sets before it, and is tried before any other where `untried_first` says so; and
the paper's third way to judge a set, by Pareto dominance alone, is left out. Epsilon falls linearly as in
morl-baselines, but at every env step instead of at the ends of episodes.

An agent's policies are the returns on the front of the first state, at most as many as are asked for, and over again if
there are fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete

from autorl.agents.pareto_sets import ParetoTable, cardinalities, hypervolumes, spread
from autorl.agents.population import StackedPopulation, State, observation_length
from autorl.agents.training import TrainingEnvironments
from autorl.checks import check_choice, check_flag, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population import Algorithm, Plan, hyperparameter
from autorl.records import Agent, FloatArray
from autorl.seeds import stream

__all__ = ["ParetoQ", "ParetoQPopulation", "StateNumbers"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

STEPS = 8
"""Vector steps of an iteration, whose random numbers are drawn at once."""
MAX_STATES = 20_000
EVALUATIONS = {"hypervolume": hypervolumes, "pareto_cardinality": cardinalities}


@dataclass(frozen=True)
class StateNumbers:
    """A number for every observation of whole numbers.

    Attributes:
        low: Smallest numbers (inputs,).
        sizes: How many each coordinate can take.
    """

    low: Ints
    sizes: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many states there are."""
        return int(np.prod([float(size) for size in self.sizes]))

    def __call__(self, observations: Array) -> Ints:
        """States (...) of observations (..., inputs); what lies outside counts as the nearest inside."""
        places = np.rint(observations).astype(np.int64) - self.low
        inside = np.clip(places, 0, np.array(self.sizes) - 1)
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(inside, -1, 0)), self.sizes), dtype=np.int64)

    @staticmethod
    def of(space: Any) -> StateNumbers:
        """Those of an observation space.

        Raises:
            InvalidInput: If observations are not whole numbers between bounds, or are too many.
        """
        whole = isinstance(space, Box) and (np.issubdtype(space.dtype, np.integer) or space.dtype == np.bool_)
        if not whole:
            raise InvalidInput(
                f"ParetoQ keeps a table of states, so observations must be whole numbers between bounds, not {space}"
            )
        low = space.low.astype(np.int64).reshape(-1)
        sizes = tuple(int(size) for size in space.high.astype(np.int64).reshape(-1) - low + 1)
        made = StateNumbers(low, sizes)
        if made.count > MAX_STATES:
            raise InvalidInput(
                f"ParetoQ keeps a table of at most {MAX_STATES} states; {space} has {made.count:.4g} of them"
            )
        return made


@dataclass(frozen=True)
class ParetoQ(Algorithm):
    """One configuration of Pareto Q-learning; `static` ones must agree within a population.

    Attributes:
        gamma: Discount per env step.
        n_envs: Sub-environments an agent acts in at once.
        action_eval: What a set is worth where actions are compared: its "hypervolume", or its share of the state's
            front, "pareto_cardinality".
        initial_epsilon: Chance of a uniformly random action at first.
        final_epsilon: That chance at last.
        epsilon_decay_steps: Env steps over which it changes linearly.
        untried_first: Whether an action never tried in a state is worth more there than any other.
        max_set_size: Vectors kept for a state and action.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "pareto_q"
    summary: ClassVar[str] = "Pareto Q-learning: tables of sets; few discrete observations and actions"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"
    counts: ClassVar[frozenset[str]] = frozenset()

    gamma: float = hyperparameter(0.99)
    n_envs: int = hyperparameter(1, static=True)
    action_eval: str = hyperparameter("hypervolume", static=True)
    initial_epsilon: float = hyperparameter(1.0)
    final_epsilon: float = hyperparameter(0.1)
    epsilon_decay_steps: int = hyperparameter(100_000)
    untried_first: bool = hyperparameter(False)
    max_set_size: int = hyperparameter(64, static=True)

    def __post_init__(self) -> None:
        for name in ("gamma", "initial_epsilon", "final_epsilon"):
            check_number(name, getattr(self, name), 0, 1)
        for name in ("n_envs", "epsilon_decay_steps", "max_set_size"):
            check_whole(name, getattr(self, name), 1)
        check_choice("action_eval", self.action_eval, tuple(EVALUATIONS))
        check_flag("untried_first", self.untried_first)

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> ParetoQPopulation:
        """Builds agents with empty tables.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return ParetoQPopulation.begin(cls, agents, environment, horizon, device)

    def shape(self, spaces: Spaces) -> tuple[StateNumbers, int]:
        """The states, and how many actions there are.

        Raises:
            InvalidInput: If observations or actions are not few and discrete, or there is but one reward.
        """
        observation_length(spaces, type(self))
        if not isinstance(spaces.action, Discrete):
            raise InvalidInput(f"ParetoQ acts in Discrete spaces, not in {spaces.action}: it keeps a set per action")
        return StateNumbers.of(spaces.observation), int(spaces.action.n)

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        """What this configuration costs.

        Raises:
            InvalidInput: If the algorithm cannot act in these spaces.
        """
        states, actions = self.shape(spaces)
        cells = states.count * actions
        return Plan(
            iteration_env_steps=STEPS * self.n_envs,
            memory_bytes=8 * cells * (spaces.rewards * (self.max_set_size + 1) + 2),
        )


class ParetoQPopulation(StackedPopulation[ParetoQ]):
    """Agents that learn by Pareto Q-learning.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: Unused: tables are NumPy's.

    Attributes:
        numbers: Which state an observation is.
        table: What was learned.
    """

    follows_episodes: ClassVar[bool] = True

    def __init__(
        self,
        configurations: Sequence[ParetoQ],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        spaces = environment.spaces()
        self.numbers, self.actions = self.static.shape(spaces)
        self.table = ParetoTable(self.size, self.numbers.count, self.actions, self.static.max_set_size, spaces.rewards)
        self._tracking = False
        self._targets: FloatArray | None = None

    def initialise(self) -> None:
        """Nothing to draw: tables begin empty."""

    @property
    def iteration_env_steps(self) -> int:
        """Env steps of one iteration, per agent."""
        return STEPS * self.static.n_envs

    @property
    def environments_per_agent(self) -> int:
        """Sub-environments of one agent."""
        return self.static.n_envs

    @property
    def parameters(self) -> int:
        """There is no network."""
        return -1

    def flops(self, row: int) -> float:
        """Not counted."""
        return float("nan")

    def epsilons(self, env_steps: int) -> FloatArray:
        """Everybody's chance of a random action after so many env steps (size)."""
        first, last = self.columns.numbers("initial_epsilon"), self.columns.numbers("final_epsilon")
        share = np.minimum(env_steps / self.columns.numbers("epsilon_decay_steps"), 1.0)
        return first + share * (last - first)

    def iterate(self, training: TrainingEnvironments) -> Flags:
        """Acts, and learns from every step at once."""
        count, gammas = self.static.n_envs, self.columns.numbers("gamma")
        shape = (STEPS, count, self.actions + 1)
        units = np.stack(
            [
                stream(one.seed, "exploration", lineage=one.lineage, index=self.iteration).random(shape)
                for one in self.inside
            ]
        )
        sound = np.ones(self.size, dtype=np.bool_)
        for step in range(STEPS):
            states = self.numbers(training.observations)
            done = (self.iteration * STEPS + step) * count
            actions = self._explored(states, units[:, step], self.epsilons(done), sound & ~self.frozen)
            answer = training.step(actions)
            sound &= np.isfinite(answer.rewards).all((1, 2)) & np.isfinite(answer.next_observations).all((1, 2))
            arrived = self.numbers(answer.next_observations)
            rows = np.flatnonzero(sound & ~self.frozen)
            for place in range(count):  # one after the other: they may stand in the same state
                self.table.learn(
                    rows,
                    states[rows, place],
                    actions[rows, place],
                    answer.rewards[rows, place],
                    arrived[rows, place],
                    answer.terminated[rows, place],
                    gammas[rows],
                )
        return sound

    def _explored(self, states: Ints, units: FloatArray, epsilons: FloatArray, going: Flags) -> Ints:
        """The actions of the best sets (size, N), ties broken evenly, or with probability epsilon any."""
        gammas, untried = self.columns.numbers("gamma"), self.columns.flags("untried_first")
        actions: Ints = units[:, :, 1:].argmax(2)  # evenly any
        greedy = (units[:, :, 0] >= epsilons[:, None]) & going[:, None]
        for row, place in np.argwhere(greedy):
            state = states[row, place]
            vectors, valid = self.table.values(np.array([row]), np.array([state]), gammas[row : row + 1])
            worth = EVALUATIONS[self.static.action_eval](vectors[0], valid[0])
            if untried[row]:
                worth[self.table.visits[row, state] == 0] = np.inf
            actions[row, place] = np.where(worth == worth.max(), units[row, place, 1:], -1.0).argmax()
        return actions

    def greedy(self, observations: Array) -> Array:
        """The actions that lead to the policies' returns: from a first state, or on the way there."""
        states, gammas = self.numbers(observations), self.columns.numbers("gamma")
        targets = self.targets(states) if self._targets is None else self._targets
        rows = range(self.size)
        tracked = [self.table.track(row, states[row], targets[row], float(gammas[row])) for row in rows]
        if self._tracking:
            self._targets = np.stack([following for _, following in tracked])
        return np.stack([actions for actions, _ in tracked])

    def targets(self, states: Ints) -> FloatArray:
        """The returns that policies are to reach from first states (size, policies * episodes) on."""
        gammas, rewards = self.columns.numbers("gamma"), self.table.rewards.shape[3]
        targets = np.zeros((*states.shape, rewards))
        policy = np.arange(states.shape[1]) // (states.shape[1] // self.policies)
        for row in range(self.size):
            for state in np.unique(states[row]):
                front = self.table.front(row, int(state), float(gammas[row]))
                if len(front):
                    here = states[row] == state
                    chosen = spread(front, self.policies)
                    targets[row, here] = chosen[policy[here] % len(chosen)]
        return targets

    def begin_episodes(self, episodes: int) -> None:
        """Every policy tracks its return from step to step, from the first state it will see."""
        self._tracking, self._targets = True, None

    def end_episodes(self) -> None:
        """Returns are no longer tracked."""
        self._tracking, self._targets = False, None

    def states(self) -> dict[str, State]:
        """The tables."""
        return dict(self.table.states())
