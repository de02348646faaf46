"""The truth: what goes in comes out, and equal keys are stored once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.records import Evaluation, Segment, Status
from autorl.storage.truth import Asked, Truth, database_url
from autorl.tuners import Outcome, Proposal


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database_url("sqlite", tmp_path)


def segment(key: str = "k", status: Status = Status.COMPLETE) -> Segment:
    returns = np.array([[[0.1], [math.pi], [-1e300]]])
    evaluations = (Evaluation(5, returns[:, :1], 7), Evaluation(10, returns, 0))
    return Segment(
        key, None, 0, 10, status, env_steps=9, cpu_seconds=0.1, gradient_updates=3, flops=math.nan, parameters=-1,
        evaluations=() if status is Status.FAILED else evaluations, reason="why" if status is Status.FAILED else None,
    )  # fmt: skip


def test_segments_come_back_bit_by_bit(url: str) -> None:
    truth = Truth(url, "s")
    truth.store_segments([(segment(), ["e1", "e2"])])
    (found,) = truth.segments({"k": ["e1", "e2"], "other": []}).values()
    assert math.isnan(found.flops)
    assert (found.status, found.env_steps, found.cpu_seconds, found.parameters) == (Status.COMPLETE, 9, 0.1, -1)
    for stored, given in zip(found.evaluations, segment().evaluations, strict=True):
        assert stored.returns.tobytes() == given.returns.tobytes()
        assert stored.returns.shape == given.returns.shape
        assert (stored.checkpoint, stored.env_steps) == (given.checkpoint, given.env_steps)


def test_a_segment_without_the_evaluations_asked_for_counts_as_unknown(url: str) -> None:
    truth = Truth(url, "s")
    truth.store_segments([(segment(), ["e1", "e2"])])
    assert truth.segments({"k": ["e1", "another rule"]}) == {}


def test_a_failure_is_known_without_evaluations_and_can_be_forgotten(url: str) -> None:
    truth = Truth(url, "s")
    truth.store_segments([(segment(status=Status.FAILED), ["e1", "e2"])])
    assert truth.segments({"k": ["e1", "e2"]})["k"].reason == "why"
    truth.forget_segments(["k"])
    assert truth.segments({"k": ["e1", "e2"]}) == {}


def test_what_is_stored_first_stays(url: str) -> None:
    truth = Truth(url, "s")
    truth.store_segments([(segment(), ["e1", "e2"])])
    truth.store_segments([(Segment("k", None, 0, 10, Status.FAILED, reason="later"), [])])
    assert truth.segments({"k": ["e1", "e2"]})["k"].status is Status.COMPLETE


def test_trials_tells_and_inputs_come_back_in_order(url: str) -> None:
    truth = Truth(url, "s")
    asked = [
        Asked(Proposal(0, {"x": 0.25, "y": "a"}, {"g": 1}, "default"), {"x": 0.5, "y": None}, 0),
        Asked(Proposal(1, {"x": 0.1 + 0.2, "y": "b"}), {"x": 0.1 + 0.2, "y": True}, 0),
    ]
    truth.store_trials(asked)
    assert truth.trials() == asked
    told = [Outcome(1, (0.1 + 0.2,)), Outcome(0, (1e-6,), complete=False)]
    truth.store_tells(0, told)
    truth.store_tells(0, told)  # a resumed session tells again what was told
    assert truth.tells() == told
    for one, count in ((truth, 2), (Truth(url, "another"), 0)):
        assert (one.trials_stored(), one.tells_stored()) == (count, count)
    for name in ("b", "a"):
        truth.store_input("clock", name, {"n": name})
    assert list(truth.inputs("clock").items()) == [("b", {"n": "b"}), ("a", {"n": "a"})]
    assert truth.inputs("else") == {}


def test_studies_share_segments_and_nothing_else(url: str) -> None:
    one, two = Truth(url, "one"), Truth(url, "two")
    one.store({"a": 1}, {"numpy": "2"})
    one.store_segments([(segment(), ["e1", "e2"])])
    one.store_input("clock", "a", 1)
    assert two.stored() is None
    assert two.inputs("clock") == {}
    assert "k" in two.segments({"k": ["e1", "e2"]})


def test_the_study_is_stored_and_replaced(url: str) -> None:
    truth = Truth(url, "s")
    truth.store({"trials": 4}, {"numpy": "2"})
    truth.store_elapsed(12.5)
    truth.store({"trials": 8}, {"numpy": "2"})
    stored = truth.stored()
    assert stored is not None
    assert (stored.description, stored.numerics, stored.elapsed) == ({"trials": 8}, {"numpy": "2"}, 12.5)


def test_more_keys_than_a_query_takes(url: str) -> None:
    truth = Truth(url, "s")
    truth.store_segments([(segment(f"k{index}"), [f"a{index}", f"b{index}"]) for index in range(1001)])
    assert len(truth.segments({f"k{index}": [f"a{index}", f"b{index}"] for index in range(1001)})) == 1001


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/study.sqlite", "nosuch://host/name"])
def test_a_database_that_cannot_be_opened_is_named(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"storage: the database '.*' cannot be opened"):
        Truth(url, "s")
