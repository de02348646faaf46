"""Which agents train together. The grouping never changes a result, so it looks at speed alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from autorl.content import canonical_json
from autorl.objective import Group
from autorl.records import Agent, Configuration

__all__ = ["LARGEST", "by_configuration", "configurations", "make_groups"]

LARGEST = 64
"""Agents beyond which a group grows no faster per agent, and only waits longer for its result."""


def by_configuration(agents: Sequence[Agent]) -> list[tuple[Agent, ...]]:
    """The agents of each configuration, in the order of first appearance."""
    found: dict[str, list[Agent]] = {}
    names: dict[tuple[int, str, int], str] = {}  # the seeds of a configuration mostly share one object, named once
    for agent in agents:
        same = id(agent.configuration), agent.lineage, id(agent.earlier)
        if same not in names:
            earlier = [[one.until, dict(one.configuration), one.lineage] for one in agent.earlier]
            names[same] = canonical_json([dict(agent.configuration), agent.lineage, earlier])
        found.setdefault(names[same], []).append(agent)
    return [tuple(members) for members in found.values()]


def configurations(group: Group) -> int:
    """How many configurations a group holds."""
    return len(by_configuration(group.agents))


def make_groups(
    wanted: Sequence[Group],
    statics: Callable[[Configuration], object],
    cost: Callable[[Configuration], float],
    jobs: int,
    *,
    alone: bool = False,
) -> list[Group]:
    """Joins agents that can train together and cuts them into groups for the workers, the costliest first.

    Args:
        wanted: Configurations with their seeds, each as a group.
        statics: A configuration's static hyperparameters; what agrees can train together.
        cost: What an agent with a configuration costs, in any unit.
        jobs: Groups trained at the same time.
        alone: Whether every configuration trains without company (its seconds are measured).
    """
    if alone:
        return list(wanted)
    joined: dict[object, list[Group]] = {}
    for group in wanted:
        key = (repr(statics(group.agents[0].configuration)), group.first, group.last, group.keep)
        joined.setdefault(key, []).append(group)
    groups = [
        replace(members[0], agents=tuple(agent for member in members for agent in member.agents))
        for members in joined.values()
    ]
    groups = [part for group in groups for part in _cut(group, -(-len(group.agents) // LARGEST))]

    # Priced once a configuration: each group handed in holds one, and cutting keeps the agents it is made of.
    priced = ((group, cost(group.agents[0].configuration)) for group in wanted)
    prices = {id(agent): price for group, price in priced for agent in group.agents}

    def total(group: Group) -> float:
        return sum(prices[id(agent)] for agent in group.agents)

    while len(groups) < jobs and any(len(group.agents) > 1 for group in groups):
        largest = max((group for group in groups if len(group.agents) > 1), key=total)
        place = groups.index(largest)
        groups[place : place + 1] = _cut(largest, 2)
    return sorted(groups, key=total, reverse=True)


def _cut(group: Group, parts: int) -> list[Group]:
    """Cuts a group into about equal parts, between configurations where there are enough of them."""
    if parts == 1:
        return [group]
    units = by_configuration(group.agents)
    if len(units) < parts:
        units = [(agent,) for unit in units for agent in unit]
    size, cut = len(units) / parts, []
    for index in range(parts):
        chosen = units[round(index * size) : round((index + 1) * size)]
        cut.append(replace(group, agents=tuple(agent for unit in chosen for agent in unit)))
    return [part for part in cut if part.agents]
