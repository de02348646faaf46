"""Which environments are stepped in batches of our own, and when.

A twin is the same environment: from the same seeds and actions it gives the library's numbers bit for bit, which tests
hold it to. So it is no backend of its own; the backend "gymnasium" takes it wherever there is one for the description,
and the loop elsewhere. What a description means does not depend on which of the two runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gymnasium.envs.registration import EnvSpec

from autorl.environment.acrobot import AcrobotVector
from autorl.environment.base import Spaces, VectorEnvironment
from autorl.environment.cartpole import CartPoleVector
from autorl.environment.four_room import FourRoomVector
from autorl.environment.linear_reward import LinearReward, LinearVector
from autorl.environment.minecart import MinecartVector
from autorl.environment.tabular import TabularVector, explore

__all__ = ["Maker", "Twin", "twin"]

Wrappers = Sequence[tuple[str, Mapping[str, Any]]]
Maker = Callable[[Sequence[int], Spaces], VectorEnvironment]


@dataclass(frozen=True)
class Twin:
    """A batch that takes the loop's place.

    Attributes:
        maker: Makes it.
        least: Sub-environments from which on it is swifter than the loop.
    """

    maker: Maker
    least: int = 1


@dataclass(frozen=True)
class _Rule:
    """How a batch is made of an environment without wrappers, and which of its arguments the batch heeds."""

    arguments: frozenset[str]
    maker: Callable[[Any], Maker]
    least: int = 1


def _tabular(*attributes: str, risk: float = 0.0) -> Callable[[Any], Maker]:
    return lambda original: functools.partial(TabularVector, explore(original, attributes, risk))


TWINS = {
    "deep_sea_treasure.deep_sea_treasure:DeepSeaTreasure": _Rule(
        frozenset({"dst_map", "float_state"}), _tabular("current_state")
    ),
    "four_room.four_room:FourRoom": _Rule(frozenset(), lambda original: functools.partial(FourRoomVector, original)),
    "fruit_tree.fruit_tree:FruitTreeEnv": _Rule(frozenset({"depth"}), _tabular("current_state", "terminal")),
    "minecart.minecart:Minecart": _Rule(
        frozenset({"config", "frame_skip"}), lambda original: functools.partial(MinecartVector, original)
    ),
    "resource_gathering.resource_gathering:ResourceGathering": _Rule(
        frozenset(), _tabular("current_pos", "has_gold", "has_gem", risk=0.1)
    ),
    "gymnasium.envs.classic_control.acrobot:AcrobotEnv": _Rule(
        frozenset(), lambda original: functools.partial(AcrobotVector, original), least=5
    ),
    "gymnasium.envs.classic_control.cartpole:CartPoleEnv": _Rule(
        frozenset(), lambda original: functools.partial(CartPoleVector, original)
    ),
}
"""Twins by the environment's entry point, `mo_gymnasium.envs` left out."""


def twin(spec: EnvSpec, kwargs: Mapping[str, Any], wrappers: Wrappers, build: Callable[[], Any]) -> Twin | None:
    """What steps environments of a description in lock-step, or None where there is nothing but the loop.

    Args:
        spec: The registration.
        kwargs: The description's arguments.
        wrappers: The description's wrappers, innermost first.
        build: Makes the library's own environment, without wrappers.
    """
    found = TWINS.get(str(spec.entry_point).removeprefix("mo_gymnasium.envs."))
    if found is None or not {*spec.kwargs, *kwargs} <= found.arguments:
        return None
    if [name for name, _ in wrappers] not in ([], [LinearReward.__name__]):
        return None
    make = found.maker(build())
    if not wrappers:
        return Twin(make, found.least)
    return Twin(lambda seeds, spaces: LinearVector(make(seeds, spaces), **wrappers[0][1]), found.least)
