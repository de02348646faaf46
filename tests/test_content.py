"""Content keys: known digests, what is told apart, what is refused."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pytest

from autorl.content import canonical_json, digest
from autorl.records import Status

EMPTY = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
"""SHA-256 of the two characters {}."""


def test_known_answers() -> None:
    assert digest({}) == EMPTY
    assert canonical_json({"b": 1, "a": [1, 1.0, True, None, "ä"]}) == '{"a":[1,1.0,true,null,"ä"],"b":1}'
    assert digest("ä") == hashlib.sha256(b'"\xc3\xa4"').hexdigest()
    assert [canonical_json(value) for value in (1e-05, 0.1, 1e22, -0.0)] == ["1e-05", "0.1", "1e+22", "-0.0"]


def test_order_of_keys_and_kind_of_container_do_not_matter() -> None:
    expected = digest({"seed": 0, "widths": [64, 64]})
    assert digest({"widths": (64, 64), "seed": 0}) == expected
    assert digest(MappingProxyType({"widths": [64, 64], "seed": 0})) == expected
    assert digest([1, 2]) == digest((1, 2)) == digest(range(1, 3))


def test_unequal_values_have_unequal_keys() -> None:
    values: list[object] = [
        0, 1, 0.0, 1.0, -0.0, False, True, None, "", "0", "1", "True", "None", [], {}, [0], [[0]], {"0": 0},
        math.inf, -math.inf, math.nan, 0.1, np.nextafter(0.1, 1).item(),
    ]  # fmt: skip
    assert len({digest(value) for value in values}) == len(values)


def test_an_enumeration_and_a_numpy_text_are_their_text() -> None:
    assert canonical_json([Status.TIMED_OUT, np.str_("tanh")]) == '["timed out","tanh"]'


@pytest.mark.parametrize(
    "value", [np.float64(0.5), np.int64(1), np.bool_(True), {1, 2}, b"bytes", object(), 1j, [1, {"x": np.float32(1)}]]
)
def test_what_has_no_canonical_form_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical_json(value)


def test_another_process_and_hash_seed_find_the_same_key() -> None:
    command = "from autorl.content import digest; print(digest({'b': [1.5, 'x'], 'a': {'d': 1, 'c': None}}))"
    for hash_seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", command],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == digest({"a": {"c": None, "d": 1}, "b": [1.5, "x"]})
