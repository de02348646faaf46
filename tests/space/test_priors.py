"""Priors warp the unit interval: closed forms, exact round trips far from the mean, and what is refused."""

import numpy as np
import pytest
from scipy import stats

from autorl.errors import InvalidInput, UnknownName
from autorl.space import Prior, SearchSpace
from autorl.tuners import build_tuner

RATE = {"float": [1e-5, 1e-1], "log": True, "default": 1e-3, "prior": {"mean": 1e-4, "std": 0.1}}


def space_of(**entries: object) -> SearchSpace:
    return SearchSpace.load(entries)


def test_the_share_is_a_cut_normal_with_a_tenth_of_uniform() -> None:
    prior, centre = Prior(0.3, 0.2), 0.3
    cut = stats.truncnorm((0 - 0.3) / 0.2, (1 - 0.3) / 0.2, loc=0.3, scale=0.2)
    for position in (0.0, 0.1, 0.3, 0.77, 1.0):
        share = prior.share(position, centre)
        assert share == pytest.approx(0.9 * cut.cdf(position) + 0.1 * position, abs=1e-14)
        assert prior.position(share, centre) == pytest.approx(position, abs=1e-14)


def test_the_middle_of_a_prior_at_the_centre_is_its_mean() -> None:
    space = space_of(gamma={"float": [0.0, 2.0], "default": 0.5, "prior": {"mean": 1.0, "std": 0.05}})
    assert space.decode({"gamma": 0.5}) == {"gamma": 1.0}
    assert space.decode({"gamma": 0.0}) == {"gamma": 0.0}
    assert space.decode({"gamma": 1.0}) == {"gamma": 2.0}


@pytest.mark.parametrize("value", [1e-5, 1.00000000001e-5, 1e-4, 3.14159e-4, 2e-2, 0.0999999999999, 1e-1])
def test_a_value_far_from_the_mean_comes_back_exactly(value: float) -> None:
    for std in (0.01, 0.1, 10):
        space = space_of(learning_rate={**RATE, "prior": {"mean": 1e-4, "std": std}})
        assert space.decode(space.encode({"learning_rate": value})) == {"learning_rate": value}


def test_every_whole_number_has_a_cell_as_wide_as_the_prior_says() -> None:
    space = space_of(n={"int": [1, 8], "default": 2, "prior": {"mean": 3, "std": 0.1}})
    units = (np.arange(20_000) + 0.5) / 20_000
    values = np.array([space.decode({"n": float(unit)})["n"] for unit in units])
    cut = stats.truncnorm(-(2.5 / 8) / 0.1, (1 - 2.5 / 8) / 0.1, loc=2.5 / 8, scale=0.1)
    for n in range(1, 9):
        expected = 0.9 * (cut.cdf(n / 8) - cut.cdf((n - 1) / 8)) + 0.1 / 8
        assert np.mean(values == n) == pytest.approx(expected, abs=2e-4)
        assert space.decode(space.encode({"n": n})) == {"n": n}


def test_a_relation_cuts_the_prior() -> None:
    space = space_of(
        n_steps={"int": [32, 512], "pow2": True, "default": 128},
        batch_size={"int": [16, 512], "pow2": True, "default": 32, "prior": {"mean": 256, "std": 0.1}},
        relations=["batch_size <= n_steps"],
    )
    drawn = [space.decode({"n_steps": 0.0, "batch_size": unit})["batch_size"] for unit in np.linspace(0, 1, 101)]
    assert set(drawn) == {16, 32}
    assert drawn.count(32) > 50, "the allowed value nearer to the mean is the likelier one"


def test_what_a_tuner_draws_follows_the_prior() -> None:
    space = space_of(learning_rate=RATE)
    tuner = build_tuner("random", space, 1, 0)
    rates = [space.decode(one.vector)["learning_rate"] for one in tuner.ask(range(300))]
    near = np.mean([10**-4.4 <= float(rate) <= 10**-3.6 for rate in rates])  # type: ignore[arg-type]  # floats
    # Within one standard deviation (a tenth of four decades): .9 x .683 / (1 - the cut tail .006) + .1 x .2.
    assert near == pytest.approx(0.64, abs=0.08)


def test_it_is_written_shown_and_read_back() -> None:
    space = space_of(learning_rate=RATE, n={"int": [1, 4], "default": 1, "prior": {"mean": 2, "std": 0.5}})
    assert SearchSpace.load(space.describe()) == space
    assert space != space_of(learning_rate={**RATE, "prior": {"mean": 1e-4, "std": 0.2}}, n=space.describe()["n"])
    assert [row.scale for row in space.rows()] == [
        "log, prior 0.0001 ± 0.1 of the range",
        "linear, prior 2 ± 0.5 of the range",
    ]
    with pytest.raises(InvalidInput, match=r"prior 0.0001 ± 0.1 of the range' has no counterpart in ConfigSpace"):
        space.to_configspace()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**RATE, "prior": {"mean": 1.0, "std": 0.1}}, r"learning_rate.prior.mean: 1.0 lies outside the range \[1e-05"),
        ({**RATE, "prior": {"mean": 1e-3, "std": 0.0}}, r"prior.std: 0.0 must lie in \[0.01, 10\]"),
        ({**RATE, "prior": {"mean": 1e-3}}, "lacks 'std'"),
        ({**RATE, "prior": 0.001}, "prior: 0.001 must be a mapping"),
        ({**RATE, "prior": {"mean": "high", "std": 0.1}}, "prior.mean: the text 'high' is no number"),
        ({"int": [1, 8], "pow2": True, "default": 2, "prior": {"mean": 3, "std": 0.1}}, "3.0 is no value of the pow2"),
        ({"int": [1, 8], "default": 2, "prior": {"mean": 2.5, "std": 0.1}}, "2.5 is no value of the linear scale"),
        ({"choice": [1, 2], "default": 2, "prior": {"mean": 2, "std": 0.1}}, "'prior'"),
    ],
)
def test_bad_priors_are_refused(entry: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        space_of(learning_rate=entry)


def test_an_unknown_key_has_its_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'maen'.*'mean'"):
        space_of(learning_rate={**RATE, "prior": {"maen": 1e-3, "std": 0.1}})
