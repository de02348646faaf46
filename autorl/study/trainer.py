"""Runs for configurations: looked up where they are known, trained where not, stored as they come."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from autorl.content import canonical_json
from autorl.environment import Spaces
from autorl.execution import Done, Executor, Lost, make_groups
from autorl.objective import Group, Objective
from autorl.records import Agent, Configuration, Run, Segment, Status, Stretch
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
        lineage: Names the agents' random streams.
        earlier: What they train under before they have this configuration.
    """

    configuration: Configuration
    seeds: tuple[int, ...]
    mark: int
    phase: str
    final: bool = False
    lineage: str = ""
    earlier: tuple[Stretch, ...] = ()

    @property
    def agents(self) -> tuple[Agent, ...]:
        """One a seed."""
        return tuple(Agent(self.configuration, seed, self.lineage, self.earlier) for seed in self.seeds)


@dataclass(frozen=True, eq=False)
class _Member:
    """One agent wanted, with all keys its run may stand under: working them out takes longer than looking them up.

    Attributes:
        agent: Who.
        mark: The rung to train to, in env steps.
        chains: Per objective the keys of its segments, oldest first.
    """

    agent: Agent
    mark: int
    chains: tuple[tuple[str, ...], ...]


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
        self._foreseen: dict[tuple[int, int, str, int], _Member] = {}
        self._charged: set[str] = set()
        self._lost: dict[str, dict[str, str]] = truth.inputs(LOST)
        self._alone = any(not metric.reproducible for metric in study.metrics)

    @property
    def objective(self) -> Objective:
        """The black box under the current numerics."""
        return self.objectives[-1]

    def train(
        self,
        wanted: Sequence[Wanted],
        after_group: Callable[[], None] | None = None,
        on_runs: Callable[[int, tuple[Run, ...]], None] | None = None,
    ) -> list[tuple[Run | None, ...]]:
        """Runs per configuration, one per seed; None where a final run was lost.

        Args:
            wanted: What to train; all of it final, or none.
            after_group: Called whenever more is known.
            on_runs: Called with the place of a configuration and its runs as soon as all of them are known, once each
                and before `after_group`.

        Raises:
            NotTrainedError: If something is missing and this trainer only reads.
        """
        members = [[self._member(agent, one.mark) for agent in one.agents] for one in wanted]
        self._look_up(member for own in members for member in own)
        runs = [tuple(map(self._run, own)) for own in members]
        places: dict[str, list[int]] = {}
        for place, own in enumerate(members):
            self._report(place, runs[place], on_runs)
            for key in (key for member in own for key in member.chains[-1]):
                places.setdefault(key, []).append(place)
        missing = self._missing(wanted, members, runs)
        if missing and self.executor is None:
            raise NotTrainedError(f"{len(missing)} groups of agents are not stored")
        final = any(one.final for one in wanted)
        for result in self._executed(missing, wanted):
            keys = self.take(result, final=final)
            for place in sorted({place for key in keys for place in places.get(key, ())}):
                pairs = zip(runs[place], members[place], strict=True)
                runs[place] = tuple(self._run(member) if run is None else run for run, member in pairs)
                self._report(place, runs[place], on_runs)
            if after_group is not None:
                after_group()
        for one, own, known in zip(wanted, members, runs, strict=True):
            for run, member in zip(known, own, strict=True):
                if run is not None:
                    self._charge(one.phase, self._chosen(member))
        return runs

    def missing(self, one: Wanted) -> list[Group]:
        """What is to be trained of a configuration; nothing where all its runs are known to their ends."""
        members = [self._member(agent, one.mark) for agent in one.agents]
        self._look_up(members)
        return self._missing([one], [members], [tuple(map(self._run, members))])

    def work_off(self, groups: deque[Group]) -> Iterator[Done | Lost]:
        """Trains groups as they are put into a queue; each result is to be handed to `take`."""
        assert self.executor is not None  # only asked where somebody trains
        return self.executor.run(self.objective, groups, self.study.description.limits.seconds)

    def take(self, result: Done | Lost, *, final: bool = False) -> list[str]:
        """Stores what became of a group; returns the keys."""
        return self._store(result.segments, final) if isinstance(result, Done) else self._lose(result, final)

    def foresee(self, configurations: Iterable[Configuration], seeds: Sequence[int]) -> None:
        """Looks up at once what will soon be wanted one by one: a query each costs more than what it brings.

        Args:
            configurations: Every hyperparameter of the algorithm; the objects that will be wanted, so that their keys
                need not be worked out again.
            seeds: One agent each.
        """
        marks = self.study.rungs if self.study.algorithm.checkpoints == "none" else self.study.rungs[-1:]
        agents = (Agent(configuration, seed) for configuration in configurations for seed in seeds)
        members = [self._member(agent, mark) for agent in agents for mark in marks]
        self._look_up(members)
        self._foreseen = {_identity(one.agent, one.mark): one for one in members}

    def last_keys(self, one: Wanted) -> frozenset[str]:
        """The keys under which the states lie that training can go on from."""
        return frozenset(objective.chain(agent, one.mark)[-1] for objective in self.objectives for agent in one.agents)

    def segments(self, one: Wanted) -> dict[str, Segment]:
        """What is known of a configuration's runs, by key."""
        members = [self._member(agent, one.mark) for agent in one.agents]
        keys = [key for member in members for key in self._chosen(member)]
        return {key: self._segments[key] for key in keys if key in self._segments}

    def known_run(self, agent: Agent, mark: int) -> Run | None:
        """An agent's run up to a rung, if it is known to its end."""
        return self._run(self._member(agent, mark))

    def raised(self, agent: Agent, mark: int) -> str | None:
        """The traceback that ended an agent's run, or None: it did not fail, or nothing was raised."""
        for key in self._chosen(self._member(agent, mark)):
            if key in self._segments and self._segments[key].status is Status.FAILED:
                return self._segments[key].reason
        return None

    def forget(self, agents: Iterable[tuple[Agent, int]]) -> None:
        """Deletes what failed of these agents, so that they are trained again once what broke is mended."""
        keys = [key for agent, mark in agents for key in self._chosen(self._member(agent, mark))]
        failed = [key for key in keys if key in self._segments and self._segments[key].status is Status.FAILED]
        self.truth.forget_segments(failed)
        for key in failed:
            del self._segments[key]

    def _member(self, agent: Agent, mark: int) -> _Member:
        foreseen = None if agent.earlier else self._foreseen.pop(_identity(agent, mark), None)
        if foreseen is not None:
            return foreseen
        return _Member(agent, mark, tuple(objective.chain(agent, mark) for objective in self.objectives))

    def _chosen(self, member: _Member) -> tuple[str, ...]:
        """The keys a run stands under: of the first numerics that know all of it, else the current ones."""
        for chain in member.chains:
            if all(key in self._segments or key in self._lost for key in chain):
                return chain
        return member.chains[-1]

    def _run(self, member: _Member) -> Run | None:
        segments: list[Segment] = []
        for key in self._chosen(member):
            if key in self._lost:
                lost = self._lost[key]
                segments.append(Segment(key, None, 0, member.mark, Status(lost["status"]), reason=lost["reason"]))
            elif key in self._segments:
                segments.append(self._segments[key])
            else:
                return None
            if segments[-1].status in (Status.FAILED, Status.TIMED_OUT):
                break
        rule = self.objective.evaluation
        return Run.from_segments(member.agent.seed, self.objective.horizon, rule.curve_episodes, segments)

    def _report(
        self, place: int, runs: tuple[Run | None, ...], on_runs: Callable[[int, tuple[Run, ...]], None] | None
    ) -> None:
        whole = tuple(run for run in runs if run is not None)
        if on_runs is not None and len(whole) == len(runs):
            on_runs(place, whole)

    def _look_up(self, members: Iterable[_Member]) -> None:
        keys: dict[str, tuple[str, ...]] = {}
        for member in members:
            for objective, chain in zip(self.objectives, member.chains, strict=True):
                for key, span in zip(chain, objective.spans(member.mark), strict=True):
                    if key not in self._segments:
                        keys[key] = objective.evaluation_keys(key, *span)
        if keys:
            self._segments.update(self.truth.segments(keys))

    def _missing(
        self, wanted: Sequence[Wanted], members: Sequence[Sequence[_Member]], runs: Sequence[Sequence[Run | None]]
    ) -> list[Group]:
        """What is to be trained, each agent once: a configuration may be asked twice, or be default and winner."""
        groups: list[Group] = []
        seen: set[tuple[str, int]] = set()
        for one, own, known in zip(wanted, members, runs, strict=True):
            found: dict[int, list[Agent]] = {}
            for member, run in zip(own, known, strict=True):
                if run is not None:
                    continue
                chain = member.chains[-1]
                pairs = zip(self.objective.spans(one.mark), chain, strict=True)
                first = next(first for (first, _), key in pairs if key not in self._segments)
                if (chain[-1], first) not in seen:
                    seen.add((chain[-1], first))
                    found.setdefault(first, []).append(member.agent)
            keep = one.final or one.mark < self.objective.horizon  # nobody goes on from the horizon
            groups += [Group(tuple(agents), first, one.mark, keep) for first, agents in found.items()]
        return groups

    def _executed(self, groups: Sequence[Group], wanted: Sequence[Wanted]) -> Iterable[Done | Lost]:
        if not groups or self.executor is None:
            return ()
        study, limits = self.study, self.study.description.limits
        # The limit is for a configuration with its tuning seeds; more seeds get more time.
        seeds = max(len(one.seeds) for one in wanted)
        seconds = limits.seconds * max(1.0, seeds / len(study.seeds.tuning))

        def cost(configuration: Configuration) -> float:
            plan = study.algorithm.configure(configuration).plan(self._spaces, self.objective.horizon)
            return plan.flops or 1.0

        def statics(configuration: Configuration) -> object:
            if not study.algorithm.lockstep:
                return canonical_json(dict(configuration))
            return study.algorithm.configure(configuration).static_values()

        grouped = make_groups(groups, statics, cost, self.executor.jobs, alone=self._alone)
        return self.executor.run(self.objective, deque(grouped), seconds)

    @functools.cached_property
    def _spaces(self) -> Spaces:
        return self.study.environment.spaces()

    def _store(self, chains: Sequence[Sequence[Segment]], final: bool) -> list[str]:
        """Stores what a group trained; returns the keys."""
        segments = [segment for chain in chains for segment in chain]
        kept = [one for one in segments if not (final and one.status is Status.FAILED)]
        self.truth.store_segments([(one, self.objective.evaluation_keys(one.key, one.first, one.last)) for one in kept])
        self._segments.update({segment.key: segment for segment in segments})
        self.env_steps += sum(segment.env_steps for segment in segments)
        return [segment.key for segment in segments]

    def _lose(self, lost: Lost, final: bool) -> list[str]:
        """Notes a loss as an input of the study, to be replayed; returns the keys. A final one is tried again."""
        keys: list[str] = []
        for agent in () if final else lost.group.agents:
            chain = self.objective.chain(agent, lost.group.last)
            key = next(key for key in chain if key not in self._segments)
            entry = {"status": lost.status.value, "reason": lost.reason}
            self.truth.store_input(LOST, key, entry)
            self._lost[key] = entry
            keys.append(key)
        return keys

    def _charge(self, phase: str, chain: Sequence[str]) -> None:
        for key in chain:
            if key not in self._charged and key in self._segments:
                self._charged.add(key)
                segment = self._segments[key]
                self.charges[phase].training += segment.env_steps
                self.charges[phase].evaluation += segment.evaluation_steps


def _identity(agent: Agent, mark: int) -> tuple[int, int, str, int]:
    """Names a member that has no other configuration behind it, as long as its configuration's object lives."""
    return id(agent.configuration), agent.seed, agent.lineage, mark
