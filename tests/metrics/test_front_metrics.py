"""Metrics of fronts: values by hand, the field's own code, and environments whose true front is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import moocore  # type: ignore[import-untyped]  # ships no types
import numpy as np
import pytest
from pymoo.indicators.hv import HV
from pymoo.indicators.igd import IGD
from pymoo.indicators.igd_plus import IGDPlus

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.metrics import Direction, Metric, bundled_metrics, criteria
from autorl.metrics.front_shape import Cardinality
from autorl.metrics.fronts import FrontMetric, run_front
from autorl.pareto import undominated
from autorl.records import FloatArray, Run, Status

TREASURE, CONCAVE = Environment("deep-sea-treasure-v0"), Environment("deep-sea-treasure-concave-v0")
TRUE = [[4, 1], [1, 4]]
REFERENCE = {"reference_point": [0, 0]}
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "hypervolume": REFERENCE,
    "hypervolume_share": {**REFERENCE, "front": TRUE, "floor": 1},
    "expected_utility": {"weights": 3},
    "max_utility_loss": {"front": TRUE, "weights": 3},
    **{name: {"front": TRUE} for name in ("igd", "igd_plus", "epsilon")},
}
# A seed with front (3, 1), (1, 3) and a dominated policy; one with front (2, 2). The true front has volume 7.
SEEDS = ([[3, 1], [1, 3], [1, 1]], [[2, 2], [0, 0], [1, 2]])
BY_HAND: Mapping[str, tuple[tuple[float, float], Direction]] = {
    "hypervolume": ((5, 4), "maximize"),
    "hypervolume_share": ((4 / 6, 3 / 6), "maximize"),
    "expected_utility": ((8 / 3, 2), "maximize"),
    "max_utility_loss": ((1, 2), "minimize"),
    "igd": ((1, math.sqrt(5)), "minimize"),
    "igd_plus": ((1, 2), "minimize"),
    "epsilon": ((1, 2), "minimize"),
    "cardinality": ((2, 1), "maximize"),
    "sparsity": ((8, 0), "minimize"),
}


def make_run(means: Sequence[Sequence[float]], seed: int = 0, spread: float = 5.0) -> Run:
    """A run whose policies have these mean returns, over two episodes that lie far from them on either side."""
    table = np.array(means, dtype=np.float64)
    shift = spread * (-1.0) ** np.arange(table.shape[1])
    final = np.stack([table - shift, table + shift], axis=1)
    return Run(seed, Status.COMPLETE, 100, (100,), final[None, :, :1], final, 96, 99, 1.0, 10, 1e6, 17)


def metric(name: str, **options: object) -> Metric:
    (criterion,) = criteria([{name: options or OPTIONS.get(name, {})}])
    return criterion.metric


def check(one: Metric, by_hand: tuple[tuple[float, float], Direction]) -> None:
    values, direction = by_hand
    runs = [make_run(means, seed) for seed, means in enumerate(SEEDS)]
    assert one.direction == direction
    assert [one.per_run(run) for run in runs] == pytest.approx(values, rel=1e-12)
    assert one.aggregate(runs) == pytest.approx(sum(values) / 2, rel=1e-12)
    shuffled = [make_run(means[::-1], seed) for seed, means in enumerate(SEEDS)]
    assert one.aggregate(shuffled) == pytest.approx(one.aggregate(runs), rel=1e-12)


@pytest.mark.parametrize("name", BY_HAND)
def test_value_by_hand(name: str) -> None:
    one = metric(name)
    check(one, BY_HAND[name])
    assert one.summary
    assert one.unit


def test_every_metric_of_fronts_has_a_value_by_hand() -> None:
    assert set(BY_HAND) == {name for name, one in bundled_metrics().items() if one.rewards == "vector"}


class _SingleEpisodes(Cardinality):
    name: ClassVar[str] = "single_episodes"

    def per_run(self, run: Run) -> float:
        return self.of_front(undominated(run.final.reshape(-1, 2)))


class _Unfiltered(Cardinality):
    name: ClassVar[str] = "unfiltered"

    def per_run(self, run: Run) -> float:
        return self.of_front(run.final.mean(axis=1))


@pytest.mark.parametrize("broken", [_SingleEpisodes(), _Unfiltered()])
def test_the_check_fails_on_a_broken_metric(broken: Metric) -> None:
    with pytest.raises(AssertionError):
        check(broken, BY_HAND["cardinality"])


class TestAgainstTheFieldsOwnCode:
    """Random fronts of three rewards; the libraries minimise."""

    @pytest.fixture(params=range(5))
    def fronts(self, request: Any) -> tuple[FloatArray, FloatArray]:
        drawn = np.random.default_rng(request.param).normal(size=(2, 30, 3))
        return undominated(drawn[0]), undominated(drawn[1] + 0.5)

    def test_distances(self, fronts: tuple[FloatArray, FloatArray]) -> None:
        front, true = fronts
        target = {"front": true.tolist()}
        for name, peer in (("igd", IGD(-true)), ("igd_plus", IGDPlus(-true))):
            assert value(name, front, **target) == pytest.approx(peer(-front), rel=1e-12)
        peers = moocore.epsilon_additive(-front, ref=-true)
        assert value("epsilon", front, **target) == pytest.approx(peers, rel=1e-12)

    def test_volume(self, fronts: tuple[FloatArray, FloatArray]) -> None:
        front, true = fronts
        low = [-3.0, -4.0, -5.0]
        volumes = [HV(ref_point=-np.array(low))(-one) for one in fronts]
        assert value("hypervolume", front, reference_point=low) == pytest.approx(volumes[0], rel=1e-12)
        share = value("hypervolume_share", front, reference_point=low, front=true.tolist())
        assert share == pytest.approx(volumes[0] / volumes[1], rel=1e-12)


def value(name: str, points: FloatArray, **options: object) -> float:
    one = metric(name, **options)
    assert isinstance(one, FrontMetric)
    return one.of_front(points)


class TestKnownFronts:
    def known(self, environment: Environment, discount: float, name: str, **options: object) -> float:
        one = metric(name, **options).suited(environment, discount)
        assert isinstance(one, FrontMetric)
        front = environment.known_front(discount)
        assert front is not None
        return one.of_front(front)

    def test_the_true_front_is_perfect(self) -> None:
        for name in ("igd", "igd_plus", "epsilon", "max_utility_loss"):
            assert self.known(TREASURE, 0.99, name, front="known") == pytest.approx(0, abs=1e-12)
        share = self.known(TREASURE, 0.99, "hypervolume_share", reference_point=[0, -50], floor="do_nothing")
        assert share == 1
        assert self.known(TREASURE, 0.99, "cardinality") == 10

    def test_expected_utility_of_true_fronts(self) -> None:
        for environment, discount, expected in (
            (TREASURE, 0.98, 4.677), (TREASURE, 0.99, 5.603), (TREASURE, 1.0, 6.814),
            (CONCAVE, 0.98, 36.375), (CONCAVE, 0.99, 44.323), (CONCAVE, 1.0, 53.811),
        ):  # fmt: skip
            assert self.known(environment, discount, "expected_utility", weights=50) == pytest.approx(
                expected, abs=5e-4
            )

    @pytest.mark.parametrize(
        "id, discount, reference, floor",
        [
            ("deep-sea-treasure-v0", 0.99, [0, -50], 0.7 * 49 / 854.8504),
            ("deep-sea-treasure-concave-v0", 0.99, [0, -50], 49 / 3688.3771),
            ("resource-gathering-v0", 0.98, [-1, -1, -2], 2 / 4.8066),
            ("minecart-deterministic-v0", 0.98, [-1, -1, -200], 199 / 723.0482),
            ("minecart-deterministic-v0", 0.98, [0, 0, -200], 0.0),
        ],
    )
    def test_the_floor_of_doing_nothing(self, id: str, discount: float, reference: list[float], floor: float) -> None:
        """What a policy of one action gets is worth nothing above the floor."""
        environment = Environment(id)
        plain, above = (
            metric("hypervolume_share", reference_point=reference, **options).suited(environment, discount)
            for options in ({}, {"floor": "do_nothing"})
        )
        assert isinstance(plain, FrontMetric)
        assert isinstance(above, FrontMetric)
        front = environment.known_front(discount)
        assert front is not None
        some = front[len(front) // 2 :]
        share = plain.of_front(some)
        assert above.of_front(some) == pytest.approx((share - floor) / (1 - floor), abs=1e-6)


def test_the_front_of_a_run() -> None:
    assert [run_front(make_run(means)).tolist() for means in SEEDS] == [[[1, 3], [3, 1]], [[2, 2]]]
    assert run_front(make_run([[2, 2], [2, 2]])).tolist() == [[2, 2]], "copies count once"
    assert run_front(make_run([[2, math.nan], [2, 2]])).shape == (0, 2)


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_return_that_is_not_finite_is_no_value(name: str, wrong: float) -> None:
    """Not 0 and not the value of the other policies: the trial fails."""
    assert math.isnan(metric(name).per_run(make_run([[3, 1], [wrong, 3]])))


@pytest.mark.parametrize("name", BY_HAND)
def test_a_run_without_several_rewards_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="seed 3 holds returns of shape"):
        metric(name).per_run(make_run([[1.0]], seed=3))
    empty = Run(3, Status.FAILED, 9, (), np.empty((0, 1, 3, 1)), np.empty((1, 0, 1)), 1, 1, 1.0, 1, 1.0, 1)
    with pytest.raises(InvalidInput, match="'failed'"):
        metric(name).per_run(empty)


class TestTheMeanOverCheckpoints:
    """Two policies, two curve episodes at three checkpoints, and three last episodes."""

    CURVE = np.array(
        [
            [[[9, 9], [9, 9]], [[9, 9], [9, 9]]],
            [[[1, 2], [1, 4]], [[0, 0], [0, 0]]],  # front (1, 3), hypervolume 3
            [[[2, 2], [2, 2]], [[3, 0], [3, 2]]],  # front (2, 2) (3, 1), hypervolume 5
        ],
        dtype=np.float64,
    )
    FINAL = np.array([[[7, 7]] * 3, [[0, 0]] * 3], dtype=np.float64)

    def run(self, checkpoints: int = 3) -> Run:
        curve = self.CURVE[-checkpoints:]
        marks = (30, 60, 90)[:checkpoints]
        return Run(0, Status.COMPLETE, 90, marks, curve, self.FINAL, 90, 1, 1.0, 1, 1.0, 1)

    @pytest.mark.parametrize("last, expected", [(1, 49.0), (2, 4.0), (3, (81 + 3 + 5) / 3)])
    def test_by_hand(self, last: int, expected: float) -> None:
        one = metric("hypervolume", reference_point=[0, 0], last_checkpoints=last)
        assert one.per_run(self.run()) == pytest.approx(expected, rel=1e-12)
        assert one.checkpoints == last

    def test_of_those_that_there_are(self) -> None:
        assert metric("cardinality", last_checkpoints=3).per_run(self.run(2)) == 1.5

    def test_one_that_is_not_finite_leaves_no_value(self) -> None:
        run = self.run()
        run.curve[1, 0, 0, 0] = np.nan
        assert math.isnan(metric("cardinality", last_checkpoints=2).per_run(run))
        assert metric("cardinality").per_run(run) == 1

    def test_what_stands_beside_is_averaged_alike(self) -> None:
        beside = metric("hypervolume", reference_point=[0, -50], last_checkpoints=2).beside(TREASURE, 0.99)
        assert [one.checkpoints for one in beside] == [2, 2]


class TestOptions:
    def test_labels_and_descriptions(self) -> None:
        (one, other) = criteria(
            [
                {"hypervolume": {"reference_point": [0, -50.5]}},
                {"metric": "igd", "front": TRUE, "direction": "minimize"},
            ]
        )
        assert one.label == "hypervolume(reference_point=[0, -50.5])"
        assert other.label == "igd(front=2 points)"
        assert other.metric.options == {"last_checkpoints": 1, "front": [[4, 1], [1, 4]]}
        fitted = metric("igd", front="known").suited(TREASURE, 0.9)
        assert fitted.label == "igd", "what is the default is not said"
        expected = {"last_checkpoints": 1, "front": "known"}
        assert fitted.options == expected, "what was taken from the environment is no option"

    @pytest.mark.parametrize(
        "name, options, message",
        [
            ("hypervolume", {}, "needs the option 'reference_point'"),
            ("hypervolume", {"reference_point": 3}, "reference_point: 3 is no list of numbers"),
            ("hypervolume", {"reference_point": []}, "is no list of numbers"),
            ("hypervolume", {"reference_point": [0, math.nan]}, "nan is no finite number"),
            ("hypervolume", {"reference_point": [0, "x"]}, "'x' is no finite number"),
            ("hypervolume_share", {**REFERENCE, "floor": "none"}, "floor .*'none' is no finite number"),
            ("hypervolume_share", {**REFERENCE, "floor": math.inf}, "inf is no finite number"),
            ("igd", {"front": "true"}, "front 'true' is neither 'known' nor a list of points"),
            ("igd", {"front": []}, "neither 'known' nor a list"),
            ("igd", {"front": [[1, 2], [1]]}, r"points of \[1, 2\] numbers"),
            ("epsilon", {"front": [[1, math.nan]]}, r"front\[0\]: nan is no finite number"),
            ("expected_utility", {"weights": 1}, "weights: 1 must be at least 2"),
            ("max_utility_loss", {"weights": 2.5}, "weights: 2.5 is no whole number"),
            ("sparsity", {"last_checkpoints": 0}, "metric 'sparsity': last_checkpoints: 0 must be at least 1"),
            ("hypervolume", {**REFERENCE, "last_checkpoints": 1.5}, "last_checkpoints: 1.5 is no whole number"),
            ("igd", {"last_checkpoints": "3"}, "last_checkpoints: '3' is no whole number"),
            ("expected_utility", {"last_checkpoints": True}, "last_checkpoints: True is no whole number"),
        ],
    )
    def test_wrong_ones_are_refused(self, name: str, options: dict[str, object], message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            criteria([{name: options}])


class TestWhatDoesNotFitTheEnvironment:
    @pytest.mark.parametrize("name", BY_HAND)
    def test_a_scalar_reward(self, name: str) -> None:
        for environment in (
            Environment("CartPole-v1"),
            Environment("deep-sea-treasure-v0", wrappers=[{"name": "LinearReward", "kwargs": {"weight": [1, 1]}}]),
        ):
            with pytest.raises(InvalidInput, match=rf"metric '{name}.*several rewards.*gives 1 reward"):
                metric(name).suited(environment, 1.0)

    @pytest.mark.parametrize("name, options", [("return", {}), ("auc", {}), ("env_steps_to", {"return": 3})])
    def test_a_vector_for_a_metric_of_one(self, name: str, options: dict[str, object]) -> None:
        (criterion,) = criteria([{name: options}])
        with pytest.raises(InvalidInput, match="one reward; environment 'deep-sea-treasure-v0' gives 2"):
            criterion.metric.suited(TREASURE, 1.0)
        assert criterion.metric.suited(Environment("CartPole-v1"), 1.0) is criterion.metric

    @pytest.mark.parametrize("name", ["hypervolume", "hypervolume_share"])
    @pytest.mark.parametrize(
        "reference, message",
        [
            ([0, -50, 0], r"\[0.0, -50.0, 0.0\] has 3 numbers; .* gives 2 rewards"),
            ([5, -50], r"\[5.0, -50.0\] must be dominated by every point .* \[0.7, -1.0\] does not dominate"),
            ([0, -10], "does not dominate"),
        ],
    )
    def test_a_reference_point(self, name: str, reference: list[float], message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            metric(name, reference_point=reference).suited(TREASURE, 0.99)

    def test_a_reference_point_that_leaves_no_volume(self) -> None:
        gathering = Environment("resource-gathering-v0")
        front = gathering.known_front(0.98)
        assert front is not None
        with pytest.raises(InvalidInput, match="leaves the environment's known front no volume"):
            metric("hypervolume", reference_point=front.min(axis=0).tolist()).suited(gathering, 0.98)

    def test_a_reference_point_not_below_a_front_of_the_study(self) -> None:
        rooms = Environment("four-room-v0")
        share = metric("hypervolume_share", reference_point=[0, 0, 0], front=[[1, 1, 1], [2, -1, 3]])
        with pytest.raises(InvalidInput, match=r"every point of the front given, but \[2.0, -1.0, 3.0\] does not"):
            share.suited(rooms, 1.0)

    def test_a_reference_point_as_yaml_reads_it(self) -> None:
        expected = {"last_checkpoints": 1, "reference_point": [0.0, -50.0]}
        assert metric("hypervolume", reference_point=[0, "-5e1"]).options == expected
        with pytest.raises(InvalidInput, match="'far' is no finite number"):
            metric("hypervolume", reference_point=[0, "far"])

    @pytest.mark.parametrize("name", ["expected_utility", "max_utility_loss"])
    def test_fewer_weight_vectors_than_rewards(self, name: str) -> None:
        with pytest.raises(InvalidInput, match=f"metric '{name}': weights: 3 must be at least 6"):
            metric(name, weights=3).suited(Environment("fruit-tree-v0"), 1.0)

    def test_a_floor_above_the_front(self) -> None:
        with pytest.raises(InvalidInput, match=r"floor 900 is not below the hypervolume of the true front, 854\.85"):
            metric("hypervolume_share", reference_point=[0, -50], floor=900).suited(TREASURE, 0.99)

    def test_a_front_that_is_not_stated_or_too_wide(self) -> None:
        with pytest.raises(InvalidInput, match="environment 'four-room-v0' does not state"):
            metric("igd", front="known").suited(Environment("four-room-v0"), 1.0)
        with pytest.raises(InvalidInput, match="points of 3 numbers for a reward of 2"):
            metric("igd", front=[[1, 2, 3]]).suited(TREASURE, 1.0)

    def test_a_known_front_that_was_never_taken(self) -> None:
        with pytest.raises(InvalidInput, match=r"front 'known' is taken from an environment; call suited"):
            metric("igd", front="known").per_run(make_run([[3, 1]]))
