"""Records: joining segments into a run, stretches into a schedule."""

from __future__ import annotations

import numpy as np

from autorl.records import Evaluation, Run, Segment, Status, Stretch, Trial


def test_run_sums_costs_and_stacks_the_curve_from_rung_episodes() -> None:
    rung = np.arange(4.0).reshape(1, 4, 1)
    first = Segment(
        "a", None, 0, 10, Status.COMPLETE, env_steps=8, cpu_seconds=1.0, gradient_updates=3, flops=5.0, parameters=7,
        evaluations=(Evaluation(5, np.full((1, 2, 1), 9.0), 20), Evaluation(10, rung, 0)),
    )  # fmt: skip
    second = Segment("b", "a", 10, 20, Status.DIVERGED, env_steps=2, evaluations=(Evaluation(20, rung + 1, 4, True),),
                     parameters=7)  # fmt: skip
    run = Run.from_segments(3, 20, 2, [first, second])
    assert run.checkpoints == (5, 10, 20)
    assert run.curve[:, 0, :, 0].tolist() == [[9.0, 9.0], [0.0, 1.0], [1.0, 2.0]]
    assert run.final[0, :, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert (run.env_steps, run.evaluation_steps, run.gradient_updates, run.parameters) == (10, 24, 3, 7)
    assert run.status is Status.DIVERGED
    assert run.diverged_at == 20


def test_a_schedule_says_what_changed_and_when() -> None:
    past = (Stretch(10, {"x": 1.0}), Stretch(20, {"x": 2.0}, "3@10"), Stretch(30, {"x": 2.0}, "3@20"))
    trial = Trial(3, {"x": 4.0}, Status.COMPLETE, earlier=past, lineage="3@30")
    assert trial.schedule == ((0, {"x": 1.0}), (10, {"x": 2.0}), (30, {"x": 4.0}))
    assert Trial(3, {"x": 4.0}, Status.COMPLETE).schedule == ((0, {"x": 4.0}),)
