"""A body runs only while it is resumed, and ends whatever happens."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from autorl.population.coroutine import Coroutine

Pause = Callable[[], None]


def test_the_two_sides_take_turns_and_the_result_is_handed_over(own_threads: Callable[[], int]) -> None:
    order: list[str] = []

    def body(pause: Pause) -> str:
        for name in ("a", "b"):
            order.append(f"body {name}")
            pause()
        return "done"

    coroutine = Coroutine(body, "test")
    assert order == []
    for name in ("a", "b"):
        coroutine.resume()
        order.append(f"owner {name}")
        assert not coroutine.finished
    coroutine.resume()
    assert order == ["body a", "owner a", "body b", "owner b"]
    assert coroutine.finished
    assert coroutine.result == "done"
    coroutine.resume()  # nothing is left to do
    assert own_threads() == 0


def test_an_exception_arrives_with_the_frames_it_was_raised_in() -> None:
    def deep() -> None:
        raise KeyError("inside")

    coroutine = Coroutine(lambda pause: deep(), "test")
    with pytest.raises(KeyError, match="inside") as caught:
        coroutine.resume()
    assert "deep" in [entry.name for entry in caught.traceback]
    with pytest.raises(KeyError):  # and again, for whoever asks again
        coroutine.resume()


def test_a_body_cannot_end_the_process() -> None:
    def body(pause: Pause) -> None:
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match=r"test raised SystemExit\(3\), which is no Exception"):
        Coroutine(body, "test").resume()


@pytest.mark.parametrize("how", ["close", "drop"])
def test_an_abandoned_body_cleans_up_and_its_thread_ends(how: str, own_threads: Callable[[], int]) -> None:
    events: list[str] = []

    def body(pause: Pause) -> None:
        try:
            while True:
                try:
                    pause()
                except Exception:  # noqa: BLE001  # what training code does; it must not hold the thread
                    events.append("swallowed")
        finally:
            events.append("cleaned up")

    coroutine = Coroutine(body, "test")
    coroutine.resume()
    assert own_threads() == 1
    if how == "close":
        coroutine.close()
        with pytest.raises(RuntimeError, match="test was closed"):
            Coroutine.resume(_closed(body))
    del coroutine
    gc.collect()
    assert events == ["cleaned up"]
    assert own_threads() == 0


def _closed(body: Callable[[Pause], None]) -> Coroutine[None]:
    coroutine = Coroutine(body, "test")
    coroutine.close()
    return coroutine
