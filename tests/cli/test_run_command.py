"""`autorl run`: what stands on stdout, what on stderr, and the exit code; the study itself is a stand-in."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import autorl.study
from autorl.cli.application import application
from autorl.errors import BrokenObjective
from autorl.metrics import constraints
from autorl.statistics import Difference, Estimate
from autorl.study.progress import Progress

GROUPS = (
    Progress("tuning", 4, 8, "return 90.5", 40_000, 0),
    Progress("tuning", 8, 8, "return 120", 80_000, 1),
    Progress("test", 2, None, "return 120", 120_000, 1),
)


def estimate(mean: float) -> Estimate:
    return Estimate(mean, mean - 1, mean + 1, (mean,), 1, "none", None)


def measured(trial: int | None, mean: float) -> Any:
    apart = {} if trial is None else {"return": Difference(mean - 300, mean - 302, mean - 298, (1, 1), "Welch's t")}
    return SimpleNamespace(trial=trial, test={"return": estimate(mean)}, minus_baseline=apart)


@dataclass
class Stand:
    """A study that trains nothing; remembers how it was run."""

    fate: Callable[[], None] = lambda: None
    complete: bool = True
    front: tuple[Any, ...] = (measured(3, 400.0),)
    constraints: tuple[Any, ...] = ()
    calls: list[dict[str, Any]] = field(default_factory=list)
    loads: list[tuple[object, object]] = field(default_factory=list)
    name: str = "stand"

    def load(self, source: object, overrides: Mapping[str, object] | None = None) -> "Stand":
        self.loads.append((source, overrides))
        return self

    def run(self, directory: Path, **arguments: Any) -> Any:
        self.calls.append({"directory": directory, **arguments})
        logging.getLogger("autorl").warning("the stairs are steep")
        for group in GROUPS:
            arguments["on_progress"](group)
        self.fate()
        directory.mkdir(parents=True)
        content = {"best": {"trial": 3} if self.complete else None, "objectives": [], "trials": ["many"]}
        (directory / "results.json").write_text(json.dumps(content))
        return SimpleNamespace(
            directory=directory,
            report_path=directory / "report.html",
            complete=self.complete,
            front=self.front,
            baseline=measured(None, 300.0),
            content=SimpleNamespace(warnings=("the stairs are steep", "mind the gap")),
            study=SimpleNamespace(
                warnings=("the stairs are steep",),
                criteria=(SimpleNamespace(label="return"),),
                constraints=self.constraints,
                seeds=SimpleNamespace(test=tuple(range(20))),
            ),
        )


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stand:
    made = Stand()
    monkeypatch.setattr(autorl.study, "Study", made)
    monkeypatch.chdir(tmp_path)
    return made


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(application, ["run", "stand", *arguments])


def test_progress_on_stderr_and_the_path_as_last_line(stand: Stand) -> None:
    found = invoke()
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines() == [
        "Baseline on 20 test seeds: return 300 (95 % interval 299 to 301)",
        "Trial 3 on 20 test seeds: return 400 (95 % interval 399 to 401), "
        "+100 (95 % interval 98 to 102) to the baseline",
        "runs/stand/report.html",
    ]
    assert found.stderr.splitlines() == [
        "Warning: the stairs are steep",
        "tuning: 4/8 done, best return 90.5",
        "tuning: 8/8 done, 1 failed, best return 120",
        "test: 2 done, 1 failed, best return 120",
        "Warning: mind the gap",
    ]


def test_bounded_metrics_stand_beside_their_bounds(stand: Stand) -> None:
    stand.constraints = constraints([{"metric": "return", "at_least": 350}, {"metric": "parameters", "at_most": 9}])
    found = invoke()
    assert found.exit_code == 0, found.output
    baseline, trial, _ = found.stdout.splitlines()
    assert "return at least 350 is broken with 300 (95 % interval 299 to 301)" in baseline
    assert "return at least 350 holds with 400 (95 % interval 399 to 401), parameters at most 9 not measured" in trial


def test_what_reaches_the_study(stand: Stand) -> None:
    invoke("--out", "a/b", "--jobs", "3", "--set", "batch=2", "--trials", "9", "--accept-new-numerics")
    assert stand.loads == [("stand", {"batch": 2, "budget.trials": 9})]
    (call,) = stand.calls
    assert (call["directory"], call["jobs"], call["accept_new_numerics"]) == (Path("a/b"), 3, True)
    invoke()
    assert (stand.calls[1]["jobs"], stand.calls[1]["accept_new_numerics"]) == (1, False)


def test_quiet(stand: Stand) -> None:
    found = invoke("--quiet")
    assert (found.exit_code, found.stdout, found.stderr) == (0, "runs/stand/report.html\n", "")


def test_json_is_one_object_and_nothing_else(stand: Stand) -> None:
    found = invoke("--json")
    assert found.exit_code == 0
    assert found.stdout.count("\n") == 1
    assert json.loads(found.stdout) == {
        "directory": "runs/stand",
        "report": "runs/stand/report.html",
        "complete": True,
        "objectives": [],
        "best": {"trial": 3},
    }
    assert not found.stderr


@pytest.mark.parametrize("option", [(), ("--quiet",), ("--json",)])
def test_no_complete_trial_is_exit_code_1(stand: Stand, option: tuple[str, ...]) -> None:
    stand.complete, stand.front = False, ()
    found = invoke(*option)
    assert found.exit_code == 1
    assert "No trial completed, so there is no result; runs/stand/report.html says why." in found.stderr
    assert "report.html" in found.stdout


def test_interruption_says_how_to_go_on(stand: Stand) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    stand.fate = interrupt
    found = invoke("--quiet")
    assert found.exit_code == 130
    assert found.stderr == (
        "Interrupted. What is finished is kept in runs/stand; the same command goes on from there.\n"
    )
    assert not found.stdout


def test_a_broken_environment_shows_its_traceback(stand: Stand) -> None:
    def break_down() -> None:
        raise BrokenObjective("each of the first 3 trials failed:\nTraceback (most recent call last):\nValueError: no")

    stand.fate = break_down
    found = invoke("--quiet")
    assert found.exit_code == 1
    assert found.stderr.startswith("Stopped: each of the first 3 trials failed:\nTraceback")
    assert found.stderr.endswith("ValueError: no\n")


def test_a_folder_that_cannot_be_written_is_no_trace(stand: Stand) -> None:
    def deny() -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    stand.fate = deny
    found = invoke("--quiet")
    assert (found.exit_code, found.stderr) == (2, "Error: '/somewhere' cannot be used: Permission denied\n")


def test_a_bug_keeps_its_trace(stand: Stand) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    stand.fate = fail
    assert isinstance(invoke("--quiet").exception, ZeroDivisionError)
