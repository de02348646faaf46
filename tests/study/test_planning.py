"""What a resolved study refuses, warns of and counts, on an algorithm whose costs are known by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest

from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput, UnknownName
from autorl.population import Algorithm, Plan, Population, hyperparameter
from autorl.records import Agent
from autorl.study.candidates import representatives
from autorl.study.lengths import check_iterations, check_rungs, check_updates
from autorl.study.loading import load_description
from autorl.study.planning import plan_study
from autorl.study.resolved import ResolvedStudy, resolve


@dataclass(frozen=True)
class Counted(Algorithm):
    """An iteration takes n_steps env steps, the network has width x 10 parameters, an agent needs width MiB."""

    name: ClassVar[str] = "counted"

    learning_rate: float = hyperparameter(1e-3)
    width: int = hyperparameter(8, static=True)
    n_steps: int = hyperparameter(100, static=True)
    n_envs: int = hyperparameter(2, static=True)

    def __post_init__(self) -> None:
        if self.width > 200:
            raise InvalidInput(f"counted: width {self.width} must be at most 200")

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> Population:
        raise NotImplementedError("nothing is trained here")

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        if type(spaces.action).__name__ != "Discrete":
            raise InvalidInput(f"counted acts on Discrete actions only, and these are {spaces.action}")
        return Plan(iteration_env_steps=self.n_steps, parameters=10 * self.width, memory_bytes=self.width * 2**20)

    @classmethod
    def default_space(cls) -> Mapping[str, object]:
        return {
            "learning_rate": {"float": [1e-5, 1e-1], "log": True},
            "width": {"int": [4, 64], "pow2": True},
            "n_steps": {"choice": [50, 100, 200]},
        }


@dataclass(frozen=True)
class Bare(Counted):
    """Without a search space of its own."""

    name: ClassVar[str] = "bare"

    @classmethod
    def default_space(cls) -> None:  # type: ignore[override]  # its parent has one
        return None


def resolved(**changes: object) -> ResolvedStudy:
    document: dict[str, object] = {
        "algorithm": Counted,
        "environment": "CartPole-v1",
        "budget": {"trials": 6, "env_steps": 1000},
        "tuner": "random",
    }
    return resolve(load_description({**document, **changes}))


def refusal(**changes: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        resolved(**changes)
    return str(caught.value)


WIDTH: Mapping[str, object] = {"width": {"int": [4, 64], "pow2": True}}


def test_everything_named_is_found() -> None:
    found = resolved(fixed={"n_envs": 4})
    assert found.algorithm is Counted
    assert found.space.names == ("learning_rate", "width", "n_steps")
    assert found.baseline == {"learning_rate": 1e-3, "width": 8, "n_steps": 100, "n_envs": 4}
    assert found.full({"width": 32}) == {"learning_rate": 1e-3, "width": 32, "n_steps": 100, "n_envs": 4}
    assert [entry.label for entry in found.criteria] == ["return"]
    assert found.rungs == (1000,)
    assert found.checkpoints == tuple(range(100, 1001, 100))
    assert found.memory_bytes == 64 * 2**20
    assert found.static_combinations == 5 * 3


def test_checkpoints_are_evenly_spaced_and_end_at_the_horizon() -> None:
    found = resolved(budget={"trials": 6, "env_steps": 1001}, evaluation={"checkpoints": 3})
    assert found.checkpoints == (333, 667, 1001)  # floor(1001 k / 3)


def test_the_document_depends_on_no_other_file() -> None:
    found = resolved(space=WIDTH)
    document = found.document()
    assert document["space"] == found.space.describe()
    assert document["environment"] == found.environment.describe()
    assert isinstance(document["environment"], dict)
    assert document["environment"]["max_episode_steps"] == 500


def test_an_algorithm_without_a_space_needs_one() -> None:
    said = "space: algorithm 'bare' has no search space of its own; give one, by a name, a file or a mapping"
    assert refusal(algorithm=Bare).endswith(said)
    assert resolved(algorithm=Bare, space=WIDTH).space.names == ("width",)


def test_a_start_is_completed_and_checked() -> None:
    found = resolved(start_from=[{"width": 16}])
    assert found.start_from == ({"learning_rate": 1e-3, "width": 16, "n_steps": 100},)
    assert "start_from[0]" in refusal(start_from=[{"width": 5}])
    assert "wdith" in refusal(start_from=[{"wdith": 4}])


def test_a_start_that_is_tried_twice_or_never_is_said() -> None:
    few = {"trials": 4, "env_steps": 1000}
    found = resolved(start_from=[{"width": 16}, {"width": 32}, {"width": 16}, {}], budget=few)
    assert found.warnings[:2] == (
        "start_from: 2 of 4 configurations are the default or stand there before, and take a trial each all the same",
        "start_from: the last 1 of 4 configurations are never tried, since the study has 4 trials, the default first",
    )
    assert not any("start_from" in one for one in resolved(start_from=[{"width": 16}], budget=few).warnings)


def test_more_trials_than_a_tuner_is_swift_for_are_said() -> None:
    def said(**changes: object) -> list[str]:
        return [one for one in resolved(**changes).warnings if one.startswith("tuner: ")]

    many = {"trials": 501, "env_steps": 1000}
    (warning,) = said(tuner="gp", budget=many)
    assert "about trial 500 on, and the study has 501" in warning
    assert said(tuner="gp", budget={**many, "trials": 500}) == said(tuner="tpe", budget=many) == []


def test_a_schedule_that_does_not_fit_the_budget_says_where_it_stands() -> None:
    message = refusal(schedule={"name": "halving", "max_env_steps": 4_000_000})
    assert message.startswith("study: schedule: max_env_steps: 4000000 must be at most budget.env_steps")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"algorithm": "poo"}, ["study: algorithm", "unknown algorithm 'poo'", "'ppo'"]),
        ({"environment": "CartPol-v1"}, ["study: environment: ", "'CartPol-v1'", "'CartPole-v1'"]),
        ({"tuner": "tppe"}, ["study: tuner", "'tppe'", "'tpe'"]),
        ({"schedule": "ful"}, ["study: schedule", "'ful'", "'full'"]),
        ({"fixed": {"wdith": 4}}, ["study: fixed: ", "'wdith'", "'width'"]),
        ({"space": {"wdith": {"int": [1, 2]}}}, ["study: space", "'wdith'", "'width'"]),
    ],
)
def test_unknown_names_say_where_they_stand_and_what_is_near(changes: dict[str, object], parts: list[str]) -> None:
    with pytest.raises(UnknownName) as caught:
        resolved(**changes)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_an_environment_the_algorithm_cannot_act_on() -> None:
    message = refusal(environment="Pendulum-v1")
    assert "the baseline" in message
    assert "counted acts on Discrete actions only" in message


def test_the_baseline_and_the_default_must_run() -> None:
    assert "width 300 must be at most 200" in refusal(fixed={"width": 300})
    assert "the space's default cannot run" in refusal(space={"width": {"int": [4, 256], "pow2": True, "default": 256}})


def test_configurations_that_cannot_run_are_a_warning() -> None:
    found = resolved(space={"width": {"int": [4, 256], "pow2": True}})
    (warning,) = [text for text in found.warnings if "cannot run" in text]
    assert "'width': 256" in warning
    assert "counted: width 256 must be at most 200" in warning
    assert not [text for text in resolved(space=WIDTH).warnings if "cannot run" in text]


def test_an_objective_that_no_tuned_hyperparameter_changes_is_refused() -> None:
    assert "'env_steps' cannot be an objective" in refusal(objectives=["return", "env_steps"])
    only_rate = {"learning_rate": {"float": [1e-5, 1e-1], "log": True}}
    message = refusal(objectives=["return", "parameters"], space=only_rate, tuner="nsga2")
    assert "study: objectives: 'parameters' cannot be an objective: it is 80 for each" in message
    assert len(resolved(objectives=["return", "parameters"], space=WIDTH, tuner="nsga2").criteria) == 2


def test_a_mean_over_more_checkpoints_than_there_are_is_refused() -> None:
    averaged = {"return": {"last_checkpoints": 4}}
    evaluation = {"episodes": 2, "curve_episodes": 1, "checkpoints": 3}
    message = refusal(objectives=[averaged], evaluation=evaluation)
    assert (
        "objectives[0]: metric 'return(last_checkpoints=4)' needs 4 checkpoints; evaluation.checkpoints is 3" in message
    )
    bounded = [{**averaged, "at_least": 1}]
    assert "constraints[0]: metric 'return(last" in refusal(constraints=bounded, evaluation=evaluation)
    (criterion,) = resolved(objectives=[averaged], evaluation={**evaluation, "checkpoints": 4}).criteria
    assert criterion.metric.checkpoints == 4


def test_an_iteration_longer_than_the_budget_is_refused_by_configuration() -> None:
    message = refusal(budget={"trials": 6, "env_steps": 199})
    assert "one iteration of a configuration with" in message
    assert "'n_steps': 200" in message
    assert "takes 200 env steps, but the first rung lies at 199" in message
    assert "one iteration of the baseline takes 100 env steps" in refusal(
        budget={"trials": 6, "env_steps": 99}, space=WIDTH
    )


def test_an_iteration_longer_than_a_quarter_is_a_warning() -> None:
    def warned(env_steps: int) -> bool:
        found = resolved(budget={"trials": 6, "env_steps": env_steps}, evaluation={"checkpoints": 1})
        return any("more than a quarter" in text for text in found.warnings)

    assert warned(799)
    assert not warned(800)


@pytest.mark.parametrize("algorithm", ["dqn", "sac"])
def test_who_is_judged_before_learning_starts_is_a_warning(algorithm: str) -> None:
    def warned(starts: int, **entries: object) -> list[str]:
        found = resolved(
            algorithm=algorithm,
            environment={"dqn": "CartPole-v1", "sac": "Pendulum-v1"}[algorithm],
            space=f"{algorithm}_small",
            fixed={"learning_starts": starts, "train_freq": 1},
            budget={"trials": 6, "env_steps": 4000},
            **entries,
        )
        return [text for text in found.warnings if "no gradient update" in text]

    assert warned(3999) == []
    (text,) = warned(4000)
    assert text.startswith("budget.env_steps: the baseline (and ")
    assert "no gradient update before the first rung at 4000 env steps" in text
    assert warned(999, schedule={"name": "halving", "min_env_steps": 1000}) == []
    assert "first rung at 1000 env steps" in warned(1000, schedule={"name": "halving", "min_env_steps": 1000})[0]


def test_a_configuration_that_learns_too_late_is_named() -> None:
    idle, busy, unknown = Plan(gradient_updates=0), Plan(gradient_updates=1), Plan()
    configurations: list[dict[str, int]] = [{"starts": 1}, {"starts": 9, "other": 3}]
    assert check_updates(configurations, [busy, unknown], 8, {"starts"}) == []
    (text,) = check_updates(configurations, [busy, idle], 8, {"starts"})
    assert text.startswith("budget.env_steps: a configuration with {'starts': 9} takes no gradient update")


def test_gaps_between_rungs() -> None:
    two = [{"n_envs": 2}, {"n_envs": 1}]  # a full episode in both environments: 1000 env steps
    assert check_rungs(two, (100,), 500) == []  # no rung before the end cuts nothing
    assert check_rungs(two, (1000, 3000), 500) == []
    assert check_rungs(two, (1000, 3000), None) == []
    (warning,) = check_rungs(two, (999, 3000), 500)
    assert "shortest gap between its rungs (999, 3000) is 999 env steps" in warning
    with pytest.raises(InvalidInput, match=r"longest gap between its rungs .* is 1999 env steps, less than two full"):
        check_rungs(two, (1000, 2999), 500)


def test_an_algorithm_that_does_not_know_its_iteration_is_not_refused() -> None:
    assert check_iterations([{}], [Plan()], 10, ()) == []


def test_too_many_static_combinations_are_a_warning() -> None:
    assert any("15 combinations of static hyperparameters" in text for text in resolved().warnings)
    assert not any("combinations" in text for text in resolved(space=WIDTH).warnings)


def counts(found: ResolvedStudy) -> dict[str, tuple[int | None, ...]]:
    return {
        phase.name: (phase.configurations, phase.seeds, phase.agents, phase.env_steps, phase.evaluation_steps)
        for phase in plan_study(found).phases
    }


def test_the_plan_of_one_objective() -> None:
    found = resolved(seeds={"tuning": 2, "test": 10}, evaluation={"episodes": 4, "curve_episodes": 3, "checkpoints": 5})
    # Per agent: 4 points of the curve with 3 episodes and the end with 4, of at most 500 steps each.
    each = (4 * 3 + 4) * 500
    assert counts(found) == {
        "tuning": (6, 2, 12, 12_000, 12 * each),
        "test": (2, 10, 20, 20_000, 20 * each),
        "baseline": (1, 12, 12, 12_000, 12 * each),
    }
    plan = plan_study(found)
    assert (plan.total.agents, plan.total.env_steps, plan.total.evaluation_steps) == (44, 44_000, 44 * each)
    assert plan.group_agents == 30  # of the baseline, the default and the best on the test seeds
    assert plan.memory_bytes == 30 * 64 * 2**20
    # Nothing is promoted: at the end there are the states of the baseline, the default and the best on the test seeds.
    assert plan.disk_bytes == 3 * len(found.seeds.test) * 64 * 2**20
    assert plan.rows()[0][0] == "phase"
    assert plan.rows()[-1] == ("total", "", "", "44", "44,000", f"{44 * each:,}")


def test_disk_holds_the_states_of_two_rungs_where_trials_are_promoted() -> None:
    halving = {"name": "halving", "configurations": 9, "min_env_steps": 2000, "eta": 5}
    found = resolved(
        schedule=halving, batch=2, budget={"trials": 90, "env_steps": 10_000}, seeds={"tuning": 5, "test": 2}
    )
    assert plan_study(found).disk_bytes == 2 * 9 * 5 * 64 * 2**20


def test_the_plan_with_validation_and_with_several_objectives() -> None:
    seeds = {"tuning": 2, "validation": 3, "test": 10}
    assert counts(resolved(seeds=seeds, finalists=4))["validation"][:3] == (4, 3, 12)
    several = counts(resolved(seeds=seeds, objectives=["return", "parameters"], tuner="nsga2", finalists=4))
    assert several["validation"][:3] == (4, 3, 12)
    assert several["test"][:3] == (5, 10, 50)  # the front's members and the default
    few = resolved(objectives=["return", "parameters"], tuner="nsga2", budget={"trials": 3, "env_steps": 1000})
    assert counts(few)["test"][0] == 3  # never more than there are trials


def test_budgets_by_steps_and_by_hours() -> None:
    steps = {"env_steps_total": 10_001, "env_steps": 1000}
    assert counts(resolved(budget=steps, seeds={"tuning": 5}))["tuning"][:3] == (4, 5, 20)  # a batch
    assert plan_study(resolved(budget=steps, schedule="racing")).phases[0].agents is None, "nobody knows"
    hours = plan_study(resolved(budget={"hours": 1, "env_steps": 1000}))
    assert hours.phases[0].agents is None
    assert hours.total.env_steps is None
    assert hours.rows()[1][1] == "until time is up"


def test_a_budget_without_a_limit_needs_a_tuner_that_ends() -> None:
    assert refusal(budget={"env_steps": 1000}) == (
        "study: budget: {'env_steps': 1000} sets no limit; set trials, hours or env_steps_total, since the tuner has "
        "no end"
    )


def test_the_configurations_looked_at_reach_every_end_of_every_range() -> None:
    space = resolved().space
    found = representatives(space, Counted.static_names(), count=8)
    assert found[0] == space.default()
    assert found[1] == pytest.approx({"learning_rate": 1e-5, "width": 4, "n_steps": 50})
    assert found[2] == pytest.approx({"learning_rate": 1e-1, "width": 64, "n_steps": 200})
    static = {(entry["width"], entry["n_steps"]) for entry in found[3:-8]}
    assert static >= {(width, n_steps) for width in (4, 64) for n_steps in (50, 100, 200)}
    assert found == representatives(space, Counted.static_names(), count=8)
    assert len({entry["learning_rate"] for entry in found[-8:]}) == 8
