"""A tiny recorded landscape, and tuners and a schedule that show what a simulation does with them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from autorl.schedules import Ask, Assignment, Frame, Requests, Schedule, Tell, Train
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, build_tuner

MARKS = (1_000, 2_000, 3_000, 4_000)
SEEDS = 6


def write_landscape(
    folder: Path, name: str, *, noise: float = 0.0, diverged: Sequence[tuple[int, int, int]] = ()
) -> None:
    """Writes one: better with a learning rate near 1e-2 and with momentum, if it is on.

    Args:
        folder: Where.
        name: Of the landscape.
        noise: Standard deviation over seeds.
        diverged: (configuration, checkpoint, seed) missing; later checkpoints may be there.
    """
    generator = np.random.default_rng(0)
    rows = []
    for number in range(40):
        row: dict[str, object] = {"config": number, "learning_rate": float(10 ** generator.uniform(-4, 0))}
        row |= {"batch_size": int(generator.choice([16, 32, 64])), "use_momentum": number % 2 == 1, "momentum": ""}
        if row["use_momentum"]:
            row["momentum"] = float(generator.uniform(0, 1))
        rows.append(row)
    with (folder / f"{name}.configs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    level = np.array(
        [-abs(np.log10(float(str(row["learning_rate"]))) + 2) + float(str(row["momentum"] or 0)) for row in rows]
    )
    scores = level[:, np.newaxis, np.newaxis] * np.linspace(0.25, 1, len(MARKS))[:, np.newaxis] * np.ones(SEEDS)
    scores += noise * generator.standard_normal((len(rows), 1, SEEDS))
    for place in diverged:
        scores[place] = np.nan
    np.savez(folder / f"{name}.scores.npz", scores=scores.astype(np.float32), env_steps=MARKS, seeds=np.arange(SEEDS))


class Recorder(Tuner):
    """Proposes as `random` does and notes its seed, its vectors and what it is told."""

    name: ClassVar[str] = ""
    built: ClassVar[list[Recorder]] = []

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self._inner = build_tuner("random", space, objectives, seed)
        self.proposed: list[Proposal] = []
        self.told: list[Outcome] = []
        self.built.append(self)

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        found = self._inner.ask(numbers)
        self.proposed += found
        return found

    def accept(self, proposal: Proposal) -> None:
        self._inner.accept(proposal)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        self.told += outcomes


class Three(Recorder):
    """A tuner that ends after three."""

    @property
    def size(self) -> int:
        return 3


class Nothing(Recorder):
    """A tuner that has nothing to propose."""

    @property
    def size(self) -> int:
        return 0


class Promoting(Schedule):
    """Four on two seeds to a mark between checkpoints, two of them on to the end, the first with one seed more."""

    name: ClassVar[str] = ""

    def rungs(self, horizon: int) -> tuple[int, ...]:
        return (horizon // 4 - 1, horizon)

    def requests(self, frame: Frame) -> Requests:
        rung, horizon = self.rungs(frame.horizon)
        while trials := (yield Ask(4)):
            yield Train(tuple(Assignment(int(one), frame.seeds[:2], rung) for one in trials))  # type: ignore[arg-type]  # what is sent depends on the request
            yield Train(tuple(Assignment(int(one), frame.seeds[:2], horizon) for one in trials[:2]))  # type: ignore[arg-type]  # what is sent depends on the request
            yield Train((Assignment(int(trials[0]), frame.seeds[:3], horizon),))  # type: ignore[arg-type]  # what is sent depends on the request
            yield Tell(tuple(int(one) for one in trials))  # type: ignore[arg-type]  # what is sent depends on the request
