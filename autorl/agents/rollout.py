"""On-policy rollouts: what a population met in one iteration, and its minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.actor_critic import ActorCritic
from autorl.agents.distributions import Actions
from autorl.agents.normalization import ObservationNormalizer
from autorl.agents.training import TrainingEnvironments
from autorl.records import Agent
from autorl.seeds import stream

__all__ = ["Batch", "Rollout", "collect", "epochs", "flat", "minibatches", "permutations"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rollout:
    """Transitions of one iteration; M counts a lone agent's copy.

    Attributes:
        observations: As the networks see them, shape (M, steps, N, inputs).
        actions: As drawn, shape (M, steps, N, *stored); whole numbers or float32.
        rewards: Shape (M, steps, N), float64; of several rewards (M, steps, N, rewards), and values alike.
        terminated: Where the task's own rule ended the episode, shape (M, steps, N).
        ended: Where the episode ended, by rule or by cutting.
        final_values: Value of the final observation where an episode was truncated, elsewhere 0.
        last_values: Value of the observation after the last step (M, N).
    """

    observations: npt.NDArray[np.float32 | np.uint8]
    actions: Array
    rewards: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    ended: npt.NDArray[np.bool_]
    final_values: npt.NDArray[np.float32]
    last_values: npt.NDArray[np.float32]

    def next_values(self, values: Array) -> Array:
        """Value of the observation each action led to, given the values of those acted on (M, steps, N)."""
        following = np.concatenate([values[:, 1:], self.last_values[:, None]], axis=1)
        ended = self.ended.reshape(*self.ended.shape, *[1] * (following.ndim - self.ended.ndim))
        return np.where(ended, self.final_values, following)


def flat(array: Array, device: str) -> Tensor:
    """Steps and sub-environments as one axis: (M, steps N, ...); float32 unless whole numbers."""
    joined = array.reshape(array.shape[0], -1, *array.shape[3:])
    if np.issubdtype(array.dtype, np.floating):
        joined = joined.astype(np.float32, copy=False)
    return torch.from_numpy(joined).to(device)


def collect(
    training: TrainingEnvironments,
    network: ActorCritic,
    actions: Actions,
    normalizer: ObservationNormalizer,
    agents: Sequence[Agent],
    steps: int,
    iteration: int,
) -> Rollout:
    """Acts for a number of steps with the current policies.

    Exploration noise is drawn beforehand, as one block per agent from its stream "rollout" at this iteration.
    """
    size, count, inputs = training.observations.shape
    device = network.parameters.device
    noise = np.stack(
        [
            actions.noise(stream(agent.seed, "rollout", lineage=agent.lineage, index=iteration), (steps, count))
            for agent in agents
        ]
    )
    log_std = network.log_std.cpu().numpy()
    observations = np.empty((size, steps, count, inputs), dtype=normalizer(training.observations).dtype)
    taken: Array = np.empty(0)
    several = () if network.shape.values == 1 else (network.shape.values,)
    rewards = np.empty((size, steps, count, *several))
    final_values = np.zeros(rewards.shape, dtype=np.float32)
    terminated, ended = (np.empty((size, steps, count), dtype=np.bool_) for _ in range(2))

    def values(seen: Array) -> Array:
        return network.values(torch.from_numpy(normalizer(seen)).to(device)).cpu().numpy()

    for step in range(steps):
        normalizer.update(training.observations)
        seen = normalizer(training.observations)
        heads = network.heads(torch.from_numpy(seen).to(device)).cpu().numpy()
        drawn = actions.sample(heads, log_std, noise[:, step])
        observations[:, step] = seen
        if not step:
            taken = np.empty((size, steps, *drawn.shape[1:]), drawn.dtype)
        taken[:, step] = drawn
        answer = training.step(actions.for_environment(drawn))
        rewards[:, step], terminated[:, step] = answer.rewards, answer.terminated
        ended[:, step] = answer.terminated | answer.truncated
        if np.count_nonzero(answer.truncated):  # `any` takes several times as long on so few
            # All rows are evaluated, so that the product's shape says nothing about who was truncated.
            cut = answer.truncated.reshape(size, count, *[1] * len(several))
            final_values[:, step] = np.where(cut, values(answer.next_observations), 0)
    return Rollout(observations, taken, rewards, terminated, ended, final_values, values(training.observations))


@dataclass(frozen=True, eq=False)
class Batch:
    """A minibatch: every agent's own draw from its own rollout.

    Attributes:
        observations: Repeated for every network, shape (M, networks, batch, inputs).
        actions: Shape (M, batch, *stored).
        log_probs: Of the actions under the policy that took them, shape (M, batch).
        values: As predicted when the rollout ended, shape (M, batch), or (M, batch, rewards) of several.
        advantages: Shape (M, batch).
        returns: Targets of the value function, shaped as `values`.
        heads: Outputs of the policy that took the actions, shape (M, batch, heads); None unless the algorithm asks.
    """

    observations: Tensor
    actions: Tensor
    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor
    heads: Tensor | None = None


def epochs(
    data: Batch, agents: Sequence[Agent], iteration: int, count: int, size: int, normalizing: Tensor | None = None
) -> Iterator[Batch]:
    """The minibatches of several passes over a rollout, each pass in another order.

    A minibatch that holds the whole rollout is the same in any order, so that nothing is drawn or shuffled for it: the
    same tensors come in every pass. Read them, do not write.

    Args:
        data: The whole rollout as one batch, steps and sub-environments flattened.
        agents: Whose it is; they draw from their streams "permutation".
        iteration: Of the rollout.
        count: Passes.
        size: Minibatch size.
        normalizing: Of `minibatches`.
    """
    length = data.advantages.shape[1]
    if size >= length:
        order = np.broadcast_to(np.arange(length), (len(agents), length))
        yield from list(minibatches(data, order, size, normalizing)) * count
        return
    for order in permutations(agents, iteration, count, length):
        yield from minibatches(data, order, size, normalizing)


def permutations(agents: Sequence[Agent], iteration: int, count: int, length: int) -> npt.NDArray[np.int64]:
    """A permutation per agent and epoch, from its stream "permutation" at this iteration; (count, M, length)."""
    order = np.broadcast_to(np.arange(length), (count, length))
    drawn = [
        stream(agent.seed, "permutation", lineage=agent.lineage, index=iteration).permuted(order, axis=1)
        for agent in agents
    ]
    return np.stack(drawn, axis=1)


def minibatches(
    data: Batch, order: npt.NDArray[np.int64], size: int, normalizing: Tensor | None = None
) -> Iterator[Batch]:
    """Splits a rollout into minibatches, the last one shorter where the length is no multiple.

    Args:
        data: The whole rollout as one batch, steps and sub-environments flattened.
        order: One permutation per agent (M, length).
        size: Minibatch size.
        normalizing: Whose advantages get mean 0 and standard deviation 1 in every minibatch of several rows, shape
            (M, 1); None is nobody's.
    """
    agents, networks, length, inputs = data.observations.shape
    device = data.observations.device
    own = torch.from_numpy((order + np.arange(agents)[:, None] * length).reshape(-1)).to(device)
    rows = np.arange(agents * networks).reshape(agents, networks, 1) * length
    every = torch.from_numpy((order[:, None] + rows).reshape(-1)).to(device)

    def shuffled(tensor: Tensor) -> Tensor:
        return tensor.view(agents * length, *tensor.shape[2:]).index_select(0, own).view_as(tensor)

    observations = data.observations.view(-1, inputs).index_select(0, every).view_as(data.observations)
    advantages = shuffled(data.advantages)
    if normalizing is not None:
        advantages = _normalized(advantages, size).where(normalizing, advantages)
    parts = [
        shuffled(data.actions),
        shuffled(data.log_probs),
        shuffled(data.values),
        advantages,
        shuffled(data.returns),
    ]
    parts += [] if data.heads is None else [shuffled(data.heads)]
    # All views at once: a slice of every part for every minibatch took longer than the losses.
    yield from map(Batch, torch.split(observations, size, 2), *(torch.split(part, size, 1) for part in parts))


def _normalized(advantages: Tensor, size: int) -> Tensor:
    """Advantages (M, length) with mean 0 and standard deviation 1 in every minibatch of more than one row."""
    agents, length = advantages.shape
    whole = length // size * size
    parts = [advantages[:, :whole].reshape(agents, -1, size), advantages[:, None, whole:]]
    for number, part in enumerate(parts):
        if part.shape[2] > 1:
            std, mean = torch.std_mean(part, 2, keepdim=True)
            parts[number] = (part - mean) / (std + 1e-8)
    return torch.cat([part.reshape(agents, -1) for part in parts], 1)
