"""The page of `live_training`, on studies written by hand, and which studies it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import live_training
from benchmarks.live_studies import SIDES, TASKS, Cell, Point
from benchmarks.live_training import BASELINE, RECOMMENDED, Played, Store, main

FIRST, LATER, END = Point(100, 1.0, 9.0, 5.0), Point(300, 4.0, 12.0, 8.0), Point(400, 10.0, 12.0, 8.0)


def test_the_incumbent_is_the_last_one_within_a_budget() -> None:
    played = Played((FIRST, LATER), END)
    assert [played.at("env_steps", budget) for budget in (99, 100, 299, 300, 1e9)] == [None, 5.0, 5.0, 8.0, 8.0]
    assert played.at("cpu_seconds", 3.9) == 5.0


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int | None]]:
    """Every study run, as (side, repetition, budget); random search ends 2 points lower, the other one spends less."""
    run: list[tuple[str, int, int | None]] = []

    def play(cell: Cell, env_steps: int | None) -> tuple[list[Point], Point]:
        run.append((cell.side, cell.repetition, env_steps))
        if cell.side == BASELINE:
            return [FIRST], Point(400 + cell.repetition, 20.0, 9.0, 6.0)
        return [FIRST, LATER], END

    monkeypatch.setattr(live_training, "play", play)
    return run


def test_all_sides_get_the_same_env_steps_and_no_study_is_run_twice(
    tmp_path: Path, budgets: list[tuple[str, int, int | None]], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--cells", str(tmp_path), "--repetitions", "2", "ppo_cartpole"]
    assert main(command) == 0
    assert budgets == [(BASELINE, 0, None), (RECOMMENDED, 0, 400), (BASELINE, 1, None), (RECOMMENDED, 1, 401)]
    shown = capsys.readouterr().out
    assert "| ppo_cartpole | random | 2 | 6.0 [6.0, 6.0] |  | 3.0 | 20 |" in shown
    row = "| ppo_cartpole | gp, rolling_halving |"
    assert f"{row} 2 | 8.0 [8.0, 8.0] | +2.0 [+2.0, +2.0] | 4.0 | 10 |" in shown
    assert f"{row} cpu seconds | 25% | 8.0 | 5.0 | +3.0 [+3.0, +3.0] | 2 / 0 |" in shown
    assert main(command) == 0
    assert len(budgets) == 4
    assert main([*command, "--sides", "tpe"]) == 0
    assert budgets[4:] == [("tpe", 0, None), ("tpe", 1, None)]  # as many configurations as random search
    assert main([*command, "--minutes", "0", "--repetitions", "3"]) == 2  # what is missing is not begun


def test_a_study_is_found_by_what_its_numbers_depend_on(tmp_path: Path, budgets: object) -> None:
    Store(tmp_path).run(Cell("ppo_cartpole", BASELINE, 0))
    assert Store(tmp_path).find(Cell("ppo_cartpole", BASELINE, 0)) is not None
    assert Store(tmp_path).find(Cell("ppo_cartpole", BASELINE, 1)) is None
    assert Store(tmp_path).find(Cell("ppo_acrobot", BASELINE, 0)) is None


def test_whole_trainings_are_limited_by_trials_and_a_schedule_by_env_steps_alone() -> None:
    assert {side.trials for side in SIDES.values() if side.schedule == "full"} == {32}
    assert {side.trials for side in SIDES.values() if side.schedule != "full"} == {None}
    assert {RECOMMENDED, BASELINE} < {*SIDES}
    assert {task.algorithm for task in TASKS.values()} == {"ppo", "dqn", "sac"}
