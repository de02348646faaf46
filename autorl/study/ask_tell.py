"""Ask and tell: a study whose loop is somebody else's."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from autorl.checks import check_finite, check_whole
from autorl.errors import InvalidInput, StudyMismatch, UnknownName
from autorl.numerics import numerics_parts
from autorl.records import Configuration, Status, Trial
from autorl.storage.truth import Truth, database_url
from autorl.study.asking import EVENT, Asking
from autorl.study.directory import RunDirectory, differences
from autorl.study.loading import dump_document
from autorl.study.resolved import ResolvedStudy
from autorl.study.selection import best_trials, chosen_front
from autorl.study.starting import keep_start
from autorl.study.telling import Telling, known_in_advance
from autorl.tuners import build_tuner

__all__ = ["Session", "Suggestion", "Told"]

Told = float | Sequence[float] | Mapping[str, float]
"""Numbers in natural sign: by label, in the study's order, or the only one."""


@dataclass(frozen=True)
class Suggestion:
    """A configuration to try.

    Attributes:
        number: The trial's number, to tell the result under.
        config: The active tuned hyperparameters.
        full_config: Every hyperparameter of the algorithm.
    """

    number: int
    config: Configuration
    full_config: Configuration


class Session:
    """A study opened for asking and telling; requests are inputs of the study, stored and replayed.

    Args:
        study: The study.
        directory: Its run directory, locked until `close`; None keeps everything in memory.

    Raises:
        InvalidInput: If another process works in the directory.
        StudyMismatch: If the directory holds another study, or one that `run` began.
    """

    def __init__(self, study: ResolvedStudy, directory: str | Path | None = None) -> None:
        self.study = study
        self._stack = contextlib.ExitStack()
        try:
            self._truth = self._opened(directory)
            tuner = build_tuner(study.description.tuner, study.space, len(study.criteria), study.description.tuner_seed)
            self._stack.callback(tuner.close)
            self._asking = Asking(study, self._truth, tuner)
            self._telling = Telling(functools.partial(known_in_advance, study))
            self._results: dict[int, Trial] = {}
            for event in self._truth.inputs(EVENT).values():
                if "ask" in event:
                    self._asking.ask(event["ask"])
                else:
                    self._take(event)
        except BaseException:  # interrupted too: the directory must not stay locked
            self.close()
            raise

    def ask(self, count: int = 1) -> list[Suggestion]:
        """The next configurations to try: the default first, then those to start from, then the tuner's.

        Args:
            count: How many; fewer come, or none, when no more trials are left.

        Raises:
            InvalidInput: If the count is below 1.
        """
        check_whole("ask: the number of configurations", count, 1)
        limit = self.study.trials
        if limit is not None:
            count = min(count, limit - len(self._asking.asked))
        if count <= 0:
            return []
        self._truth.store_input(EVENT, f"ask {self._asking.request}", {"ask": count})
        asked = self._asking.ask(count)
        return [self._suggestion(one.proposal.number) for one in asked]

    def tell(
        self,
        number: int | Suggestion,
        values: Told | None = None,
        *,
        constraints: Told | None = None,
        failed: bool = False,
        reason: str = "",
    ) -> None:
        """The result of one trial.

        Args:
            number: The trial's number, or what `ask` gave.
            values: Per objective its value, in natural sign: a mapping by label, a sequence in the study's order, or a
                number with one objective.
            constraints: Likewise the values of the metrics that are bounded and no objectives; an objective that is
                bounded too is told once, among `values`.
            failed: Whether the trial failed; it is then told to the tuner with a penalty.
            reason: Why it failed.

        Raises:
            UnknownName: If a label is no objective, or names no bounded metric.
            InvalidInput: If the trial was not asked for or is told already, or a value is missing or not finite.
        """
        which = number.number if isinstance(number, Suggestion) else number
        check_whole("tell: the trial's number", which, 0)
        if which >= len(self._asking.asked):
            raise InvalidInput(f"tell: trial {which!r} was not asked for; {len(self._asking.asked)} trials were")
        if which in self._results:
            raise InvalidInput(f"tell: trial {which} was told already; a trial is told once")
        if failed == (values is not None) or (failed and constraints is not None):
            given = f"{values=!r}, {constraints=!r}" if constraints is not None else f"{values=!r}"
            raise InvalidInput(f"tell: trial {which}: {given} with {failed=!r}; give either values or failed=True")
        event: dict[str, object] = {"tell": which, "values": None, "reason": reason}
        if values is not None:
            event["values"] = self._values(which, values, self._objectives, "objective")
            event["constraints"] = self._values(which, constraints, self._bounded, "constraint")
        self._truth.store_input(EVENT, f"tell {which}", event)
        self._take(event)

    @property
    def trials(self) -> list[Trial]:
        """Every trial told, by number."""
        return [self._results[number] for number in sorted(self._results)]

    @property
    def pending(self) -> list[Suggestion]:
        """Trials asked for and not told yet."""
        return [self._suggestion(n) for n in range(len(self._asking.asked)) if n not in self._results]

    @property
    def front(self) -> list[Trial]:
        """With several objectives members of the front in the order of choice; with one the best trial alone."""
        if len(self.study.criteria) == 1:
            return best_trials(self.trials, 1)
        return chosen_front(self.trials, self.study.description.finalists)

    def close(self) -> None:
        """Releases the database and the directory."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self, directory: str | Path | None) -> Truth:
        study, name = self.study, self.study.description.name
        if directory is None:
            truth = Truth("sqlite://", name)
            self._stack.callback(truth.close)
            truth.store({}, {})
            return truth
        run_directory = RunDirectory(directory)
        self._stack.enter_context(run_directory.locked())
        truth = Truth(database_url(study.description.storage, run_directory.path), name)
        self._stack.callback(truth.close)
        document, stored = study.document(), truth.stored()
        if stored is not None:
            differences(stored.description, document, run_directory.path)
            if truth.trials() and not truth.inputs(EVENT):
                raise StudyMismatch(
                    f"run directory {str(directory)!r} holds a study that `run` began; ask and tell need another one"
                )
        truth.store(document, numerics_parts(study.algorithm, study.environment))
        run_directory.write_study(dump_document(document))
        keep_start(study.start, run_directory.path)
        return truth

    def _suggestion(self, number: int) -> Suggestion:
        configuration = self._asking.asked[number].configuration
        return Suggestion(number, configuration, self.study.full(configuration))

    @property
    def _objectives(self) -> list[str]:
        return [criterion.label for criterion in self.study.criteria]

    @property
    def _bounded(self) -> list[str]:
        """Labels of the metrics that only constraints measure, each once, in the study's order."""
        labels = dict.fromkeys(constraint.label for constraint in self.study.constraints)
        return [label for label in labels if label not in self._objectives]

    def _values(self, number: int, values: Told | None, labels: Sequence[str], kind: str) -> list[float]:
        if isinstance(values, Mapping):
            for label in values:
                if label not in labels:
                    raise UnknownName(kind, label, labels, f"tell: trial {number}")
            missing = [label for label in labels if label not in values]
            if missing:
                raise InvalidInput(f"tell: trial {number}: {dict(values)!r} lacks the {kind}(s) {', '.join(missing)}")
            given = [values[label] for label in labels]
        elif values is None:
            given = []
        else:
            given = list(values) if isinstance(values, Sequence) else [values]
        if len(given) != len(labels):
            raise InvalidInput(
                f"tell: trial {number}: {values!r} has {len(given)} values; {list(labels)} are the {kind}s to tell"
            )
        for label, value in zip(labels, given, strict=True):
            check_finite(f"tell: trial {number}: {label} (use failed=True for a failure)", value)
        return [float(value) for value in given]

    def _take(self, event: Mapping[str, object]) -> None:
        number, values = event["tell"], event["values"]
        assert isinstance(number, int)  # it was checked, then stored
        asked = self._asking.asked[number]
        losses: tuple[float, ...] | None = None
        violations: tuple[float, ...] = ()
        if isinstance(values, list):
            pairs = zip(self.study.criteria, values, strict=True)
            losses = tuple(criterion.loss(value) for criterion, value in pairs)
            bounded = event["constraints"]
            assert isinstance(bounded, list)  # told together
            known = dict(zip([*self._objectives, *self._bounded], [*values, *bounded], strict=True))
            violations = tuple(constraint.violation(known[constraint.label]) for constraint in self.study.constraints)
        trial = Trial(
            number,
            asked.configuration,
            Status.FAILED if losses is None else Status.COMPLETE,
            losses=losses,
            reason=str(event["reason"]) or None,
            origin=asked.proposal.origin,
            violations=violations,
        )
        self._results[number] = trial
        self._asking.tell(self._telling.outcomes([trial]))
