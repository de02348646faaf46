"""Weights of rewards that networks are conditioned on: their draws in training, and the units of learned rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.agents.normalization import ObservationNormalizer
from autorl.agents.training import TrainingEnvironments
from autorl.checks import check_number
from autorl.environment import Environment, Step
from autorl.errors import InvalidInput
from autorl.records import Agent, FloatArray

__all__ = [
    "LeadingNormalizer",
    "WeightedEnvironments",
    "check_reward_scale",
    "drawn_weights",
    "in_scaled_rewards",
    "joined",
    "reward_scales",
]

Array = npt.NDArray[Any]


def drawn_weights(
    generator: np.random.Generator, concentration: float, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Weight vectors from a symmetric Dirichlet distribution.

    Args:
        generator: Where the draws come from.
        concentration: 1 is uniform over the simplex; below, vectors near its corners and edges are likelier, down to
            one reward alone; above, balanced ones.
        shape: Of the vectors, their length last.
    """
    # Logarithms of gamma variates, by Gamma(c) = Gamma(c + 1) U^(1/c): a small concentration would give 0 / 0.
    gammas, uniforms = generator.standard_gamma(concentration + 1, shape), 1 - generator.random(shape)
    logarithms = np.log(gammas) + np.log(uniforms) / concentration
    sizes = np.exp(logarithms - logarithms.max(-1, keepdims=True))
    weights: npt.NDArray[np.float64] = sizes / sizes.sum(-1, keepdims=True)
    return weights


def reward_scales(given: float | str, rewards: int) -> FloatArray:
    """The factor of every reward, shape (rewards,).

    Args:
        given: One number for all, or a text of one each, such as "1 1 0.2".
        rewards: How many rewards there are.

    Raises:
        InvalidInput: If a text has another count of numbers.
    """
    scales = _factors(given)
    if len(scales) == 1:
        return np.repeat(scales, rewards)
    if len(scales) != rewards:
        raise InvalidInput(f"reward_scale: {given!r} has {len(scales)} numbers, and the environment {rewards} rewards")
    return scales


def check_reward_scale(given: object) -> None:
    """Refuses what is neither a number above 0 nor a text of such numbers.

    Raises:
        InvalidInput: As said.
    """
    if not isinstance(given, str):
        check_number("reward_scale", given, 0, above=True)
        return
    try:
        scales = _factors(given)
    except ValueError:
        scales = np.zeros(0)
    if not len(scales) or not (np.isfinite(scales) & (scales > 0)).all():
        raise InvalidInput(f'reward_scale: {given!r} is no text of numbers above 0, such as "1 1 0.2"')


def _factors(given: float | str) -> FloatArray:
    parts = given.split() if isinstance(given, str) else [given]
    return np.array([float(part) for part in parts], dtype=np.float64)


def in_scaled_rewards(weights: FloatArray, scales: FloatArray) -> npt.NDArray[np.float32]:
    """Weights of scaled rewards that mean what these weights mean of the rewards themselves, adding up to 1.

    Args:
        weights: Shape (batch, rewards).
        scales: Factors of the rewards (M, rewards).

    Returns:
        Shape (M, batch, rewards).
    """
    divided = weights / scales[:, None]
    # Column by column: a reduction's order would be NumPy's choice, which sees the other agents' sizes.
    total: Any = sum(divided[..., column] for column in range(divided.shape[-1]))
    return np.asarray(divided / total[..., None], dtype=np.float32)


def joined(observations: Array, weights: Array) -> Array:
    """Observations (M, batch, inputs) with weights (M, batch, rewards) behind them."""
    return np.concatenate([observations, weights], axis=-1)


class LeadingNormalizer(ObservationNormalizer):
    """Normalises the first columns of what it is given, and leaves the rest, which are weights.

    Args:
        enabled: Which agents normalise (M).
        inputs: How many columns are an observation's.
    """

    def update(self, observations: Array) -> None:
        """Merges observations (M, N, inputs + rewards) into the statistics."""
        super().update(observations[..., : self.mean.shape[1]])

    def __call__(self, observations: Array) -> npt.NDArray[np.float32]:
        """Normalised observations with their weights (M, N, inputs + rewards), float32."""
        inputs = self.mean.shape[1]
        seen = super().__call__(observations[..., :inputs])
        return joined(seen, observations[..., inputs:].astype(np.float32, copy=False))


class WeightedEnvironments(TrainingEnvironments):
    """Training environments in which every episode has a weight vector, which is seen behind its observations.

    Args:
        environment: Their description.
        agents: Who acts in them (M).
        count: Sub-environments per agent (N).
        mark: The rung's mark in env steps.
    """

    def __init__(self, environment: Environment, agents: Sequence[Agent], count: int, mark: int) -> None:
        super().__init__(environment, agents, count, mark)
        self._bare = self.observations

    def begin(self, drawn: FloatArray, scales: FloatArray) -> None:
        """Takes up new weights: the first at once, a later one where an episode begins at its step.

        Args:
            drawn: Weights of scaled rewards (size, steps + 1, N, rewards).
            scales: Factors of the rewards (size, rewards).
        """
        self._drawn, self._scales, self._step, self._weights = drawn, scales[:, None], 0, drawn[:, 0]
        self.observations = joined(self._bare, self._weights)

    def step(self, actions: Array) -> Step:
        """Steps with actions (size, N, *action); rewards (size, N, rewards) are scaled."""
        answer = super().step(actions)
        self._step, before = self._step + 1, self._weights
        ended = answer.terminated | answer.truncated
        self._weights = np.where(ended[..., None], self._drawn[:, self._step], before)
        self._bare, self.observations = answer.observations, joined(answer.observations, self._weights)
        return Step(
            next_observations=joined(answer.next_observations, before),
            rewards=answer.rewards * self._scales,
            terminated=answer.terminated,
            truncated=answer.truncated,
            observations=self.observations,
        )
