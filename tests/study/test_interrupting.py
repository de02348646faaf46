"""An interrupt that vanished somewhere ends a study at its next group all the same."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autorl.study import Progress, Study
from autorl.study.interrupting import Interruption
from tests.study.comparing import numbers
from tests.study.toys import study


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_is_raised_where_it_arrives() -> None:
    with Interruption(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_one_that_was_swallowed_is_raised_again() -> None:
    with Interruption() as interruption:
        interruption.raise_if_noted()
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruption.raise_if_noted()


def test_a_handler_of_the_users_own_is_called() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: received.append(number))
    try:
        with Interruption():
            signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_and_ignored_interrupts_are_left_alone() -> None:
    def enter() -> None:
        with Interruption() as interruption:
            entered.append(signal.getsignal(signal.SIGINT))
            interruption.raise_if_noted()

    entered: list[object] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [signal.getsignal(signal.SIGINT)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_study_ends_at_its_next_group_and_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    class Swallowing:
        def __del__(self) -> None:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    seen: list[Progress] = []

    def lose_it(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 2:
            Swallowing()

    content = study("quick", tuner="random", batch=1)
    with pytest.raises(KeyboardInterrupt):
        Study.load(content).run(tmp_path / "lost", on_progress=lose_it)
    assert len(seen) == 2
    for name in ("lost", "whole"):
        Study.load(content).run(tmp_path / name)
    assert numbers(tmp_path / "lost") == numbers(tmp_path / "whole")
