"""What a study will train, and what that costs, before any of it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from autorl.execution.grouping import LARGEST
from autorl.schedules.full import Full
from autorl.study.resolved import ResolvedStudy

__all__ = ["Phase", "StudyPlan", "plan_study"]


@dataclass(frozen=True)
class Phase:
    """One part of a study; every number is the most it can be.

    Attributes:
        name: "tuning", "validation", "test" or "baseline".
        configurations: Configurations trained; None where only a clock ends the phase.
        seeds: Seeds each of them is trained on.
        agents: Configurations times seeds.
        env_steps: Env steps of training.
        evaluation_steps: Env steps of evaluation, every episode at its full length; None without a time limit.
    """

    name: str
    configurations: int | None
    seeds: int
    agents: int | None
    env_steps: int | None
    evaluation_steps: int | None


@dataclass(frozen=True)
class StudyPlan:
    """What will be trained.

    Attributes:
        phases: In the order they run; "baseline" is charged apart.
        static_combinations: Groups the space falls into, or None if there is no end to them.
        group_agents: The most agents that train at the same time.
        memory_bytes: The most these need, or None where the algorithm does not say.
        disk_bytes: The most that saved states take at a time: in tuning of everybody that may still be promoted, at the
            end of everybody reported. None where the algorithm does not say.
        warnings: What is allowed but should be known.
    """

    phases: tuple[Phase, ...]
    static_combinations: int | None
    group_agents: int
    memory_bytes: int | None
    disk_bytes: int | None
    warnings: tuple[str, ...]

    @property
    def total(self) -> Phase:
        """All phases together."""

        def added(values: list[int | None]) -> int | None:
            known = [value for value in values if value is not None]
            return sum(known) if len(known) == len(values) else None

        return Phase(
            name="total",
            configurations=None,
            seeds=0,
            agents=added([phase.agents for phase in self.phases]),
            env_steps=added([phase.env_steps for phase in self.phases]),
            evaluation_steps=added([phase.evaluation_steps for phase in self.phases]),
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Texts of a table, the head first: phase, configurations, seeds, agents, training, evaluation."""
        head = ("phase", "configurations", "seeds", "agents", "env steps", "evaluation steps")
        rows = [
            (
                phase.name,
                _count(phase.configurations),
                f"{phase.seeds:,}",
                _count(phase.agents),
                _count(phase.env_steps),
                _count(phase.evaluation_steps),
            )
            for phase in self.phases
        ]
        total = self.total
        last = (total.name, "", "", _count(total.agents), _count(total.env_steps), _count(total.evaluation_steps))
        return [head, *rows, last]

    def describe(self) -> dict[str, object]:
        """The plan as plain JSON."""
        return {
            "phases": [
                {
                    "name": phase.name,
                    "configurations": phase.configurations,
                    "seeds": phase.seeds,
                    "agents": phase.agents,
                    "env_steps": phase.env_steps,
                    "evaluation_steps": phase.evaluation_steps,
                }
                for phase in self.phases
            ],
            "static_combinations": self.static_combinations,
            "group_agents": self.group_agents,
            "memory_bytes": self.memory_bytes,
            "disk_bytes": self.disk_bytes,
            "warnings": list(self.warnings),
        }


def plan_study(resolved: ResolvedStudy, jobs: int = 1) -> StudyPlan:
    """Counts what a study trains at most; equal configurations, which share their training, are counted twice.

    Args:
        resolved: The study.
        jobs: Worker processes, each with a group of its own.
    """
    description, seeds = resolved.description, resolved.seeds
    several = len(resolved.criteria) > 1
    trials = _trials(resolved)
    finalists = description.finalists if trials is None else min(description.finalists, trials)
    phases = [_phase(resolved, "tuning", trials, len(seeds.tuning))]
    if seeds.validation:
        phases.append(_phase(resolved, "validation", finalists, len(seeds.validation)))
    # The default is tested too, whether it is among the finalists or not.
    tested = (finalists if several else 1) + 1
    if trials is not None:
        tested = min(tested, trials)
    phases.append(_phase(resolved, "test", tested, len(seeds.test)))
    phases.append(_phase(resolved, "baseline", 1, len(seeds.tuning) + len(seeds.test)))
    asked = resolved.schedule.largest_ask(resolved.frame)
    group = asked if trials is None else min(asked, trials)
    together = [group * len(seeds.tuning), finalists * len(seeds.validation), (tested + 1) * len(seeds.test)]
    # A group is cut between configurations, so that one of many seeds may be larger than all others.
    largest = max(LARGEST, *map(len, (seeds.tuning, seeds.validation, seeds.test)))
    agents = max(min(jobs * largest, everybody) for everybody in together)
    memory = resolved.memory_bytes
    # Promotions go from the states at a rung to those at the next: both are there for a moment.
    promoted = 2 * group * len(seeds.tuning) if len(resolved.rungs) > 1 else 0
    saved = max(promoted, (tested + 1) * len(seeds.test)) if resolved.algorithm.checkpoints == "exact" else 0
    return StudyPlan(
        phases=tuple(phases),
        static_combinations=resolved.static_combinations,
        group_agents=agents,
        memory_bytes=None if memory is None else memory * agents,
        disk_bytes=None if memory is None and saved else (memory or 0) * saved,
        warnings=resolved.warnings,
    )


def _trials(resolved: ResolvedStudy) -> int | None:
    """The most configurations the budget allows, or None where only hours limit them."""
    budget = resolved.description.budget
    limits = [] if resolved.trials is None else [resolved.trials]
    # A shortened training, or one on fewer seeds, lets more configurations into the same steps; only whole ones can be
    # counted ahead, up to the end of the last batch.
    if budget.env_steps_total is not None and isinstance(resolved.schedule, Full):
        cost = budget.env_steps * len(resolved.seeds.tuning) * resolved.description.batch
        limits.append(-(-budget.env_steps_total // cost) * resolved.description.batch)
    return min(limits, default=None)


def _phase(resolved: ResolvedStudy, name: str, configurations: int | None, seeds: int) -> Phase:
    evaluation = resolved.description.evaluation
    longest = resolved.environment.spaces().max_episode_steps
    rungs, curve = len(resolved.rungs), len(resolved.checkpoints) - len(resolved.rungs)
    agents = None if configurations is None else configurations * seeds
    episodes = (rungs * evaluation.episodes + curve * evaluation.curve_episodes) * max(1, len(resolved.weights))
    return Phase(
        name=name,
        configurations=configurations,
        seeds=seeds,
        agents=agents,
        env_steps=None if agents is None else agents * resolved.description.budget.env_steps,
        evaluation_steps=None if agents is None or longest is None else agents * episodes * longest,
    )


def _count(value: int | None) -> str:
    return "until time is up" if value is None else f"{value:,}"
