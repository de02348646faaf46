"""Pareto Conditioned Networks (Reymond, Bargiacchi and Nowe, 2022, arXiv 2204.05036) for a whole population of agents.

A network is told what to achieve, a command of desired return and desired horizon, and learns which actions achieved
what by classifying the actions of the best episodes met. It reaches concave parts of a front, in deterministic
environments: elsewhere one lucky episode becomes a promise. Names and defaults are those of morl-baselines where they
are one number; its continuous actions are left out.

Deviations from the paper: an iteration is a number of steps in several sub-environments instead of a number of
episodes, and every episode has a command of its own; new episodes compete for the memory as soon as an iteration is
over, ranked as `autorl.agents.episodes.ranking` says; commands are divided by the largest sizes in the memory and
bounded by the largest return in it, both of which the paper is told for every environment (so that a command that asks
for more than the best episode earned asks for no more than it from the second step on); with a gamma below 1 what is
left of a desired return is divided by gamma; and embeddings are followed by `depth` hidden layers instead of one.

An agent's policies are those of the episodes on its front, at most as many as are asked for, and over again if there
are fewer: each acts for its episode's return and length, of which every step's reward and time are taken off.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from torch import Tensor

from autorl.agents.commands import improved, remaining
from autorl.agents.conditioned import ConditionedLayout, ConditionedNetwork
from autorl.agents.distributions import CategoricalActions
from autorl.agents.episodes import Episode, EpisodeBuffer, returns_to_go
from autorl.agents.images import refuse_images
from autorl.agents.normalization import ObservationNormalizer
from autorl.agents.optimiser import Adam
from autorl.agents.population import StackedPopulation, State, observation_length
from autorl.agents.training import TrainingEnvironments
from autorl.checks import check_choice, check_flag, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population import Algorithm, Plan, hyperparameter
from autorl.records import Agent, FloatArray
from autorl.seeds import stream

__all__ = ["PCN", "PCNPopulation", "actions_of"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
ADAM_EPS = 1e-8


@dataclass(frozen=True)
class PCN(Algorithm):
    """One configuration of PCN; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size.
        gamma: Discount per env step, above 0. Static, since returns are kept as discounted by it.
        n_envs: Sub-environments an agent acts in at once.
        n_steps: Steps in each of them per iteration.
        batch_size: Steps of kept episodes in a gradient step.
        num_er_episodes: Episodes of uniformly random actions at first; later the best so many give commands.
        num_model_updates: Gradient steps of an iteration.
        max_buffer_size: Episodes kept.
        scaling_factor: Size of the largest command as the network sees it.
        normalize_observations: Whether observations are shifted and scaled by running statistics.
        activation: "relu" or "tanh", of the hidden layers.
        width: Units of the embeddings and of a hidden layer.
        depth: Hidden layers behind the embeddings, 0 to 3.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "pcn"
    summary: ClassVar[str] = "Pareto Conditioned Networks: fronts of deterministic environments, concave ones too"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"

    learning_rate: float = hyperparameter(1e-3)
    gamma: float = hyperparameter(1.0, static=True)
    n_envs: int = hyperparameter(16, static=True)
    n_steps: int = hyperparameter(16, static=True)
    batch_size: int = hyperparameter(256, static=True)
    num_er_episodes: int = hyperparameter(20)
    num_model_updates: int = hyperparameter(50)
    max_buffer_size: int = hyperparameter(100, static=True)
    scaling_factor: float = hyperparameter(3.0)
    normalize_observations: bool = hyperparameter(False)
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(64, static=True)
    depth: int = hyperparameter(1, static=True)

    def __post_init__(self) -> None:
        check_number("learning_rate", self.learning_rate, 0, sys.float_info.max)
        check_number("gamma", self.gamma, 0, 1, above=True)
        check_number("scaling_factor", self.scaling_factor, 0, sys.float_info.max, above=True)
        for name in ("n_envs", "n_steps", "batch_size", "num_er_episodes", "max_buffer_size", "width"):
            check_whole(name, getattr(self, name), 1)
        check_whole("num_model_updates", self.num_model_updates, 0)
        check_whole("depth", self.depth, 0, 3)
        check_flag("normalize_observations", self.normalize_observations)
        check_choice("activation", self.activation, ("tanh", "relu"))

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> PCNPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return PCNPopulation.begin(cls, agents, environment, horizon, device)

    def layout(self, spaces: Spaces) -> ConditionedLayout:
        """The network: an output per action.

        Raises:
            InvalidInput: If actions are not discrete, observations are images, or there is but one reward.
        """
        refuse_images(spaces.observation, type(self).__name__)
        inputs = observation_length(spaces, type(self))
        return ConditionedLayout(inputs, spaces.rewards + 1, self.width, self.depth, actions_of(spaces).heads)

    def flops(self, layout: ConditionedLayout, env_steps: int, updates: int) -> float:
        """Two operations a weight and pass: one to act, three to learn."""
        return 2.0 * layout.parameters * env_steps + 6.0 * layout.parameters * self.batch_size * updates

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        """What this configuration costs; gradient steps begin when enough episodes ended, which nobody knows before.

        Raises:
            InvalidInput: If the algorithm cannot act in these spaces.
        """
        layout, steps = self.layout(spaces), spaces.max_episode_steps
        assert steps is not None  # a backend refuses an environment without a limit
        step_bytes = 4 * layout.inputs + 8 * (1 + spaces.rewards)
        batch_bytes = 4 * self.batch_size * (layout.inputs + spaces.rewards + 8 * self.width * (self.depth + 3))
        return Plan(
            iteration_env_steps=self.n_steps * self.n_envs,
            parameters=layout.parameters,
            memory_bytes=(self.max_buffer_size + self.n_envs) * steps * step_bytes
            + 16 * layout.length
            + batch_bytes
            + 16 * self.batch_size * self.num_model_updates,
        )


