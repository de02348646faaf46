"""Constraints through the whole study, on a toy whose unconstrained best costs too much."""

from __future__ import annotations

import csv
import io
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.records import Status
from autorl.report.table import trials_csv
from autorl.storage.truth import Truth
from autorl.study import Study, StudyState, open_result, study_state, tune
from autorl.tuners import Outcome
from tests.study.comparing import numbers
from tests.study.toys import Cost, study, value

COST = "tests.study.toys:Cost"
CHEAP = {"metric": COST, "at_most": 0.0}
START = [{"x": 0.2, "y": "b"}, {"x": -0.1, "y": "b"}, {"x": -0.1, "y": "c"}]
"""Trials 1 to 3: the unconstrained best, a feasible one that is better than the random ones, and a worse one."""
SCHEMA = json.loads(files("autorl.report").joinpath("results.schema.json").read_text(encoding="utf-8"))


class Namesake(Cost):
    """Another metric under the name of the toys' own."""


def constrained(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {"constraints": [CHEAP], "start_from": START, "batch": 2}
    return study("costly", **{**content, **changes})


def x_of(holder: Any) -> float:
    """The hyperparameter x of something with a configuration: the cost."""
    configuration = getattr(holder, "config", None) or holder.configuration
    return float(configuration["x"])


def told(directory: Path) -> list[Outcome]:
    truth = Truth(f"sqlite:///{directory / 'study.sqlite'}", "toy")
    try:
        return truth.tells()
    finally:
        truth.close()


def checked(directory: Path) -> Any:
    document = numbers(directory)
    whole = json.loads((directory / "results.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(whole)
    return document


def test_the_best_feasible_trial_is_chosen_and_every_reader_is_told(tmp_path: Path) -> None:
    free = Study.load(constrained(constraints=[])).run(tmp_path / "free")
    assert free.best is not None
    assert free.best.trial == 1
    assert free.best.feasible is None
    result = Study.load(constrained()).run(tmp_path / "bound")
    assert result.best is not None
    assert (result.best.trial, result.best.feasible) == (2, True)
    assert result.complete
    for trial in result.trials:
        assert trial.violations == pytest.approx((x_of(trial),))
        assert trial.feasible is (x_of(trial) <= 0)
    assert [(one.number, one.violations) for one in told(tmp_path / "bound")] == [
        (trial.number, trial.violations) for trial in result.trials
    ]
    document = checked(tmp_path / "bound")
    assert document["constraints"] == [{"metric": "cost", "at_most": 0.0, "unit": ""}]
    assert document["feasible"] is True
    assert document["best"]["constraints"] == [
        {"metric": "cost", "at_most": 0.0, "tuning": True, "validation": None, "test": True}
    ]
    assert document["best"]["test"]["cost"]["per_seed"] == pytest.approx([-0.1] * 3)
    assert document["trials"][1]["feasible"] is False
    assert document["trials"][1]["constraints"] == {"cost": pytest.approx(0.2)}
    rows = list(csv.DictReader(io.StringIO(trials_csv(result.content))))
    assert [row["feasible"] for row in rows[:4]] == ["false", "false", "true", "true"]
    assert float(rows[1]["constraint.cost"]) == pytest.approx(0.2)
    free_document = checked(tmp_path / "free")
    assert not {"constraints", "feasible"} & {*free_document, *free_document["best"], *free_document["trials"][0]}


def test_only_feasible_trials_enter_the_front(tmp_path: Path) -> None:
    content = constrained(objectives=["return", {"metric": "auc", "direction": "minimize"}])
    free = Study.load({**content, "constraints": []}).run(tmp_path / "free")
    assert any(x_of(one) > 0 for one in free.front)
    result = Study.load(content).run(tmp_path / "bound")
    assert result.front
    assert all(x_of(one) <= 0 and one.feasible for one in result.front)
    document = checked(tmp_path / "bound")
    assert document["feasible"] is True
    assert all(member["feasible"] for member in document["front"])


@pytest.mark.parametrize("objectives", [["return"], ["return", "auc"]])
def test_without_a_feasible_trial_the_least_infeasible_is_reported_and_flagged(
    tmp_path: Path, objectives: list[str]
) -> None:
    result = Study.load(constrained(constraints=[{"metric": COST, "at_most": -2}], objectives=objectives)).run(tmp_path)
    least = min(result.trials, key=x_of)
    assert [one.trial for one in result.front] == [least.number]
    assert result.front[0].feasible is False
    assert result.complete
    document = checked(tmp_path)
    assert document["feasible"] is False
    assert "no configuration holds every constraint (cost at most -2) on the tuning seeds" in document["warnings"][0]


def test_finalists_are_ranked_by_feasibility_on_the_validation_seeds_first(tmp_path: Path) -> None:
    seeds = {"tuning": 2, "validation": 2, "test": 2}
    result = Study.load(constrained(seeds=seeds, finalists=6)).run(tmp_path)
    assert result.best is not None
    assert (result.best.trial, result.best.feasible) == (2, True)
    finalists = checked(tmp_path)["finalists"]
    marks = [one["constraints"][0]["validation"] for one in finalists]
    assert marks == sorted(marks, reverse=True)
    assert False in marks  # fewer feasible ones than finalists
    infeasible = [one["validation"]["cost"]["mean"] for one in finalists if not one["feasible"]]
    assert infeasible == sorted(infeasible)
    returns = [one["validation"]["return"]["mean"] for one in finalists if one["feasible"]]
    assert returns == sorted(returns, reverse=True)


def test_a_metric_that_is_not_finite_makes_a_failure_with_penalties(tmp_path: Path) -> None:
    content = constrained(
        constraints=[{"metric": "tests.study.toys:Log", "at_most": -1}, {"metric": "return", "at_least": 0.0}],
        space={"x": {"float": [0.0, 1.0], "default": 0.5}, "y": {"choice": ["a", "b", "c"], "default": "a"}},
        start_from=[{"x": 0.0, "y": "b"}, {"x": 0.1, "y": "b"}],
    )
    result = Study.load(content).run(tmp_path)
    failed, cheap = result.trials[1], result.trials[2]
    assert (failed.status, failed.losses, failed.violations) == (Status.FAILED, None, ())
    assert failed.reason is not None
    assert "its constraints' metrics are not finite: {" in failed.reason
    assert cheap.feasible
    first, second = (one for one in told(tmp_path)[:2])
    assert (first.number, second.number, second.complete) == (0, 1, False)
    assert second.violations == pytest.approx(
        [worst + max(0.1 * abs(worst), 1e-6) for worst in result.trials[0].violations]
    )
    document = checked(tmp_path)
    assert document["trials"][1]["feasible"] is None
    assert document["trials"][1]["constraints"] == {}


def test_a_failure_keeps_the_violation_that_its_configuration_fixes() -> None:
    from autorl.records import Trial
    from autorl.study.telling import known_in_advance

    resolved = Study.load(
        {"algorithm": "ppo", "environment": "CartPole-v1", "budget": {"trials": 2},
         "constraints": [{"metric": "parameters", "at_most": 1000}, {"metric": "return", "at_least": 1}]}
    ).resolved  # fmt: skip
    assert known_in_advance(resolved, Trial(0, {}, Status.FAILED)) == [None, 4610 - 1000, None]
    assert known_in_advance(resolved, Trial(0, {"n_steps": -1}, Status.FAILED)) == [None, None, None]


@pytest.mark.parametrize("tuner", ["tpe", "nsga2"])
def test_interrupted_and_gone_on_with_it_ends_as_an_undisturbed_run(tmp_path: Path, tuner: str) -> None:
    options = {"tpe": {"n_startup_trials": 2}, "nsga2": {"population_size": 4}}[tuner]
    content = constrained(tuner={"name": tuner, **options}, budget={"trials": 14, "env_steps": 1000})
    Study.load(content).run(tmp_path / "whole")

    def stop(trial: Any) -> None:
        if trial.number == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Study.load(content).run(tmp_path / "killed", on_trial=stop)
    Study.load(content).run(tmp_path / "killed", jobs=2)
    assert checked(tmp_path / "killed") == checked(tmp_path / "whole")
    assert told(tmp_path / "killed") == told(tmp_path / "whole")
    open_result(tmp_path / "killed").report()
    assert checked(tmp_path / "killed") == checked(tmp_path / "whole")
    with pytest.raises(InvalidInput, match="constraints is"):
        Study.load({**content, "constraints": []}).run(tmp_path / "killed")


def test_the_mirror_knows_who_is_feasible(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'optuna.sqlite'}"
    result = Study.load(constrained(constraints=[CHEAP, {"metric": "return", "at_least": 0.5}])).run(tmp_path / "run")
    result.mirror(url)
    found = optuna.load_study(study_name="toy", storage=url)
    assert result.best is not None
    assert found.best_trial.number == result.best.trial
    assert [trial.number for trial in found.best_trials] == [result.best.trial]
    assert found.trials[1].constraints == {
        "cost at most 0": pytest.approx(0.2),
        "return at least 0.5": pytest.approx(result.trials[1].violations[1]),
    }


def test_measured_seconds_train_alone_and_make_a_study_nondeterministic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autorl.execution.local import Local

    groups: list[int] = []
    run = Local.run

    def watched(self: Local, objective: Any, grouped: Any, seconds: float) -> Any:
        groups.extend(len({str(dict(agent.configuration)) for agent in group.agents}) for group in grouped)
        return run(self, objective, grouped, seconds)

    monkeypatch.setattr(Local, "run", watched)
    content = constrained(constraints=[{"metric": "train_seconds", "at_most": 60}])
    result = Study.load(content).run(tmp_path)
    assert set(groups) == {1}
    assert result.content.nondeterministic == (
        "the constraint on 'train_seconds' is measured and differs between repetitions",
    )


def test_what_is_known_before_training_is_logged_before_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sentence = "constraints: tuner 'random' does not use constraints; selection does"
    logged: list[list[str]] = []
    content = constrained(tuner="random", budget={"trials": 4, "env_steps": 1000})
    Study.load(content).run(tmp_path, on_progress=lambda _: logged.append(list(caplog.messages)))
    assert logged[0] == logged[-1] == [sentence]


PPO: dict[str, Any] = {"algorithm": "ppo", "environment": "CartPole-v1", "budget": {"trials": 2}, "tuner": "random"}


def test_what_is_known_before_training_is_said_before_training() -> None:
    warnings = Study.load({**PPO, "constraints": [{"metric": "parameters", "at_most": 1}]}).resolved.warnings
    assert any("'parameters at most 1' holds for none of the" in warning for warning in warnings)
    assert "constraints: tuner 'random' does not use constraints; selection does" in warnings
    fine = Study.load({**PPO, "constraints": [{"metric": "parameters", "at_most": 1e6}]}).resolved.warnings
    assert not any("holds for none" in warning for warning in fine)
    assert not any("constraints" in warning for warning in Study.load(PPO).resolved.warnings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"constraints": [{"metric": "parameters", "at_most": 9}]}, "'parameters' cannot be a constraint: algorithm"),
        (
            {"constraints": [CHEAP], "objectives": [{"metric": "tests.study.test_constraints:Namesake"}]},
            "are both called 'cost'",
        ),
        ({"constraints": [{"metric": COST, "at_most": "low"}]}, "'low' is no finite number"),
    ],
)
def test_bad_constraints_are_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=r"constraints") as caught:
        Study.load(study("costly", **changes)).run(tmp_path / "run")
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_tune_takes_constraints_as_an_argument(tmp_path: Path) -> None:
    toy = study("costly", start_from=START)
    result = tune(
        toy["algorithm"], toy["environment"], trials=5, env_steps=1000, tuning_seeds=2, test_seeds=2, tuner="random",
        constraints=[CHEAP], start_from=START, evaluation=toy["evaluation"], name="toy", out=tmp_path,
    )  # fmt: skip
    assert result.best is not None
    assert result.best.trial == 2
    state: StudyState = study_state(tmp_path)
    assert (state.trials_told, state.trials_failed) == (5, 0)


