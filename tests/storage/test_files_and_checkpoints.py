"""Files appear whole; checkpoints are a cache that may be damaged."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from autorl.storage.checkpoints import CheckpointFolder
from autorl.storage.files import write_atomically

STATE = {"w": np.arange(6.0, dtype=np.float32).reshape(2, 3), "step": np.array(7), "done": np.array([True, False])}


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"one")
    write_atomically(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failed_write_keeps_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "a", b"one")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_state_comes_back_bit_by_bit(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "states")
    folder.save("k", STATE)
    loaded = folder.load("k")
    assert loaded is not None
    assert set(loaded) == set(STATE)
    for name, array in STATE.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()


def test_a_state_for_which_there_is_no_room_is_an_error_of_the_system(tmp_path: Path) -> None:
    """Which the trainer takes as a state not kept, and trains on."""
    folder = CheckpointFolder(tmp_path)
    folder.save("k", STATE)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, former[1]))
    try:
        with pytest.raises(OSError, match=r"k\.safetensors cannot be written"):
            folder.save("k", {"w": np.zeros(100)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    kept = folder.load("k")
    assert kept is not None
    assert kept["step"] == 7
    assert [path.name for path in tmp_path.iterdir()] == ["k.safetensors"]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_missing_or_damaged_state_is_none(tmp_path: Path, damage: bytes | None) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save("k", STATE)
    whole = folder.path("k").read_bytes()
    folder.path("k").write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert folder.load("k") is None
    assert folder.load("never saved") is None


def test_states_that_nobody_needs_are_deleted(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    for key in "abc":
        folder.save(key, STATE)
    folder.keep_only(["b"])
    assert [folder.load(key) is not None for key in "abc"] == [False, True, False]
