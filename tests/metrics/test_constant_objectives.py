"""Objectives that cannot tell configurations apart."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autorl.errors import InvalidInput
from autorl.metrics import bundled_metrics, criteria, refuse_constant
from autorl.population import Plan
from autorl.schedules.full import Full

NOTHING: frozenset[str] = frozenset()
NEEDED: Mapping[str, Mapping[str, object]] = {
    "env_steps_to": {"return": 1.0},
    "hypervolume": {"reference_point": [0, 0]},
    "hypervolume_share": {"reference_point": [0, 0]},
}
"""Options that have no default."""


def _plans(**counts: tuple[int, ...]) -> list[Plan]:
    return [Plan(**dict(zip(counts, numbers, strict=True))) for numbers in zip(*counts.values(), strict=True)]


def test_metric_the_schedule_makes_equal_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"s: 'env_steps' cannot be an objective: .* schedule .* full length"):
        refuse_constant(criteria(["auc", "env_steps"]), [], Full().constant_metrics(), where="s")
    refuse_constant(criteria(["auc", "env_steps"]), [], NOTHING)


@pytest.mark.parametrize("name", ["parameters", "gradient_updates", "flops"])
def test_count_equal_in_all_plans_is_refused_with_its_value(name: str) -> None:
    message = rf"'{name}' cannot be an objective: it is 4610 for each of 3 configurations"
    with pytest.raises(InvalidInput, match=message):
        refuse_constant(criteria(["return", name]), _plans(**{name: (4610, 4610, 4610)}), NOTHING)
    refuse_constant(criteria(["return", name]), _plans(**{name: (4610, 4610, 34)}), NOTHING)


def test_contrary_direction_does_not_help() -> None:
    entries = [{"metric": "parameters", "direction": "maximize"}]
    with pytest.raises(InvalidInput, match="'parameters' cannot"):
        refuse_constant(criteria(entries), _plans(parameters=(3, 3)), NOTHING)


def test_equal_bounds_say_nothing_where_updates_may_stop_early() -> None:
    plans = _plans(parameters=(3, 4), gradient_updates=(9, 9), flops=(9, 9))
    refuse_constant(criteria(["gradient_updates", "flops"]), plans, NOTHING, early_stopping=True)
    with pytest.raises(InvalidInput, match="'parameters' cannot"):
        refuse_constant(criteria(["parameters"]), _plans(parameters=(3, 3)), NOTHING, early_stopping=True)


def test_what_a_plan_does_not_say_is_let_through() -> None:
    everything = criteria([{name: NEEDED.get(name, {})} for name in bundled_metrics()])
    refuse_constant(everything, [Plan(), Plan(), Plan()], NOTHING)
    refuse_constant(everything, _plans(parameters=(3,)), NOTHING)


def test_only_parameters_are_known_beforehand() -> None:
    plan = Plan(iteration_env_steps=1, parameters=2, gradient_updates=3, flops=4.0, memory_bytes=5)
    metrics = [one.metric for one in criteria([{name: NEEDED.get(name, {})} for name in bundled_metrics()])]
    assert {metric.name: metric.known(plan) for metric in metrics if metric.known(plan) is not None} == {
        "parameters": 2.0
    }
    assert {metric.name: metric.bound(plan) for metric in metrics if metric.bound(plan) is not None} == {
        "gradient_updates": 3.0, "flops": 4.0,
    }  # fmt: skip
