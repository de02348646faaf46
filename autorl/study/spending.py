"""How much of `budget.env_steps_total` a study has used up."""

from __future__ import annotations

from autorl.records import Status, Trial
from autorl.study.trainer import Trainer, Wanted

__all__ = ["Spending"]


class Spending:
    """Counts env steps of training and evaluation, trial by trial, whenever one has been trained.

    A trial counts what was trained for it, also where it shares its runs with another one: otherwise a study that
    repeats itself would never end. What it was trained before counts once, what it copied from another trial not at
    all, and what is trained anew from zero, since the algorithm cannot go on, again. Where it did not complete it
    counts at least what was planned, for a study that only fails must end too.

    Args:
        trainer: Who knows the segments of runs.

    Attributes:
        env_steps: The sum.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._taken: dict[int, list[Wanted]] = {}
        self.env_steps = 0

    def add(self, wanted: Wanted, trial: Trial) -> None:
        """Takes in a trial that was just trained.

        Args:
            wanted: What was asked for.
            trial: What it came to.
        """
        before = self._taken.setdefault(trial.number, [])
        if not before:  # the usual case, and the keys of segments take long to work out
            spent, mark = sum(run.env_steps + run.evaluation_steps for run in trial.runs), 0
        else:
            mark = before[-1].mark
            known = {key for one in before for key in self._trainer.segments(one)}
            since = mark if wanted.earlier else 0
            new = {key: one for key, one in self._trainer.segments(wanted).items() if key not in known}
            spent = sum(one.spent for one in new.values() if one.first >= since)
        if trial.status is not Status.COMPLETE:
            done = mark if self._trainer.study.algorithm.checkpoints == "exact" else 0
            spent = max(spent, (wanted.mark - done) * len(wanted.seeds))
        self.env_steps += spent
        before.append(wanted)
