"""The schedule `full`, carried out by hand, and schedules by name."""

from __future__ import annotations

import pytest

from autorl.errors import UnknownName
from autorl.schedules import Ask, Assignment, Frame, Tell, Train, build_schedule, bundled_schedules
from autorl.schedules.full import Full

FRAME = Frame(horizon=1000, seeds=(0, 7), batch=2, objectives=1)


def test_it_asks_trains_and_tells_until_nothing_comes() -> None:
    requests = Full().requests(FRAME)
    assert next(requests) == Ask(2)
    assert requests.send((0, 1)) == Train((Assignment(0, (0, 7), 1000), Assignment(1, (0, 7), 1000)))
    assert requests.send(()) == Tell((0, 1))
    assert requests.send(()) == Ask(2)
    assert requests.send((2,)) == Train((Assignment(2, (0, 7), 1000),))
    assert requests.send(()) == Tell((2,))
    assert requests.send(()) == Ask(2)
    with pytest.raises(StopIteration):
        requests.send(())


def test_it_has_no_rung_before_the_end_and_makes_env_steps_constant() -> None:
    assert Full().rungs(30_000) == (30_000,)
    assert Full().constant_metrics() == {"env_steps"}


def test_it_is_found_by_name_and_by_class() -> None:
    assert bundled_schedules()["full"] is Full
    assert {"asha", "full", "halving", "hyperband", "racing", "rolling_halving"} <= set(bundled_schedules())
    assert all(schedule.summary for schedule in bundled_schedules().values())
    for source in ("full", {"name": "full"}, "autorl.schedules.full:Full"):
        assert isinstance(build_schedule(source), Full)


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UnknownName, match="schedule: unknown schedule 'ful'; did you mean 'full'"):
        build_schedule("ful")
    with pytest.raises(UnknownName, match="unknown option of schedule 'full' 'eta'; known: none"):
        build_schedule({"name": "full", "eta": 3})