def actions_of(spaces: Spaces) -> CategoricalActions:
    """The kind of actions.

    Raises:
        InvalidInput: If they are not discrete.
    """
    if not isinstance(spaces.action, Discrete):
        raise InvalidInput(f"PCN acts in Discrete spaces, not in {spaces.action}: it learns by classifying actions")
    return CategoricalActions(spaces.action)


class PCNPopulation(StackedPopulation[PCN]):
    """Agents that learn by PCN.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        weights: Parameters of the networks (size, P).
        network: The networks.
        optimiser: Adam on all of their parameters.
        normalizer: Running statistics of observations.
        episodes: The memory.
    """

    follows_episodes: ClassVar[bool] = True

    def __init__(
        self,
        configurations: Sequence[PCN],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        static, spaces = self.static, environment.spaces()
        self.layout, self.actions = static.layout(spaces), actions_of(spaces)
        self.weights = torch.zeros(self.size, self.layout.length, device=device)
        self.gradients = torch.zeros_like(self.weights)
        self.network = ConditionedNetwork(self.layout, self.weights, static.activation, self.gradients)
        self.optimiser = Adam(self.weights, np.full(self.size, ADAM_EPS))
        self.normalizer = ObservationNormalizer(self.columns.flags("normalize_observations"), self.layout.inputs)
        steps = spaces.max_episode_steps
        assert steps is not None  # a backend refuses an environment without a limit
        inputs, rewards, count = self.layout.inputs, spaces.rewards, static.n_envs
        self.episodes = EpisodeBuffer(self.size, static.max_buffer_size, steps, inputs, rewards)
        # The episodes under way: what was met, how long they are, and what they are to achieve
        self._seen = np.zeros((self.size, count, steps, inputs), dtype=np.float32)
        self._taken = np.zeros((self.size, count, steps), dtype=np.int64)
        self._earned = np.zeros((self.size, count, steps, rewards))
        self._elapsed = np.zeros((self.size, count), dtype=np.int64)
        self._commands = np.zeros((self.size, count, rewards + 1))
        self._random = np.zeros((self.size, count), dtype=np.bool_)
        # The evaluated episodes under way: what is left of their commands, and the largest return in the memory
        self._pursued: FloatArray | None = None
        self._largest = self.episodes.largest()

    def initialise(self) -> None:
        """Draws every agent's initial weights, from its stream "weights", as torch initialises linear layers."""
        made = [self.layout.initial(stream(one.seed, "weights", lineage=one.lineage)) for one in self.inside]
        self.weights.copy_(torch.cat(made))

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        self.normalizer.enabled = self.columns.flags("normalize_observations")

    @property
    def iteration_env_steps(self) -> int:
        """Env steps of one iteration, per agent."""
        return self.static.n_steps * self.static.n_envs

    @property
    def environments_per_agent(self) -> int:
        """Sub-environments of one agent."""
        return self.static.n_envs

    @property
    def parameters(self) -> int:
        """Parameters of the network."""
        return self.layout.parameters

    def flops(self, row: int) -> float:
        """Floating-point operations an agent has spent."""
        return self.static.flops(self.layout, int(self.env_steps[row]), int(self.gradient_updates[row]))

    def restart(self, mark: int) -> None:
        """Starts training episodes on seeds keyed by (seed, lineage, mark, index); earlier ones are forgotten."""
        super().restart(mark)
        self._elapsed[:] = 0

    def iterate(self, training: TrainingEnvironments) -> Flags:
        """Steps for commands, ranks the episodes that ended, and learns from the memory."""
        self.normalizer.enabled = self.columns.flags("normalize_observations") & ~self.frozen
        ended: list[list[Episode]] = [[] for _ in range(self.size)]
        sound = self._collect(training, ended) & ~self.frozen
        for row in np.flatnonzero(sound):
            self.episodes.offer(int(row), ended[row])
        ready = sound & (self.episodes.met >= self.columns.whole("num_er_episodes"))
        if ready.any():
            self._learn(ready)
        finite: Flags = self.weights.isfinite().all(1).cpu().numpy()
        return (sound | self.frozen) & finite

    def _collect(self, training: TrainingEnvironments, ended: list[list[Episode]]) -> Flags:
        """Acts for an iteration's steps and notes the episodes that ended; tells whose numbers are finite."""
        steps, count = self.static.n_steps, self.static.n_envs
        generators = [stream(one.seed, "rollout", lineage=one.lineage, index=self.iteration) for one in self.inside]
        noise = np.stack([self.actions.noise(generator, (steps, count)) for generator in generators])
        units = np.stack([generator.random((steps, count, 3)) for generator in generators])
        few = self.episodes.met < self.columns.whole("num_er_episodes")
        largest, scales, gamma = self.episodes.largest(), self._scales(), self.static.gamma
        agents, environments = np.indices((self.size, count))
        # One for every step, though only where an episode begins one is taken: drawn at once they cost next to nothing
        every = units.reshape(self.size, steps * count, 3)
        made = [improved(*best, drawn) for best, drawn in zip(self._best(), every, strict=True)]
        commands = np.stack(made).reshape(self.size, steps, count, -1)
        sound = np.ones(self.size, dtype=np.bool_)
        for step in range(steps):
            first = self._elapsed == 0
            self._commands = np.where(first[:, :, None], commands[:, step], self._commands)
            self._random = np.where(first, few[:, None], self._random)
            seen = training.observations
            self.normalizer.update(seen)
            logits = self._outputs(seen, self._commands, scales).transpose(1, 2).cpu().numpy()
            actions = self.actions.sample(np.where(self._random[:, :, None], 0, logits), logits, noise[:, step])
            answer = training.step(actions)
            sound &= np.isfinite(answer.rewards).all((1, 2)) & np.isfinite(answer.next_observations).all((1, 2))
            self._seen[agents, environments, self._elapsed] = seen
            self._taken[agents, environments, self._elapsed] = actions
            self._earned[agents, environments, self._elapsed] = answer.rewards
            self._elapsed += ~self.frozen[:, None]
            self._commands = remaining(self._commands, answer.rewards, gamma, largest)
            over = answer.terminated | answer.truncated
            for row, place in np.argwhere(over & sound[:, None]):
                ended[row].append(self._episode(row, place))
            self._elapsed[over] = 0
        return sound

    def _best(self) -> list[tuple[FloatArray, npt.NDArray[np.int64]]]:
        """Returns (n, rewards) and lengths (n,) of everybody's episodes on the front, of which commands are made."""
        returns, lengths = self.episodes.best()
        counts = np.minimum(self.episodes.front, self.columns.whole("num_er_episodes"))
        return [(r[:count], n[:count]) for r, n, count in zip(returns, lengths, counts, strict=True)]

    def _episode(self, row: int, place: int) -> Episode:
        """The episode that ended in a sub-environment."""
        steps = slice(int(self._elapsed[row, place]))
        returns = returns_to_go(self._earned[row, place, steps], self.static.gamma)
        return Episode(self._seen[row, place, steps].copy(), self._taken[row, place, steps].copy(), returns)

    def _learn(self, ready: Flags) -> None:
        """Gradient steps on the cross-entropy of the actions that achieved what is then asked for."""
        h, batch = self.columns, self.static.batch_size
        updates, rates = h.whole("num_model_updates"), h.numbers("learning_rate")
        units = np.zeros((self.size, int(updates.max()), batch, 2))
        for row, one in enumerate(self.inside):
            generator = stream(one.seed, "replay", lineage=one.lineage, index=self.iteration)
            units[row, : updates[row]] = generator.random((updates[row], batch, 2))
        scales = self._scales()
        share, none = torch.full((self.size, batch), -1 / batch, device=self.device), h.learning_rate * 0
        for turn in range(int(updates[ready].max())):
            learning = ready & (updates > turn)
            drawn = self.episodes.draw(units[:, turn])
            outputs = self._outputs(drawn.observations, drawn.commands, scales)
            taken = torch.from_numpy(drawn.actions).to(self.device)
            gradient, _ = self.actions.policy(outputs, none, taken).gradient(share, none)
            self.network.backward(gradient)
            self.optimiser.step(self.gradients, rates, None, learning)
            self.gradient_updates += learning

    def _outputs(self, observations: Array, commands: FloatArray, scales: FloatArray) -> Tensor:
        """Logits (size, actions, batch)."""
        seen = torch.from_numpy(self.normalizer(observations)).to(self.device)
        told = torch.from_numpy((commands / scales[:, None]).astype(np.float32)).to(self.device)
        return self.network.forward(seen, told)

    def _scales(self) -> FloatArray:
        """What the commands are divided by (size, rewards + 1)."""
        returns, lengths = self.episodes.best()
        sizes = np.concatenate([np.abs(returns).max(1), lengths.max(1, keepdims=True)], axis=1)
        return np.where(sizes > 0, sizes, 1.0) / self.columns.numbers("scaling_factor")[:, None]

    def greedy(self, observations: Array) -> Array:
        """The likeliest actions for what is left of the commands, at first for the commands themselves."""
        commands = self._pursued
        if commands is None:
            commands = np.repeat(self.commands(), observations.shape[1] // self.policies, axis=1)
        outputs = self._outputs(observations, commands.reshape(*observations.shape[:2], -1), self._scales())
        return self.actions.mode(outputs.transpose(1, 2).cpu().numpy())

    def commands(self) -> FloatArray:
        """Every policy's return and length (size, policies, rewards + 1): those of the episodes on the front."""
        returns, lengths = self.episodes.best()
        chosen = np.arange(self.policies) % np.maximum(self.episodes.front, 1)[:, None]
        commands = np.concatenate([returns, lengths[:, :, None]], axis=2)
        return commands[np.arange(self.size)[:, None], chosen]

    def begin_episodes(self, episodes: int) -> None:
        """Every policy pursues its command anew."""
        self._largest = self.episodes.largest()
        self._pursued = np.repeat(self.commands()[:, :, None], episodes, axis=2)

    def step_earned(self, rewards: FloatArray) -> None:
        """Every policy takes off its command what it has achieved."""
        if self._pursued is not None:
            every = np.stack(self._inside(list(rewards)))
            self._pursued = remaining(self._pursued, every, self.static.gamma, self._largest)

    def end_episodes(self) -> None:
        """Commands are no longer pursued."""
        self._pursued = None

    def states(self) -> dict[str, State]:
        """Weights, Adam's moments and decays, the normaliser's statistics, and the memory."""
        return {
            "weights": self.weights,
            **self.optimiser.states(),
            "observation_mean": self.normalizer.mean,
            "observation_variance": self.normalizer.variance,
            "observation_count": self.normalizer.count,
            **self.episodes.states(),
        }
