"""Entries of a study file: every form, every mistake, and the way back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.metrics import Criterion, Direction, Metric, bundled_metrics, criteria, criterion, describe
from autorl.metrics.learning_curve import AreaUnderCurve, EnvStepsTo
from autorl.records import Run

WHERE = "study.yaml: objectives[0]"


class EpisodeCount(Metric):
    """A user's metric."""

    name: ClassVar[str] = "episode_count"

    def per_run(self, run: Run) -> float:
        return float(run.final.shape[1])


@dataclass(frozen=True)
class Scaled(Metric):
    """A user's metric with options, one of which has a default."""

    name: ClassVar[str] = "scaled"
    direction: ClassVar[Direction] = "minimize"
    by: float
    base: str = "x"

    def per_run(self, run: Run) -> float:
        return self.by * run.env_steps


class Unnamed(EpisodeCount):
    name: ClassVar[str] = ""


class TakesArguments(EpisodeCount):
    name: ClassVar[str] = "takes_arguments"

    def __init__(self, power: int) -> None:
        self.power = power


class Abstract(Metric):
    name: ClassVar[str] = "abstract"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_metrics", sys.modules[__name__])


def test_bundled_metrics_are_found_by_looking() -> None:
    assert list(bundled_metrics()) == [
        "auc", "cardinality", "env_steps", "env_steps_to", "epsilon", "expected_utility", "flops", "gradient_updates",
        "hypervolume", "hypervolume_share", "igd", "igd_plus", "max_utility_loss", "parameters", "return",
        "return_iqm", "return_std", "sparsity", "train_seconds", "worst_return",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("auc", Criterion(AreaUnderCurve(), "maximize")),
        ({"metric": "auc"}, Criterion(AreaUnderCurve(), "maximize")),
        ({"metric": "auc", "direction": "minimize"}, Criterion(AreaUnderCurve(), "minimize")),
        ({"auc": None}, Criterion(AreaUnderCurve(), "maximize")),
        ({"auc": {}, "direction": "minimize"}, Criterion(AreaUnderCurve(), "minimize")),
        ({"env_steps_to": {"return": 475}}, Criterion(EnvStepsTo(475), "minimize")),
        ({"metric": "env_steps_to", "return": 475}, Criterion(EnvStepsTo(475), "minimize")),
        ({"env_steps_to": {"return": 475}, "direction": "maximize"}, Criterion(EnvStepsTo(475), "maximize")),
    ],
)
def test_every_form_of_an_entry(entry: object, expected: Criterion) -> None:
    found = criterion(entry, WHERE)
    assert type(found.metric) is type(expected.metric)
    assert found.metric.options == expected.metric.options
    assert found.direction == expected.direction
    again = criterion(describe(found), WHERE)
    assert (again.label, again.direction) == (found.label, found.direction)


def test_users_own_metrics_and_the_way_back() -> None:
    plain = criterion("my_metrics:EpisodeCount", WHERE)
    assert (plain.label, plain.direction) == ("episode_count", "maximize")
    scaled = criterion({"my_metrics:Scaled": {"by": 2.5}}, WHERE)
    assert (scaled.label, scaled.direction) == ("scaled(by=2.5)", "minimize")
    assert describe(scaled) == {
        "metric": f"{Scaled.__module__}:Scaled", "direction": "minimize", "by": 2.5, "base": "x",
    }  # fmt: skip


def test_labels_carry_options_so_that_two_thresholds_are_two_objectives() -> None:
    both = criteria([{"env_steps_to": {"return": 475.0}}, {"env_steps_to": {"return": 100.5}}, "auc"])
    assert [one.label for one in both] == ["env_steps_to(return=475)", "env_steps_to(return=100.5)", "auc"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("retrun", "unknown metric 'retrun'; did you mean 'return'?"),
        ({"metric": "acu"}, "unknown metric 'acu'; did you mean 'auc'?"),
        ({"metric": "auc", "direction": "max"}, "unknown direction 'max'; did you mean 'maximize'?"),
        ({"metric": "auc", "direction": ["up"]}, "unknown direction ['up']; known: maximize, minimize"),
        ({"metric": "auc", "return": 3}, "unknown option of metric 'auc' 'return'; known: none"),
        ({"env_steps_to": {"retrun": 3}}, "unknown option of metric 'env_steps_to' 'retrun'; did you mean 'return'?"),
        ({"env_steps_to": {"return_": 3}}, "unknown option of metric 'env_steps_to' 'return_'; did you mean 'return'?"),
        ("env_steps_to", "metric 'env_steps_to' needs the option 'return'; write {env_steps_to: {return: ...}}"),
        ({"env_steps_to": {"return": "1e3"}}, "metric 'env_steps_to': return '1e3' must be a finite number (write it "
         "with a decimal point and a signed exponent: 1.0e+3)"),
        ({"env_steps_to": {"return": True}}, "metric 'env_steps_to': return True must be a finite number"),
        ({"env_steps_to": {"return": float("nan")}}, "metric 'env_steps_to': return nan must be a finite number"),
        ("my_metrics:Missing", "unknown attribute of module 'my_metrics' named as metric 'Missing'"),
        ("my_metrics:WHERE", "which is no subclass of Metric"),
        ("my_metrics:Unnamed", "metric 'my_metrics:Unnamed' must define `name` and `per_run` to be used"),
        ("my_metrics:Abstract", "metric 'my_metrics:Abstract' must define `name` and `per_run` to be used"),
        ("my_metrics:TakesArguments", "metric 'takes_arguments' needs the arguments ['power'] but is no "
         "dataclass; make it one, with its options as fields"),
        (475, "475 is no objective"),
        ({"metric": 3}, "{'metric': 3} is no objective"),
        ({"direction": "minimize"}, "{'direction': 'minimize'} is no objective"),
        ({"auc": 3}, "{'auc': 3} is no objective"),
        ({"auc": {}, "return": {}}, "is no objective"),
        ({}, "{} is no objective"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_place(entry: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        criterion(entry, WHERE)
    assert str(caught.value).startswith(f"{WHERE}: ")
    assert message in str(caught.value)


def test_unknown_names_are_told_apart() -> None:
    with pytest.raises(UnknownName):
        criterion("nothing", WHERE)


@pytest.mark.parametrize("entries", [[], ()])
def test_empty_list_is_refused(entries: object) -> None:
    with pytest.raises(InvalidInput, match="is empty; at least one objective"):
        criteria(entries)


@pytest.mark.parametrize("entries", ["auc", {"metric": "auc"}, None, 3])
def test_anything_but_a_list_is_refused(entries: object) -> None:
    with pytest.raises(InvalidInput, match="must be a list of metrics"):
        criteria(entries)


@pytest.mark.parametrize(
    "entries",
    [
        ["auc", "return", {"metric": "auc", "direction": "minimize"}],
        [{"env_steps_to": {"return": 5}}, "auc", {"metric": "env_steps_to", "return": 5.0}],
    ],
)
def test_duplicate_objective_is_refused_at_its_place(entries: object) -> None:
    with pytest.raises(InvalidInput, match=r"s: objectives\[2\]: duplicate objective '(auc|env_steps_to\(return=5\))'"):
        criteria(entries, "s: objectives")


def test_metrics_load_no_heavy_library() -> None:
    code = (
        "import sys; from autorl.metrics import bundled_metrics; bundled_metrics();"
        "print([name for name in ('torch', 'scipy', 'moocore', 'gymnasium', 'optuna') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
