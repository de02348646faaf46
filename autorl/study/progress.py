"""What a running study says about itself."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """Where a study stands, handed to listeners after each finished group.

    Attributes:
        phase: "tuning", "validation" or "test".
        trials_done: Configurations finished in this phase.
        trials_total: How many there will be, or None where only a clock or a step budget ends the phase.
        best: The best so far in words, or "" without a complete trial: where trials came differently far, of those that
            came furthest, and how far that is.
        env_steps: Env steps of training in this session, over all phases.
        failed: Trials that failed, diverged or timed out.
    """

    phase: str
    trials_done: int
    trials_total: int | None
    best: str
    env_steps: int
    failed: int
