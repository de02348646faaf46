"""`Study`, and `tune` for those who write no study file."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autorl.errors import InvalidInput
from autorl.study.ask_tell import Session, Suggestion, Told
from autorl.study.description import StudyDescription
from autorl.study.loading import load_description
from autorl.study.resolved import ResolvedStudy, resolve
from autorl.study.result import Result
from autorl.study.running import Listener, TrialListener, run_study
from autorl.study.starting import START_FILE

__all__ = ["Study", "tune"]


@dataclass(frozen=True, eq=False)
class Study:
    """One study, frozen.

    Attributes:
        description: Every key of its study file.
    """

    description: StudyDescription

    @staticmethod
    def load(source: str | Path | Mapping[str, object], overrides: Mapping[str, object] | None = None) -> Study:
        """Reads a study.

        Args:
            source: The name of a bundled study, the path of a study file, or a study file's content.
            overrides: Dotted key -> value, put in place of the file's own.

        Raises:
            InvalidInput: If it cannot be read or breaks a rule.
        """
        return Study(load_description(source, overrides))

    @property
    def name(self) -> str:
        """Its name."""
        return self.description.name

    @functools.cached_property
    def resolved(self) -> ResolvedStudy:
        """Everything the study names, found, built and checked.

        Raises:
            InvalidInput: For a user's mistake.
        """
        return resolve(self.description)

    def run(
        self,
        directory: str | Path | None = None,
        *,
        jobs: int = 1,
        on_progress: Listener | None = None,
        on_trial: TrialListener | None = None,
        accept_new_numerics: bool = False,
    ) -> Result:
        """Runs the study, or goes on where an earlier session ended, and writes its report.

        The same call again after an interruption gives what an undisturbed run gives; `jobs` never changes a result.
        What should be known before it trains is logged as warnings of the logger "autorl".

        Args:
            directory: The run directory; None is `runs/NAME`.
            jobs: Worker processes.
            on_progress: Called whenever a group of agents is done.
            on_trial: Called once per trial, in the order of telling, those of earlier sessions included.
            accept_new_numerics: Whether to go on where stored results were made under other numerics.

        Raises:
            InvalidInput: For a user's mistake; nothing is written then.
            StudyMismatch: If the directory holds another study, or other numerics.
            BrokenObjective: If each of the first trials fails with the same exception.
        """
        where = Path("runs") / self.name if directory is None else Path(directory)
        return run_study(
            self._resolved_in(where),
            where,
            jobs=jobs,
            on_progress=on_progress,
            on_trial=on_trial,
            accept_new_numerics=accept_new_numerics,
        )

    def open(self, directory: str | Path | None = None) -> Session:
        """Opens the study for a loop of one's own: `ask` and `tell`.

        Args:
            directory: The run directory; None keeps everything in memory.

        Raises:
            InvalidInput: For a user's mistake.
            StudyMismatch: If the directory holds another study.
        """
        return Session(self.resolved if directory is None else self._resolved_in(Path(directory)), directory)

    def ask(self, count: int = 1) -> list[Suggestion]:
        """The next configurations to try, kept in memory; `open` keeps them in a directory. See `Session.ask`."""
        return self._session.ask(count)

    def tell(
        self,
        number: int | Suggestion,
        values: Told | None = None,
        *,
        constraints: Told | None = None,
        failed: bool = False,
        reason: str = "",
    ) -> None:
        """The result of one trial asked for by `ask`. See `Session.tell`."""
        self._session.tell(number, values, constraints=constraints, failed=failed, reason=reason)

    def _resolved_in(self, directory: Path) -> ResolvedStudy:
        """As `resolved`, but started from what an earlier session in the directory started from."""
        return resolve(self.description, directory) if (directory / START_FILE).exists() else self.resolved

    @functools.cached_property
    def _session(self) -> Session:
        return self.open()


def tune(
    algorithm: str | Mapping[str, object] | type[Any] | Any,
    environment: str | Mapping[str, object],
    *,
    trials: int | None = None,
    env_steps: int = 30_000,
    hours: float | None = None,
    env_steps_total: int | None = None,
    tuning_seeds: int | Sequence[int] = 5,
    validation_seeds: int | Sequence[int] = 0,
    test_seeds: int | Sequence[int] = 20,
    objectives: Sequence[str | Mapping[str, object]] = ("return",),
    constraints: Sequence[Mapping[str, object]] = (),
    tuner: object = "gp",
    schedule: str | Mapping[str, object] = "full",
    space: str | Mapping[str, object] | None = None,
    fixed: Mapping[str, object] | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    jobs: int = 1,
    on_progress: Listener | None = None,
    on_trial: TrialListener | None = None,
    accept_new_numerics: bool = False,
    **settings: object,
) -> Result:
    """Tunes an algorithm on an environment and tests what it finds: a study without a file.

    Args:
        algorithm: A bundled name, `module:attribute`, a mapping for an adapter, or a class or decorated function.
        environment: An id, or the mapping of a study file.
        trials: Configurations tried, the default among them; 32 if no other limit is given.
        env_steps: Env steps of training per agent.
        hours: Wall-clock hours of tuning.
        env_steps_total: Env steps of training and evaluation over all tuning agents.
        tuning_seeds: A count or the seeds themselves.
        validation_seeds: Likewise.
        test_seeds: Likewise.
        objectives: Metrics; one entry is the single-objective case.
        constraints: Metrics with a bound each, such as `{"metric": "train_seconds", "at_most": 60}`.
        tuner: A name, a mapping of a name and options, or a sampler of Optuna (its class or an instance).
        schedule: Likewise.
        space: A name, a path or a mapping; None is the algorithm's own.
        fixed: Hyperparameters held at a value.
        name: The study's name; by default made of algorithm and environment.
        out: The run directory; by default `runs/NAME`.
        jobs: Worker processes.
        on_progress: As in `Study.run`.
        on_trial: As in `Study.run`.
        accept_new_numerics: As in `Study.run`.
        **settings: Any other key of a study file: `batch`, `tuner_seed`, `evaluation`, `limits`, `finalists`, ...

    Raises:
        InvalidInput: For a user's mistake; nothing is written then.
        StudyMismatch: If the directory holds another study.
        BrokenObjective: If each of the first trials fails with the same exception.
    """
    for key in ("budget", "seeds"):
        if key in settings:
            raise InvalidInput(f"tune: {key}={settings[key]!r} would override arguments of its own; use those")
    if trials is None and hours is None and env_steps_total is None:
        trials = 32
    limits = {"trials": trials, "env_steps": env_steps, "hours": hours, "env_steps_total": env_steps_total}
    document: dict[str, object] = {
        "algorithm": algorithm,
        "environment": environment,
        "space": space,
        "fixed": fixed or {},
        "objectives": list(objectives),
        "constraints": constraints,
        "tuner": tuner,
        "schedule": schedule,
        "budget": {key: value for key, value in limits.items() if value is not None},
        "seeds": {"tuning": tuning_seeds, "validation": validation_seeds, "test": test_seeds},
        **settings,
    }
    if name is not None:
        document["name"] = name
    return Study.load(document).run(
        out, jobs=jobs, on_progress=on_progress, on_trial=on_trial, accept_new_numerics=accept_new_numerics
    )
