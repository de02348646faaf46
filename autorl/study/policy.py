"""A trained policy, loaded for use."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import Population

__all__ = ["Policy"]


class Policy:
    """The deterministic policy of one agent; call it with an observation, get an action.

    Policies of some algorithms (`pcn`, `pareto_q`) act on what the episode has brought so far, as they did when they
    were evaluated: `follows_episodes` tells. They need `reset` before an episode and `earned` after each of its steps,
    and play one episode at a time; of others both do nothing, so that one loop is right for all:

        observation, _ = environment.reset()
        policy.reset()
        over = False
        while not over:
            observation, reward, terminated, truncated, _ = environment.step(policy(observation))
            policy.earned(reward)
            over = terminated or truncated

    Args:
        population: A population of the agent alone.
        environment: Where it was trained.

    Attributes:
        agent: Whose policy it is.
        follows_episodes: Whether its actions depend on the episode so far, not on the observation alone.
    """

    def __init__(self, population: Population, environment: Environment) -> None:
        (self.agent,) = population.agents
        spaces = environment.spaces()
        self._population, self._shape, self._rewards = population, spaces.observation.shape, spaces.rewards
        self.follows_episodes = population.follows_episodes
        # Of the episode under way, where one is followed: whether there is one, who acts in it, and whether the
        # reward of its last action is still to be told.
        self._begun, self._owed = False, False
        self._acting: int | None = None

    def reset(self) -> None:
        """Begins an episode; does nothing for policies that know observations only."""
        if self.follows_episodes:
            self._population.begin_episodes(1)
            self._begun, self._acting, self._owed = True, None, False

    def earned(self, reward: npt.ArrayLike | SupportsFloat) -> None:
        """Tells what the last action brought; does nothing for policies that know observations only.

        Args:
            reward: As the study's environment gives it: shape (rewards,), or a number where there is one.

        Raises:
            InvalidInput: If the shape does not fit, or no action was taken since the last reward.
        """
        if not self.follows_episodes:
            return
        given = np.asarray(reward, dtype=np.float64)
        told = np.atleast_1d(given)
        if told.shape != (self._rewards,):
            raise InvalidInput(f"reward of shape {given.shape}: one of {self._rewards} numbers is needed")
        if not self._owed:
            raise InvalidInput(f"earned({given.tolist()}) without an action before it: tell the reward once a step")
        self._population.step_earned(np.broadcast_to(told, (1, self._population.policies, 1, self._rewards)))
        self._owed = False

    def __call__(self, observation: npt.ArrayLike, policy: int = 0) -> npt.NDArray[Any]:
        """The action for one observation, or the actions for a batch.

        Args:
            observation: Shape (*observation) or (n, *observation), as the study's environment gives it. Policies that
                follow an episode take no batch.
            policy: Which of the agent's policies acts; 0 outside multi-objective RL.

        Returns:
            Shape (*action) or (n, *action).

        Raises:
            InvalidInput: If the shape does not fit, there is no such policy, or the policy follows an episode and gets
                a batch, was not reset, was not told the last reward, or is not the one that acted before.
        """
        array = np.asarray(observation)
        single = array.shape == self._shape
        batch = array[None] if single else array
        if self._shape is None or batch.ndim == 0 or batch.shape[1:] != self._shape:
            raise InvalidInput(f"observation of shape {array.shape}: {self._shape} or a batch of that is needed")
        if not 0 <= policy < self._population.policies:
            raise InvalidInput(f"policy {policy!r}: the agent has policies 0 to {self._population.policies - 1}")
        if self.follows_episodes:
            self._check_turn(single, len(batch), policy)
        given = np.broadcast_to(batch, (1, self._population.policies, *batch.shape))
        actions: npt.NDArray[Any] = self._population.act(given)[0, policy]
        self._acting, self._owed = policy, True
        return np.asarray(actions[0]) if single else actions

    def _check_turn(self, single: bool, count: int, policy: int) -> None:
        """Refuses what a policy that follows an episode would answer wrongly."""
        if not single:
            raise InvalidInput(
                f"a batch of {count}: policy {policy} acts on what its episode has brought so far, so it takes one "
                f"observation at a time; load a policy for each episode to be played at once"
            )
        if not self._begun:
            raise InvalidInput(
                f"policy {policy} acts on what its episode has brought so far, and no episode has begun; call reset() "
                f"before every episode, and earned(reward) after every step"
            )
        if self._owed:
            raise InvalidInput(
                f"policy {policy} acts on what its episode has brought so far, and the reward of the last action is "
                f"missing; call earned(reward) after every step, and reset() before every episode"
            )
        if self._acting not in (None, policy):
            raise InvalidInput(f"policy {policy} in an episode of policy {self._acting}: call reset() before it")

    def predict(self, observation: npt.ArrayLike, deterministic: bool = True) -> tuple[npt.NDArray[Any], None]:
        """As `__call__`, with the signature of Stable-Baselines3.

        Policies that follow an episode need `reset` and `earned` here too.

        Raises:
            InvalidInput: As `__call__`; and if `deterministic` is False: only the deterministic policy is kept.
        """
        if not deterministic:
            raise InvalidInput(f"deterministic={deterministic!r}: only the deterministic policy was kept")
        return self(observation), None
