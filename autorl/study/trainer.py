"""Runs for configurations: looked up where they are known, trained where not, stored as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from autorl.content import canonical_json
from autorl.execution import Done, Executor, Lost, make_groups
from autorl.objective import Group, Objective
from autorl.records import Agent, Configuration, Run, Segment, Status
from autorl.storage.truth import Truth
from autorl.study.resolved import ResolvedStudy

__all__ = ["Charge", "NotTrainedError", "Trainer", "Wanted"]

LOST = "lost"
"""The kind of input that holds a configuration lost to a limit or a dead worker."""


class NotTrainedError(Exception):
    """Something asked for is not stored, and this trainer only reads."""


@dataclass(frozen=True)
class Wanted:
    """One configuration to train.

    Attributes:
        configuration: Every hyperparameter of the algorithm.
        seeds: One agent each.
        mark: The rung to train to, in env steps.
        phase: Whom it is charged to: "tuning", "validation", "test" or "baseline".
        final: Whether this is for the report: states are kept, and what fails or is lost is tried again next time
            instead of being a fact of the study.
    """

    configuration: Configuration
    seeds: tuple[int, ...]
    mark: int
    phase: str
    final: bool = False


@dataclass
class Charge:
    """Env steps of one phase; what several of its trials share is charged once."""

    training: int = 0
    evaluation: int = 0


class Trainer:
    """Brings runs, and notes what each phase costs.

    Args:
        study: What it trains for.
        objectives: The black box under each numerics stamp whose results count, the current one last.
        truth: Where results are stored.
        executor: Who trains; None only reads.

    Attributes:
        charges: Env steps per phase.
        env_steps: Env steps trained in this session, whoever they are charged to.
    """

    def __init__(
        self, study: ResolvedStudy, objectives: Sequence[Objective], truth: Truth, executor: Executor | None
    ) -> None:
        self.study, self.objectives, self.truth, self.executor = study, tuple(objectives), truth, executor
        self.charges: dict[str, Charge] = {name: Charge() for name in ("tuning", "validation", "test", "baseline")}
        self.env_steps = 0
        self._segments: dict[str, Segment] = {}
        self._charged: set[str] = set()
        self._lost: dict[str, dict[str, str]] = truth.inputs(LOST)
        self._alone = any(not criterion.metric.reproducible for criterion in study.criteria)

    @property
    def objective(self) -> Objective:
        """The black box under the current numerics."""
        return self.objectives[-1]

    def train(
        self, wanted: Sequence[Wanted], after_group: Callable[[], None] | None = None
    ) -> list[tuple[Run | None, ...]]:
        """Runs per configuration, one per seed; None where a final run was lost.

        Args:
            wanted: What to train; all of it final, or none.
            after_group: Called whenever more is known.

        Raises:
            NotTrainedError: If something is missing and this trainer only reads.
        """
        agents = [[Agent(one.configuration, seed) for seed in one.seeds] for one in wanted]
        pairs = list(zip(wanted, agents, strict=True))
        self._look_up((agent, one.mark) for one, members in pairs for agent in members)
        missing = [group for one, members in pairs for group in self._missing(one, members)]
        if missing and self.executor is None:
            raise NotTrainedError(f"{len(missing)} groups of agents are not stored")
        final = any(one.final for one in wanted)
        for result in self._executed(missing, wanted):
            if isinstance(result, Done):
                self._store(result.segments, final)
            elif not final:
                self._lose(result)
            if after_group is not None:
                after_group()
        found = []
        for one, members in pairs:
            runs = [self.known_run(agent, one.mark) for agent in members]
            for run, agent in zip(runs, members, strict=True):
                if run is not None:
                    self._charge(one.phase, self._chain(agent, one.mark))
            found.append(tuple(runs))
        return found

    def known_run(self, agent: Agent, mark: int) -> Run | None:
        """An agent's run up to a rung, if it is known to its end."""
        segments: list[Segment] = []
        for key in self._chain(agent, mark):
            if key in self._lost:
                lost = self._lost[key]
                segments.append(Segment(key, None, 0, mark, Status(lost["status"]), reason=lost["reason"]))
            elif key in self._segments:
                segments.append(self._segments[key])
            else:
                return None
            if segments[-1].status in (Status.FAILED, Status.TIMED_OUT):
                break
        return Run.from_segments(agent.seed, self.objective.horizon, self.objective.evaluation.curve_episodes, segments)

    def raised(self, agent: Agent, mark: int) -> str | None:
        """The traceback that ended an agent's run, or None: it did not fail, or nothing was raised."""
        for key in self._chain(agent, mark):
            if key in self._segments and self._segments[key].status is Status.FAILED:
                return self._segments[key].reason
        return None

    def forget(self, agents: Iterable[tuple[Agent, int]]) -> None:
        """Deletes what failed of these agents, so that they are trained again once what broke is mended."""
        keys = [key for agent, mark in agents for key in self._chain(agent, mark)]
        failed = [key for key in keys if key in self._segments and self._segments[key].status is Status.FAILED]
        self.truth.forget_segments(failed)
        for key in failed:
            del self._segments[key]

    def _chain(self, agent: Agent, mark: int) -> tuple[str, ...]:
        """The keys an agent's run stands under: of the first numerics that know all of it, else the current ones."""
        for objective in self.objectives:
            chain = objective.chain(agent, mark)
            if all(key in self._segments or key in self._lost for key in chain):
                return chain
        return self.objective.chain(agent, mark)

    def _look_up(self, agents: Iterable[tuple[Agent, int]]) -> None:
        keys: dict[str, tuple[str, ...]] = {}
        for agent, mark in agents:
            for objective in self.objectives:
                chain = objective.chain(agent, mark)
                for key, span in zip(chain, objective.spans(mark), strict=True):
                    if key not in self._segments:
                        keys[key] = objective.evaluation_keys(key, *span)
        self._segments.update(self.truth.segments(keys))

    def _missing(self, one: Wanted, agents: Sequence[Agent]) -> list[Group]:
        """What of a configuration is to be trained."""
        found: dict[int, list[Agent]] = {}
        for agent in agents:
            if self.known_run(agent, one.mark) is not None:
                continue
            spans = self.objective.spans(one.mark)
            known = [key in self._segments for key in self.objective.chain(agent, one.mark)]
            found.setdefault(spans[known.index(False)][0], []).append(agent)
        return [Group(tuple(members), first, one.mark, one.final) for first, members in found.items()]

    def _executed(self, groups: Sequence[Group], wanted: Sequence[Wanted]) -> Iterable[Done | Lost]:
        if not groups or self.executor is None:
            return ()
        study, limits = self.study, self.study.description.limits
        unique = _without_repeats(groups)
        # The limit is for a configuration with its tuning seeds; more seeds get more time.
        seeds = max(len(one.seeds) for one in wanted)
        seconds = limits.seconds * max(1.0, seeds / len(study.seeds.tuning))
        spaces = study.environment.spaces()

        def cost(configuration: Configuration) -> float:
            plan = study.algorithm.configure(configuration).plan(spaces, self.objective.horizon)
            return plan.flops or 1.0

        def statics(configuration: Configuration) -> object:
            own = study.algorithm.configure(configuration)
            return own.static_values() if study.algorithm.lockstep else canonical_json(dict(configuration))

        grouped = make_groups(unique, statics, cost, self.executor.jobs, alone=self._alone)
        return self.executor.run(self.objective, grouped, seconds)

    def _store(self, chains: Sequence[Sequence[Segment]], final: bool) -> None:
        segments = [segment for chain in chains for segment in chain]
        kept = [one for one in segments if not (final and one.status is Status.FAILED)]
        self.truth.store_segments([(one, self.objective.evaluation_keys(one.key, one.first, one.last)) for one in kept])
        self._segments.update({segment.key: segment for segment in segments})
        self.env_steps += sum(segment.env_steps for segment in segments)

    def _lose(self, lost: Lost) -> None:
        """Notes a loss as an input of the study, to be replayed."""
        for agent in lost.group.agents:
            chain = self.objective.chain(agent, lost.group.last)
            key = next(key for key in chain if key not in self._segments)
            entry = {"status": lost.status.value, "reason": lost.reason}
            self.truth.store_input(LOST, key, entry)
            self._lost[key] = entry

    def _charge(self, phase: str, chain: Sequence[str]) -> None:
        for key in chain:
            if key not in self._charged and key in self._segments:
                self._charged.add(key)
                segment = self._segments[key]
                self.charges[phase].training += segment.env_steps
                self.charges[phase].evaluation += sum(one.env_steps for one in segment.evaluations)


def _without_repeats(groups: Sequence[Group]) -> list[Group]:
    """Each agent once: a configuration may be asked for twice, or be default and winner."""
    seen: set[str] = set()
    found = []
    for group in groups:
        agents = []
        for agent in group.agents:
            name = canonical_json([dict(agent.configuration), agent.seed, agent.lineage, group.first, group.last])
            if name not in seen:
                seen.add(name)
                agents.append(agent)
        if agents:
            found.append(replace(group, agents=tuple(agents)))
    return found
