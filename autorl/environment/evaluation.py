"""What policies score: whole episodes on environments of their own, no training state touched."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from autorl.environment.description import Environment
from autorl.errors import InvalidInput
from autorl.records import FloatArray
from autorl.seeds import integer_seed, stream

__all__ = ["Act", "Begin", "Earned", "constant_returns", "evaluate", "random_returns"]

Act = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
"""Observations (M, policies, E, *observation) -> actions (M, policies, E, *action), of the E episodes of a block."""

Earned = Callable[[FloatArray], None]
"""Rewards of a step (M, policies, episodes, rewards) -> nothing."""

Begin = Callable[[range], None]
"""Numbers of a block's episodes, which begin -> nothing."""

DRAWN = 256
"""Steps of random actions drawn at once."""


def evaluate(
    act: Act,
    environment: Environment,
    seeds: Sequence[int],
    episodes: int,
    policies: int = 1,
    discount: float = 1.0,
    earned: Earned | None = None,
    begin: Begin | None = None,
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Plays every agent's policies for a number of episodes.

    Episode e of an agent with seed s starts from the environment seed `integer_seed(s, "evaluation", index=e)`: the
    same at every checkpoint, for every configuration, and for each of an agent's policies. The environments are made
    anew for every call, so that no state passes from one evaluation to the next. Every sub-environment plays one
    episode; it is not stepped again once that is over, but its last observation stays in what `act` is given, so
    that the shape never changes within a block. All episodes are one block, or where policies times episodes are more
    than `Environment.at_once`, as many as that allows, so that memory does not grow with their number. How many that
    are depends on nobody's company.

    Args:
        act: The deterministic policies.
        environment: Where; its time limit ends every episode.
        seeds: The agents' seeds (M).
        episodes: Episodes per policy.
        policies: Policies per agent.
        discount: Weight of a reward per step that passed before it, in [0, 1].
        earned: Told the rewards of every step, for policies that heed what they have earned so far; zeros where the
            episode is over.
        begin: Told the numbers of a block's episodes before they begin.

    Returns:
        The discounted returns, shape (M, policies, episodes, rewards), and the env steps each agent took (M).

    Raises:
        InvalidInput: If a count is below one, the discount lies outside [0, 1], or the environment cannot be made.
    """
    for name, value in (("episodes", episodes), ("policies", policies), ("agents", len(seeds))):
        if value < 1:
            raise InvalidInput(f"evaluation.{name}: {value!r} is below 1")
    if not 0 <= discount <= 1:
        raise InvalidInput(f"evaluation.discount: {discount!r} lies outside 0 to 1")
    together = episodes if environment.at_once is None else max(1, environment.at_once // policies)
    returns, steps = [], np.zeros(len(seeds), dtype=np.int64)
    for first in range(0, episodes, together):
        numbers = range(first, min(first + together, episodes))
        if begin is not None:
            begin(numbers)
        own, taken = _played(act, environment, seeds, numbers, policies, discount, earned)
        returns.append(own)
        steps += taken
    return np.concatenate(returns, axis=2), steps


def _played(
    act: Act,
    environment: Environment,
    seeds: Sequence[int],
    numbers: range,
    policies: int,
    discount: float,
    earned: Earned | None,
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """The episodes of these numbers, all at once."""
    spaces = environment.spaces()
    assert spaces.max_episode_steps is not None  # a backend refuses an environment without a limit
    lead = (len(seeds), policies, len(numbers))
    own = [[integer_seed(seed, "evaluation", index=episode) for episode in numbers] for seed in seeds]
    vector = environment.vector([entry for row in own for _ in range(policies) for entry in row])
    count = math.prod(lead)
    returns, lengths = np.zeros((count, spaces.rewards)), np.zeros(count, dtype=np.int64)
    running, weight = np.ones(count, dtype=np.bool_), 1.0
    try:
        observations = vector.reset()
        # The limit ends every episode; counting as well keeps a wrapper that hides the end from hanging the study.
        for _ in range(spaces.max_episode_steps):
            actions = act(observations.reshape(*lead, *observations.shape[1:]))
            step = vector.step(actions.reshape(count, *actions.shape[len(lead) :]), running)
            lengths += running
            returns += weight * step.rewards
            if earned is not None:
                earned(step.rewards.reshape(*lead, spaces.rewards))
            running &= ~(step.terminated | step.truncated)
            if not running.any():
                break
            weight *= discount
            observations = step.observations
    finally:
        vector.close()
    return returns.reshape(*lead, spaces.rewards), lengths.reshape(lead).sum(axis=(1, 2))


def constant_returns(environment: Environment, episodes: int, discount: float = 1.0) -> FloatArray:
    """What policies score that do the same thing at every step: one a discrete action, else the one of zeros.

    Args:
        environment: Where; episodes are those of an agent with seed 0.
        episodes: Episodes per policy.
        discount: As in `evaluate`.

    Returns:
        Mean discounted returns, shape (policies, rewards).

    Raises:
        InvalidInput: As `evaluate`.
    """
    space = environment.spaces().action
    assert space.shape is not None  # the backends refuse other actions
    count = int(space.n) if isinstance(space, Discrete) else 1
    still = np.zeros(space.shape) if not isinstance(space, Box) else np.clip(0.0, space.low, space.high)
    actions = np.arange(count) if isinstance(space, Discrete) else still[None]

    def act(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(actions[None, :, None], (*observations.shape[:3], *actions.shape[1:]))

    returns, _ = evaluate(act, environment, [0], episodes, count, discount)
    means: FloatArray = returns[0].mean(axis=1)
    return means


def random_returns(
    environment: Environment, seeds: Sequence[int], episodes: int, discount: float = 1.0
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """What a uniformly random policy scores on the agents' evaluation episodes.

    Episode e of an agent with seed s draws its actions from `stream(s, "random policy", index=e)`. Coordinates of an
    action without bounds are standard normal, clipped to the bound they have.

    Args:
        environment: Where.
        seeds: The agents' seeds (M).
        episodes: Episodes per agent.
        discount: As in `evaluate`.

    Returns:
        The discounted returns, shape (M, 1, episodes, rewards), and the env steps of each agent (M).

    Raises:
        InvalidInput: As `evaluate`.
    """
    action = environment.spaces().action
    generators: list[list[np.random.Generator]] = []
    blocks: list[npt.NDArray[Any]] = []
    taken = 0

    def begin(numbers: range) -> None:
        nonlocal taken
        taken = 0
        generators[:] = [[stream(seed, "random policy", index=number) for number in numbers] for seed in seeds]

    def act(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        nonlocal taken
        if taken % DRAWN == 0:
            blocks[:] = [np.array([[_uniform(action, generator) for generator in row] for row in generators])]
        taken += 1
        return blocks[0][:, None, :, (taken - 1) % DRAWN]

    return evaluate(act, environment, seeds, episodes, 1, discount, begin=begin)


def _uniform(space: gymnasium.Space[Any], generator: np.random.Generator) -> npt.NDArray[Any]:
    """A block of uniformly random actions, shape (DRAWN, *action)."""
    if isinstance(space, Discrete):
        return generator.integers(0, int(space.n), size=DRAWN)
    if isinstance(space, MultiDiscrete):
        return generator.integers(0, space.nvec, size=(DRAWN, *space.shape))
    if isinstance(space, MultiBinary):
        return generator.integers(0, 2, size=(DRAWN, *space.shape))
    assert isinstance(space, Box)  # the backends refuse other actions
    if np.issubdtype(space.dtype, np.integer):
        return generator.integers(space.low, space.high, size=(DRAWN, *space.shape), endpoint=True)
    bounded = np.isfinite(space.low) & np.isfinite(space.high)
    low, high = np.where(bounded, space.low, 0.0), np.where(bounded, space.high, 1.0)
    inside = low + (high - low) * generator.random((DRAWN, *space.shape))
    if bounded.all():
        return inside
    normal = generator.standard_normal((DRAWN, *space.shape))
    return np.where(bounded, inside, np.clip(normal, space.low, space.high))
