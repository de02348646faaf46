"""What the stamp of the numerics names of a processor and of a GPU."""

from __future__ import annotations

import pytest
import torch

from autorl import numerics
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


@pytest.mark.parametrize(
    ("processor", "maker", "capability"),
    [
        ({"vendor_id": "GenuineIntel", "cpu family": "6", "flags": "avx2 avx512f avx512bw avx512vl avx512dq"},
         "GenuineIntel", "AVX512"),
        ({"vendor_id": "AuthenticAMD", "cpu family": "25", "flags": "sse avx2 avx512f"}, "AuthenticAMD 25", "AVX2"),
        ({"CPU implementer": "0x41"}, "unknown", "DEFAULT"),
        ({}, "unknown", "DEFAULT"),
    ],
)  # fmt: skip
def test_another_maker_is_another_numerics(
    processor: dict[str, str], maker: str, capability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = parts("cpu")
    monkeypatch.setattr(numerics, "processor", lambda: processor)
    there = parts("cpu")
    assert there["CPU maker"] == maker
    assert there["CPU capability"].endswith(capability)
    assert {line.partition(":")[0] for line in differing_parts(here, there)} <= {
        "MKL mode", "CPU capability", "CPU maker",
    }  # fmt: skip
