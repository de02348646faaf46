"""Constraints of a study file: every form, every mistake, the way back, and by how much a value breaks one."""

from __future__ import annotations

import sys
from typing import ClassVar

import pytest

from autorl.errors import InvalidInput
from autorl.metrics import Constraint, Metric, constraints, describe_constraint, refuse_shared_labels
from autorl.metrics.costs import TrainSeconds
from autorl.metrics.learning_curve import EnvStepsTo
from autorl.metrics.returns import Return
from autorl.records import Run

WHERE = "study.yaml: constraints"


class Namesake(Metric):
    """A user's metric under a bundled one's name."""

    name: ClassVar[str] = "return"

    def per_run(self, run: Run) -> float:
        return float(run.env_steps)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_constraints", sys.modules[__name__])


@pytest.mark.parametrize(
    ("entry", "expected", "rule"),
    [
        ({"metric": "train_seconds", "at_most": 60}, Constraint(TrainSeconds(), "at_most", 60.0),
         "train_seconds at most 60"),
        ({"train_seconds": None, "at_most": "6e1"}, Constraint(TrainSeconds(), "at_most", 60.0),
         "train_seconds at most 60"),
        ({"metric": "return", "at_least": -0.25}, Constraint(Return(), "at_least", -0.25), "return at least -0.25"),
        ({"env_steps_to": {"return": 475}, "at_most": 5000}, Constraint(EnvStepsTo(475), "at_most", 5000.0),
         "env_steps_to(return=475) at most 5000"),
        ({"metric": "env_steps_to", "return": 475, "at_most": 5000}, Constraint(EnvStepsTo(475), "at_most", 5000.0),
         "env_steps_to(return=475) at most 5000"),
    ],
)  # fmt: skip
def test_every_form_and_the_way_back(entry: object, expected: Constraint, rule: str) -> None:
    for given in (entry, describe_constraint(constraints([entry])[0])):
        (found,) = constraints([given])
        assert type(found.metric) is type(expected.metric)
        assert (found.metric.options, found.side, found.bound) == (
            expected.metric.options,
            expected.side,
            expected.bound,
        )
        assert found.rule == rule


def test_a_violation_is_at_most_zero_where_the_constraint_holds() -> None:
    above, below = constraints([{"metric": "return", "at_least": 100}, {"metric": "return", "at_most": 500.0}])
    assert [above.violation(value) for value in (90.0, 100.0, 130.0)] == [10.0, 0.0, -30.0]
    assert [below.violation(value) for value in (490.0, 500.0, 530.0)] == [-10.0, 0.0, 30.0]


def test_a_metric_may_be_bounded_on_both_sides_and_there_may_be_no_constraint() -> None:
    assert len(constraints([{"metric": "return", "at_least": 5}, {"metric": "return", "at_most": 5}])) == 2
    assert constraints([]) == ()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("train_seconds", ": 'train_seconds' must be a list"),
        ({"metric": "return", "at_most": 3}, ": {'metric': 'return', 'at_most': 3} must be a list"),
        ([3], "[0]: 3 is no constraint; write {metric: NAME, at_most: NUMBER}"),
        ([{"at_most": 3}], "[0]: {'at_most': 3} is no constraint"),
        ([{"metric": "train_secnds", "at_most": 3}], "[0]: unknown metric 'train_secnds'; did you mean "
         "'train_seconds'?"),
        ([{"metric": "return", "at_mots": 3}], "[0]: unknown key of a constraint on 'return' 'at_mots'; did you mean "
         "'at_most'?"),
        ([{"metric": "return", "at_most": 3, "direction": "minimize"}], "[0]: unknown key of a constraint on 'return' "
         "'direction'"),
        (["return"], "[0]: 'return' has neither at_most nor at_least; a constraint has exactly one bound"),
        ([{"metric": "return", "at_most": 3, "at_least": 1}], "has both at_most and at_least"),
        ([{"env_steps_to": {}, "at_most": 3}], "[0]: metric 'env_steps_to' needs the option 'return'"),
        ([{"metric": "return", "at_most": True}], "[0]: at_most: True is no finite number"),
        ([{"metric": "return", "at_most": None}], "[0]: at_most: None is no finite number"),
        ([{"metric": "return", "at_least": float("nan")}], "[0]: at_least: nan is no finite number"),
        ([{"metric": "return", "at_least": float("-inf")}], "[0]: at_least: -inf is no finite number"),
        ([{"metric": "return", "at_least": 10**400}], "is no finite number"),
        ([{"metric": "auc", "at_most": 1}, {"metric": "return", "at_most": 1}, {"metric": "return", "at_most": 2}],
         "[2]: 'return at most 2' comes after 'return at most 1'; bound a metric once on each side"),
        ([{"metric": "return", "at_most": 1}, {"metric": "return", "at_least": 2}],
         "[1]: 'return at least 2' contradicts 'return at most 1'; no value satisfies both"),
        ([{"metric": "return", "at_least": 2}, {"metric": "my_constraints:Namesake", "at_most": 3}],
         "are both called 'return'; different metrics of a study need different names"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_place(entries: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        constraints(entries, WHERE)
    assert str(caught.value).startswith(WHERE)
    assert message in str(caught.value)


def test_one_metric_may_be_named_often() -> None:
    refuse_shared_labels([Return(), TrainSeconds(), Return()], WHERE)