def test_a_loop_of_ones_own_tells_what_is_bounded(tmp_path: Path) -> None:
    made = Study.load(constrained(tuner="tpe", constraints=[CHEAP, {"metric": "return", "at_least": 0.5}]))
    for _ in range(2):
        with made.open(tmp_path) as session:
            for suggestion in session.ask(4):
                score, cost = value(suggestion.config, 0), x_of(suggestion)
                told_as: list[Any] = [cost, [cost], {"cost": cost}]
                session.tell(suggestion, score, constraints=told_as[suggestion.number % 3])
            assert [trial.number for trial in session.front] == [2]
    with made.open(tmp_path) as session:
        assert [trial.violations[0] for trial in session.trials[:3]] == [0.5, 0.2, -0.1]
        assert session.trials[0].violations[1] == pytest.approx(0.5 - value({"x": 0.5, "y": "a"}, 0))


@pytest.mark.parametrize(
    ("constraints", "error", "said"),
    [
        (None, InvalidInput, r"None has 0 values; \['cost'\] are the constraints to tell"),
        ([1.0, 2.0], InvalidInput, r"\[1.0, 2.0\] has 2 values"),
        ({"cots": 1.0}, UnknownName, "unknown constraint 'cots'; did you mean 'cost'"),
        ({"return": 1.0}, UnknownName, "unknown constraint 'return'"),  # told once, among the objectives
        ({}, InvalidInput, r"lacks the constraint\(s\) cost"),
        (float("inf"), InvalidInput, "cost .*inf is no finite number"),
    ],
)
def test_wrong_tells_of_constraints_are_refused(constraints: Any, error: type[Exception], said: str) -> None:
    made = Study.load(constrained(constraints=[CHEAP, {"metric": "return", "at_least": 0.5}]))
    with made.open() as session:
        session.ask()
        with pytest.raises(error, match=said):
            session.tell(0, 1.0, constraints=constraints)
        assert session.trials == []


def test_a_failure_tells_no_constraint() -> None:
    with Study.load(constrained()).open() as session:
        session.ask()
        with pytest.raises(InvalidInput, match=r"constraints=3.0 with failed=True"):
            session.tell(0, failed=True, constraints=3.0)
