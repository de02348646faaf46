"""Speed and time left, from readings of a clock by hand."""

import pytest

from autorl.cli.progress import WINDOW, Pace, ProgressDisplay, duration
from autorl.study.progress import Progress


def at(trials: int, steps: int, phase: str = "tuning", total: int | None = 10) -> Progress:
    return Progress(phase, trials, total, "", steps, 0)


def test_the_first_group_only_sets_the_clock() -> None:
    pace = Pace()
    assert pace.steps_per_second() is None
    pace.update(100.0, at(2, 5_000_000))
    assert pace.steps_per_second() is None
    assert pace.seconds_left(at(2, 5_000_000)) is None


def test_speed_and_time_left() -> None:
    pace = Pace()
    pace.update(100.0, at(2, 1_000))
    pace.update(104.0, at(4, 3_000))
    assert pace.steps_per_second() == 500.0  # 2,000 steps in 4 s
    assert pace.seconds_left(at(4, 3_000)) == pytest.approx(12.0)  # 6 trials at 0.5 a second
    assert pace.seconds_left(at(4, 3_000, total=None)) is None


def test_another_phase_starts_its_own_count_of_trials() -> None:
    pace = Pace()
    pace.update(100.0, at(10, 1_000))
    pace.update(102.0, at(1, 2_000, "test", 3))
    assert pace.seconds_left(at(1, 2_000, "test", 3)) is None
    assert pace.steps_per_second() == 500.0
    pace.update(104.0, at(2, 3_000, "test", 3))
    assert pace.seconds_left(at(2, 3_000, "test", 3)) == pytest.approx(2.0)


def test_a_rung_with_fewer_trials_starts_its_own_count() -> None:
    pace = Pace()
    pace.update(100.0, at(8, 1_000))
    pace.update(102.0, at(2, 2_000))
    assert pace.seconds_left(at(2, 2_000)) is None
    pace.update(104.0, at(4, 3_000))
    assert pace.seconds_left(at(4, 3_000)) == pytest.approx(6.0)


def test_two_groups_within_a_moment_make_no_speed() -> None:
    pace = Pace()
    pace.update(100.0, at(1, 1_000))
    pace.update(100.01, at(2, 90_000))
    assert pace.steps_per_second() is None


def test_only_the_last_groups_count() -> None:
    pace = Pace()
    pace.update(0.0, at(0, 0))
    for index in range(WINDOW):
        pace.update(1000.0 + index, at(index, 10 * index))
    assert pace.steps_per_second() == 10.0


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3_661, "1:01:01")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_nothing_is_shown_when_invisible(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay(visible=False) as display:
        display.update(at(2, 1_000))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_line_has_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    display = ProgressDisplay(visible=False)
    for now, progress in ((100.0, at(2, 1_000)), (104.0, at(4, 9_000))):
        monkeypatch.setattr("time.monotonic", lambda now=now: now)
        display.update(progress)
    assert display.text(at(4, 9_000)) == "4/10 done, 2,000 env steps/s, 0:12 left"
