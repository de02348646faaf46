"""What the stamp of the numerics names of a GPU."""

from __future__ import annotations

import pytest
import torch

from autorl.environment import Environment
from autorl.numerics import differing_parts, numerics_parts
from autorl.population import resolve_algorithm


def parts(device: str) -> dict[str, str]:
    return numerics_parts(resolve_algorithm("ppo"), Environment("CartPole-v1"), device)


def test_another_card_is_another_numerics(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "device" not in parts("cpu")
    assert differing_parts(parts("cpu"), parts("cuda")) == ["device: absent -> not here"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card of {device}")
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    assert parts("cuda:1")["device"] == "card of cuda:1, CUDA 12.6"
