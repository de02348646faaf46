"""What a study found, for Python."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autorl.errors import InvalidInput
from autorl.execution.local import Local
from autorl.numerics import numerics_parts, numerics_stamp
from autorl.objective import Group, Objective
from autorl.records import Agent, Configuration, Trial
from autorl.report import Member, StudyContent, write_report
from autorl.report.content import Schedule
from autorl.report.feasibility import feasible
from autorl.storage.checkpoints import CheckpointFolder
from autorl.study.directory import RunDirectory
from autorl.study.resolved import ResolvedStudy

if TYPE_CHECKING:
    import pandas as pd

    from autorl.statistics import Difference, Estimate
    from autorl.study.policy import Policy

__all__ = ["Result", "Selected"]


@dataclass(frozen=True, eq=False, repr=False)
class Selected:
    """A configuration that is reported.

    Attributes:
        member: Its record in the report.
        full_config: Every hyperparameter of the algorithm: defaults, fixed ones and the tuned values.
    """

    member: Member
    full_config: Configuration
    _result: Result

    def __repr__(self) -> str:
        who = "baseline" if self.trial is None else f"trial {self.trial}"
        shown = {label: f"{one.mean:.6g}" for label, one in self.test.items()}
        objectives = [quantity.label for quantity in self._result.content.objectives]
        scores = ", ".join(f"{label} {shown[label]}" for label in objectives if label in shown)
        return f"<{who}: {dict(self.config)}; test: {scores or 'none'}>"

    @property
    def trial(self) -> int | None:
        """Its trial's number; None for the baseline."""
        return self.member.trial

    @property
    def config(self) -> Configuration:
        """The active tuned hyperparameters, as they were at the end of training."""
        return self.member.configuration

    @property
    def schedule(self) -> Schedule:
        """Its hyperparameters over training, as (from env step, configuration); one entry where they never changed."""
        return self.member.schedule or ((0, self.config),)

    @property
    def feasible(self) -> bool | None:
        """Whether every constraint holds on the seeds that chose it (validation, else tuning); None without any."""
        return feasible(self._result.study.constraints, self.member)

    @property
    def tuning(self) -> Mapping[str, Estimate]:
        """Metric label -> estimate over the tuning seeds, which the selection has seen."""
        return self.member.tuning

    @property
    def validation(self) -> Mapping[str, Estimate]:
        """Metric label -> estimate over the validation seeds; empty without them."""
        return self.member.validation

    @property
    def test(self) -> Mapping[str, Estimate]:
        """Metric label -> estimate over the test seeds: the numbers to publish."""
        return self.member.test

    @property
    def minus_baseline(self) -> Mapping[str, Difference]:
        """Metric label -> test score minus the baseline's, with its interval and in the metric's own sign.

        Empty for the baseline and what is equal to it, and where test runs of either are missing.
        """
        return self.member.minus_baseline

    def policy(self, seed: int | None = None) -> Policy:
        """The policy trained on one of the test seeds; see `autorl.study.policy.Policy` for how to play an episode.

        Args:
            seed: Which; None takes the first test seed.

        Raises:
            InvalidInput: If the seed is no test seed, or the algorithm cannot save what it trained.
        """
        return self._result.policy(self, seed)


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A study as far as it has come.

    Attributes:
        directory: Its run directory.
        study: What it ran on.
        content: The record its report is made from.
        trials: Every trial done, with its runs.
        objectives: The black box under each numerics stamp whose results count, the current one last.
    """

    directory: Path
    study: ResolvedStudy
    content: StudyContent
    trials: tuple[Trial, ...]
    objectives: tuple[Objective, ...]

    def __repr__(self) -> str:
        done = "complete" if self.complete else "not complete"
        return f"<Result of study {self.content.name!r}: {len(self.trials)} trials, {done}, in {str(self.directory)!r}>"

    @property
    def complete(self) -> bool:
        """Whether the study ran to its end and at least one trial is complete."""
        return not self.content.interrupted and bool(self.content.chosen)

    @property
    def best(self) -> Selected | None:
        """With one objective the configuration selected; None without a complete trial, or with several objectives."""
        return self._selected(self.content.best)

    @property
    def front(self) -> tuple[Selected, ...]:
        """With several objectives the members chosen, in the order of choice; with one the best alone."""
        return tuple(one for one in map(self._selected, self.content.chosen) if one is not None)

    @property
    def baseline(self) -> Selected | None:
        """The algorithm's defaults with `fixed`."""
        return self._selected(self.content.baseline)

    @property
    def default(self) -> Selected | None:
        """The space's default with `fixed`: trial 0."""
        return self._selected(self.content.default)

    @property
    def report_path(self) -> Path:
        """Where the report lies once it is written."""
        return self.directory / "report.html"

    def report(self) -> Path:
        """Writes `report.html`, `report.md`, `results.json`, `trials.csv` and pictures from what is stored.

        Returns:
            The path of `report.html`.

        Raises:
            OSError: If the directory cannot be written to.
        """
        return write_report(self.content, self.directory)

    def mirror(self, storage: str) -> int:
        """Writes the trials as an Optuna study, for Optuna's dashboard and plots; see `autorl.tuners.mirror`.

        Args:
            storage: A database URL that Optuna takes, such as `sqlite:///optuna.sqlite`.

        Returns:
            How many trials were written.

        Raises:
            InvalidInput: If the database cannot be used, or holds another study of that name.
        """
        from autorl.tuners.mirror import mirror

        return mirror(
            self.content.name,
            self.study.space,
            {quantity.label: quantity.direction for quantity in self.content.objectives},
            self.trials,
            [row.values for row in self.content.trials],
            storage,
            [constraint.rule for constraint in self.study.constraints],
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a trial, with the columns of `trials.csv`."""
        import io

        import pandas as pd

        from autorl.report.table import trials_csv

        return pd.read_csv(io.StringIO(trials_csv(self.content)))

    def policy(self, selected: Selected, seed: int | None = None) -> Policy:
        """The policy of a reported configuration; see `Selected.policy`."""
        from autorl.study.policy import Policy

        seeds = self.study.seeds.test
        chosen = seeds[0] if seed is None else seed
        if chosen not in seeds:
            raise InvalidInput(f"seed {chosen!r} is no test seed; policies are kept for {list(seeds)}")
        if self.study.algorithm.checkpoints == "none":
            raise InvalidInput(
                f"algorithm {self.study.algorithm.name!r} declares checkpoints 'none': what it trains cannot be saved"
            )
        agent = self._agent(selected, chosen)
        folder = CheckpointFolder(RunDirectory(self.directory).checkpoints)
        objective = self.objectives[-1]
        keys = [one.chain(agent, one.horizon)[-1] for one in self.objectives]
        state = next((found for found in map(folder.load, keys) if found is not None), None)
        if state is None:
            state = self._trained_again(agent, folder, keys[-1])
        population = self.study.algorithm.population(
            [agent.at(objective.horizon)], objective.environment, objective.horizon
        )
        population.load_rows([state])
        if objective.evaluation.weights:
            population.reward_weights = np.array(objective.evaluation.weights)
        return Policy(population, objective.environment)

    def _agent(self, selected: Selected, seed: int) -> Agent:
        """Who trained on a test seed, with all that a schedule changed on the way."""
        trial = next((one for one in self.trials if one.number == selected.trial), None)
        if trial is None:
            return Agent(selected.full_config, seed)
        return Agent(selected.full_config, seed, trial.lineage, self.study.past(trial.earlier))

    def _trained_again(self, agent: Agent, folder: CheckpointFolder, key: str) -> dict[str, npt.NDArray[Any]]:
        """Trains an agent whose state is missing or damaged once more, to the same bits."""
        objective = self.objectives[-1]
        study = self.study
        parts = numerics_parts(study.algorithm, study.environment, study.description.device)
        if numerics_stamp(parts) != objective.stamp:
            raise InvalidInput(
                f"seed {agent.seed!r} has no saved policy, and training it again here would give another one: the "
                f"numerics of this machine are not those of the study ({objective.stamp})"
            )
        group = Group((agent,), 0, objective.horizon, keep=True)
        with Local(1, folder.folder) as executor:
            for _ in executor.run(objective, deque([group]), self.study.description.limits.seconds):
                pass
        state = folder.load(key)
        if state is None:
            raise InvalidInput(f"seed {agent.seed!r} has no policy: training it again did not complete")
        return state

    def _selected(self, member: Member | None) -> Selected | None:
        if member is None:
            return None
        tuned = {} if member.trial is None else member.configuration
        return Selected(member, self.study.full(tuned), self)
