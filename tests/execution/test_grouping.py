"""Who trains together: agents that agree on static hyperparameters, in pieces for the workers."""

from __future__ import annotations

from typing import Any

from autorl.execution.grouping import LARGEST, by_configuration, configurations, make_groups
from autorl.objective import Group
from autorl.records import Agent, Configuration


def group(width: int, rate: float, seeds: int = 3, **changes: Any) -> Group:
    return Group(tuple(Agent({"width": width, "rate": rate}, seed) for seed in range(seeds)), 0, 100, **changes)


def width(configuration: Configuration) -> object:
    return configuration["width"]


def cost(configuration: Configuration) -> float:
    return float(configuration["width"] or 0)


def everybody(groups: list[Group]) -> list[tuple[object, object, int]]:
    return sorted(
        (agent.configuration["width"], agent.configuration["rate"], agent.seed)
        for one in groups
        for agent in one.agents
    )


def test_what_agrees_joins_the_costliest_first() -> None:
    wanted = [group(8, 0.1), group(64, 0.1), group(8, 0.2)]
    made = make_groups(wanted, width, cost, jobs=1)
    assert [len(one.agents) for one in made] == [3, 6]
    assert made[0].agents[0].configuration["width"] == 64
    assert everybody(made) == everybody(wanted)


def test_groups_are_cut_between_configurations_until_every_worker_has_one() -> None:
    wanted = [group(8, rate) for rate in (0.1, 0.2, 0.3)]
    made = make_groups(wanted, width, cost, jobs=2)
    assert sorted(configurations(one) for one in made) == [1, 2]
    assert everybody(made) == everybody(wanted)


def test_one_configuration_is_cut_between_seeds() -> None:
    made = make_groups([group(8, 0.1, seeds=20)], width, cost, jobs=4)
    assert [len(one.agents) for one in made] == [5, 5, 5, 5]


def test_fewer_agents_than_jobs() -> None:
    assert len(make_groups([group(8, 0.1, seeds=2)], width, cost, jobs=8)) == 2


def test_a_group_has_a_largest_size() -> None:
    wanted = [group(8, float(rate), seeds=10) for rate in range(20)]
    made = make_groups(wanted, width, cost, jobs=1)
    assert max(len(one.agents) for one in made) <= LARGEST
    assert everybody(made) == everybody(wanted)


def test_rungs_keep_apart_and_measured_configurations_stay_alone() -> None:
    wanted = [group(8, 0.1), group(8, 0.2)]
    later = Group(wanted[1].agents, 100, 200)
    assert len(make_groups([wanted[0], later], width, cost, jobs=1)) == 2
    assert make_groups(wanted, width, cost, jobs=1, alone=True) == wanted


def test_values_that_compare_equal_are_other_configurations() -> None:
    agents = [Agent({"flag": 1}, 0), Agent({"flag": True}, 0), Agent({"flag": 1.0}, 0)]
    assert len(by_configuration(agents)) == 3


def test_equal_configurations_are_one_whichever_object_holds_them() -> None:
    shared = {"rate": 0.1}
    agents = [Agent(shared, 0), Agent({"rate": 0.1}, 1), Agent(shared, 2, "exploited"), Agent(shared, 3)]
    assert [[agent.seed for agent in part] for part in by_configuration(agents)] == [[0, 1, 3], [2]]
