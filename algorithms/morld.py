"""Multi-objective RL by decomposition, MORL/D (Felten, Talbi and Danoy, 2024, arXiv 2311.12495), for a population.

An agent has `pop_size` policies, each with a weight vector of its own, that learn together: at exchanges they adapt
their vectors and hand networks to neighbours, and between them they may learn from one another's transitions. Here a
policy is a double deep Q-network of vectors of values, which takes the action whose scalarised values are best (as
Van Moffaert et al., 2013, do with tables): their weighed sum, or Chebyshev's distance to a utopian point, in every
reward the best discounted return of an episode so far and `utopian_tau` more.

Names, but not defaults, are those of morl-baselines' MORLD, and of its Envelope where that has none. Deviations from
MORL/D there: all policies act and learn at once, each in sub-environments of its own, instead of turn by turn, so that
nothing is left for `update_passes` to do; policies are judged by the episodes that they end in training between two
exchanges, not by evaluations (until `learning_starts` that is how uniformly random actions do), and an episode moves
its policy once; networks are handed over at every exchange, to whom they are worth more than its own, instead of once,
from each policy to those after it; neighbourhoods follow adapted vectors; the front that vectors are adapted by is that
of the agent's present policies, as in Pareto simulated annealing itself, instead of an archive, and nearness in it is
measured in the unit of learned rewards, and only equal returns are no neighbours; Chebyshev's distance has its sign;
and rewards are scaled by given factors instead of running statistics. Left out: random initial vectors, judging by the
utility of single episodes (its `esr`), and policies learned by SAC or EUPG, the only ones there.

An agent's policies are its own, over again if more are asked for; of fewer, those with the nearest weight vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.decomposition import SCALARIZATIONS, Earnings, neighborhoods, psa, sources, utilities, worths
from autorl.agents.many_policies import ManyPoliciesPopulation
from autorl.agents.networks import Layout
from autorl.agents.optimiser import SMALLEST_EPSILON
from autorl.agents.population import State, observation_length
from autorl.agents.preferences import check_reward_scale, in_scaled_rewards, reward_scales
from autorl.agents.replay import Transitions
from autorl.agents.vector_q_learning import VectorQAlgorithm
from autorl.checks import check_choice, check_flag, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population import hyperparameter
from autorl.records import Agent, Configuration, FloatArray

__all__ = ["MORLD", "MORLDPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MORLD(VectorQAlgorithm):
    """One configuration of MORL/D; `static` ones must agree within a population.

    Attributes:
        pop_size: Policies of an agent, at least as many as there are rewards; their weight vectors begin evenly spread.
        scalarization: "linear" or "chebyshev".
        utopian_tau: How far above the best returns the utopian point lies, in rewards. Of "chebyshev" only.
        exchange_every: Env steps of an agent between exchanges.
        neighborhood_size: Nearest policies that a policy may be handed a network by; below `pop_size`.
        shared_buffer: Whether a policy learns from the transitions of all of its agent's, rather than from its own.
        transfer: Whether networks are handed over.
        weight_adaptation: "psa" (Pareto simulated annealing) or "none".
        psa_delta: Size of its steps. Of "psa" only.
        learning_rate: Adam's step size.
        n_envs: Sub-environments a policy acts in at once.
        buffer_size: Transitions kept of all policies together; cut to the horizon.
        learning_starts: Env steps of uniformly random actions before the first update.
        batch_size: Transitions of a policy's gradient step.
        gamma: Discount per env step.
        n_steps: Env steps of a return before its bootstrapped rest.
        train_freq: Vector steps between updates.
        gradient_updates: Gradient steps of an update, of every policy.
        tau: Share of the way the target networks move at every vector step; 1 copies, but at its own times only.
        target_net_update_freq: Env steps of an agent between copies to the target networks where tau is 1.
        max_grad_norm: Norm a policy's gradient is clipped to.
        initial_epsilon: Share of random actions when `learning_starts` is over.
        final_epsilon: Share of random actions at last.
        epsilon_decay_steps: Env steps over which it moves linearly; None is half the horizon.
        reward_scale: Factor of the rewards in training, or a text with a factor for each, such as "1 1 0.2": the unit
            they are valued in. Weights mean the rewards as the environment gives them, whatever it is.
        normalize_observations: Whether observations are shifted and scaled by running statistics.
        activation: "relu" or "tanh".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 4; 0 is linear.
        adam_eps: Adam's epsilon.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "morld"
    summary: ClassVar[str] = "MORL/D, decomposition: cooperating Q-networks, one a weight vector; discrete actions"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"
    deepest: ClassVar[int] = 4
    prioritized_replay = False  # no hyperparameter here: policies that share a replay differ in what surprises them

    pop_size: int = hyperparameter(10, static=True)
    scalarization: str = hyperparameter("linear", static=True)
    utopian_tau: float = hyperparameter(0.5)
    exchange_every: int = hyperparameter(2000)
    neighborhood_size: int = hyperparameter(2)
    shared_buffer: bool = hyperparameter(True)
    transfer: bool = hyperparameter(False)
    weight_adaptation: str = hyperparameter("psa", static=True)
    psa_delta: float = hyperparameter(0.1)
    learning_rate: float = hyperparameter(1e-3)
    n_envs: int = hyperparameter(1, static=True)
    buffer_size: int = hyperparameter(1_000_000, static=True)
    learning_starts: int = hyperparameter(1000)
    batch_size: int = hyperparameter(32, static=True)
    gamma: float = hyperparameter(0.99)
    n_steps: int = hyperparameter(6)
    train_freq: int = hyperparameter(1)
    gradient_updates: int = hyperparameter(2)
    tau: float = hyperparameter(0.01)
    target_net_update_freq: int = hyperparameter(500)
    max_grad_norm: float = hyperparameter(1.0)
    initial_epsilon: float = hyperparameter(1.0)
    final_epsilon: float = hyperparameter(0.1)
    epsilon_decay_steps: int | None = hyperparameter(None)
    reward_scale: float | str = hyperparameter(1.0)
    normalize_observations: bool = hyperparameter(False)
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(64, static=True)
    depth: int = hyperparameter(2, static=True)
    adam_eps: float = hyperparameter(1e-8)

    def __post_init__(self) -> None:
        self.check_shared()
        check_whole("pop_size", self.pop_size, 2)
        check_choice("scalarization", self.scalarization, SCALARIZATIONS)
        check_choice("weight_adaptation", self.weight_adaptation, ("none", "psa"))
        for name in ("exchange_every", "gradient_updates", "target_net_update_freq"):
            check_whole(name, getattr(self, name), 1)
        check_whole("neighborhood_size", self.neighborhood_size, 0, self.pop_size - 1)
        if self.epsilon_decay_steps is not None:
            check_whole("epsilon_decay_steps", self.epsilon_decay_steps, 1)
        for name in ("initial_epsilon", "final_epsilon"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("utopian_tau", self.utopian_tau, 0)
        for name in ("psa_delta", "max_grad_norm"):
            check_number(name, getattr(self, name), 0, above=True)
        check_number("adam_eps", self.adam_eps, SMALLEST_EPSILON)
        for name in ("shared_buffer", "transfer", "normalize_observations"):
            check_flag(name, getattr(self, name))
        check_reward_scale(self.reward_scale)

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> MORLDPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return MORLDPopulation.begin(cls, agents, environment, horizon, device)

    @property
    def environments(self) -> int:
        """Sub-environments of one agent: those of its first policy, then those of its second, and so on."""
        return self.pop_size * self.n_envs

    @property
    def transitions(self) -> int:
        """Transitions that an agent draws for a gradient step of all of its policies."""
        return self.pop_size * self.batch_size

    @property
    def networks(self) -> int:
        """Networks of one agent, one a policy."""
        return self.pop_size

    def layout(self, spaces: Spaces) -> Layout:
        """A policy's network: a value for every reward and action.

        Raises:
            InvalidInput: If the algorithm cannot learn in these spaces.
        """
        inputs, rewards = observation_length(spaces, type(self)), spaces.rewards
        reward_scales(self.reward_scale, rewards)
        if self.pop_size < rewards:
            raise InvalidInput(
                f"pop_size: {self.pop_size} must be at least {rewards}, the number of rewards, so that each of them "
                f"has a policy of its own"
            )
        return Layout((inputs, *[self.width] * self.depth, rewards * self.actions(spaces)))

    def acting_operations(self, spaces: Spaces) -> int:
        """Products of acting once: one of the policies does."""
        return self.layout(spaces).operations

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of all policies, with their targets, and operations of one update a transition."""
        own = self.layout(spaces).parameters
        # Forward and backward (twice that) through the network, and both networks' next values.
        return self.pop_size * own, 2 * self.pop_size * own, 2 * own * 5


class MORLDPopulation(ManyPoliciesPopulation[MORLD]):
    """Agents that learn by MORL/D.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        earnings: What the policies earn in training.
    """

    def __init__(
        self,
        configurations: Sequence[MORLD],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.earnings = Earnings(self.size, self.count, self.static.n_envs, self.rewards)
        self.reconfigure()

    def replace(self, row: int, configuration: Configuration, lineage: str) -> None:
        """Gives a row other hyperparameters; under another discount it forgets what its policies earned."""
        before = self.columns.numbers("gamma")
        super().replace(row, configuration, lineage)
        self.earnings.reset(self.columns.numbers("gamma") != before)

    def restart(self, mark: int) -> None:
        """Starts training episodes on seeds keyed by (seed, lineage, mark, index); earlier ones count for nothing."""
        super().restart(mark)
        self.earnings.forget(~self.frozen)

    def utopia(self) -> FloatArray:
        """Everybody's utopian point, of scaled rewards (M, rewards); 0 until an episode has ended."""
        best = self.earnings.best
        return np.where(np.isfinite(best), (best + self.columns.numbers("utopian_tau")[:, None]) * self.scales, 0.0)

    def choose(self, outputs: Tensor, chosen: npt.NDArray[np.int64]) -> Tensor:
        """The actions of the best scalarised values."""
        agents, shape = np.arange(self.size)[:, None], (chosen.size, self.rewards)
        weights = in_scaled_rewards(self.vectors, self.scales)[agents, chosen].reshape(shape)
        points = np.repeat(self.utopia()[:, None].astype(np.float32), chosen.shape[1], axis=1).reshape(shape)
        values = outputs.view(chosen.size, self.rewards, self.actions, -1)
        worth = utilities(values, self.seen(weights), self.seen(points), self.static.scalarization)
        return worth.max(1).indices

    def remember(self, step: int, going: Flags) -> None:
        """Notes what the policies earned."""
        kept = self.replay.data[:, step % self.replay.slots, :, -2 - self.rewards :].cpu().numpy().astype(np.float64)
        self.earnings.add(kept[..., :-2], kept[..., -1] > 0, self.columns.numbers("gamma"), going)

    def stepped(self, step: int, going: Flags) -> None:
        """Exchanges, and moves target networks."""
        every = np.maximum(self.columns.whole("exchange_every") // self.static.environments, 1)
        exchanging = going & ((step + 1) % every == 0)
        if exchanging.any():
            self._exchange(exchanging)
        super().stepped(step, going)

    def _exchange(self, exchanging: Flags) -> None:
        """Networks pass between neighbours, and weight vectors adapt."""
        fresh = self.earnings.exchange(exchanging)
        h, utopia, scalarization = self.columns, self.utopia(), self.static.scalarization
        for row in np.flatnonzero(exchanging):  # one by one, so that every sum has the shape it has alone
            returns = self.earnings.means[row] * self.scales[row]
            known = self.earnings.known[row] & np.isfinite(returns).all(1)
            given = np.arange(self.count)
            if h.flags("transfer")[row]:
                weights = in_scaled_rewards(self.vectors[row], self.scales[row : row + 1])[0]
                worth = worths(returns, weights.astype(np.float64), utopia[row], scalarization)
                near = neighborhoods(self.vectors[row], int(h.whole("neighborhood_size")[row]))
                given = sources(worth, known, fresh[row], near)
                self.hand_over(int(row), given)
            if self.static.weight_adaptation == "psa":
                delta = float(h.numbers("psa_delta")[row])
                self.vectors[row] = psa(self.vectors[row], returns, known, fresh[row], delta)
            self.earnings.known[row, given != np.arange(self.count)] = False  # those have another network now

    def learn(self, batch: Transitions, rows: Array, turn: int, learning: Flags, draws: Mapping[str, Array]) -> Flags:
        """One step of every policy on the squared errors of the vectors r + gamma^n Q_target(s', a') - Q(s, a)."""
        h, every, count = self.columns, self.every, self.static.batch_size
        observed, following = self.observed(batch.observations), self.observed(batch.next_observations)

        # What is next: the action that the online network finds best, valued by the target network
        best = self.choose(self.network.forward(following), np.tile(np.arange(self.count), (self.size, 1)))
        values = self.target.forward(following).view(every, self.rewards, self.actions, count)
        best_values = values.gather(2, best[:, None, None].expand(-1, self.rewards, -1, -1))[:, :, 0]

        # Errors of the actions taken (M K, rewards, batch)
        scales = torch.from_numpy(self.scales.astype(np.float32)).to(self.device)
        earned = (batch.rewards * scales[:, None]).view(every, count, self.rewards).transpose(1, 2)
        targets = earned + batch.discounts.reshape(every, 1, count) * best_values
        outputs = self.network.forward(observed).view(every, self.rewards, self.actions, count)
        taken = batch.actions.long().view(every, 1, 1, count).expand(-1, self.rewards, -1, -1)
        errors = outputs.gather(2, taken) - targets[:, :, None]

        gradient = torch.zeros_like(outputs).scatter_(2, taken, errors * (2 / (self.rewards * count)))
        self.network.backward(gradient.flatten(1, 2))
        norms, learners = h.max_grad_norm.repeat_interleave(self.count, 0), np.repeat(learning, self.count)
        found = self.optimiser.step(self.slopes, self.per_policy("learning_rate"), norms, learners)
        finite: Flags = found.view(self.size, -1).isfinite().all(1).cpu().numpy()
        return finite

    def states(self) -> dict[str, State]:
        """What agents of many policies keep, and what the policies earned."""
        return {**super().states(), **self.earnings.states()}
