"""Optuna's samplers as the tuners use them: one object an ask, over a space that is known.

They are subclassed for two reasons. The search space is known, so none is inferred from all past trials at every ask.
And what a sampler would count in its study, or work out again for each coordinate, is handed in or kept for the ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autorl.tuners._optuna import (
    BaseDistribution,
    FrozenTrial,
    LazyRandomState,
    SearchSpaceTransform,
    Study,
    TrialState,
    get_single_value,
    optuna,
    quiet,
    split_trials,
)

__all__ = ["QMCSampler", "Space", "TPESampler", "UniformDraws", "relative"]

Space = Mapping[str, BaseDistribution]


def relative(space: Space) -> dict[str, BaseDistribution]:
    """The distributions that leave a choice, which are sampled jointly."""
    return {name: distribution for name, distribution in space.items() if not distribution.single()}


class TPESampler(optuna.samplers.TPESampler):
    """TPE at Optuna's defaults, the two that changed with its version 5 written out.

    Args:
        space: Every distribution of the study.
        objectives: With one the estimator is joint over all coordinates, with several it takes one at a time.
        n_startup_trials: Trials to finish before the first that is not drawn at random.
        seed: In [0, 2**32).
    """

    def __init__(self, space: Space, objectives: int, n_startup_trials: int, seed: int) -> None:
        joint = objectives == 1
        super().__init__(n_startup_trials=n_startup_trials, seed=seed, multivariate=joint, constant_liar=True)
        self._space = relative(space) if joint else {}
        self._halves: tuple[list[FrozenTrial], list[FrozenTrial]] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is sampled jointly."""
        return self._space

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """As Optuna's, but the trials are split into good and bad once an ask instead of once a coordinate."""
        if self._halves is None:
            states = (TrialState.COMPLETE, TrialState.RUNNING)
            trials = [one for one in study.get_trials(deepcopy=False, states=states) if one.number != trial.number]
            finished = sum(one.state == TrialState.COMPLETE for one in trials)
            self._halves = split_trials(study, trials, _good(finished, len(study.directions)))
        good, bad = (
            self._build_parzen_estimator(study, search_space, half, handle_below=index == 0)
            for index, half in enumerate(self._halves)
        )
        samples = good.sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(samples, self._compute_acquisition_func(samples, good, bad))
        return {name: distribution.to_external_repr(best[name]) for name, distribution in search_space.items()}


def _good(finished: int, objectives: int) -> int:
    """How many of the finished trials count as good."""
    rule = optuna.samplers._tpe.sampler
    return rule.default_gamma(finished) if objectives == 1 else rule.default_gamma_multiobjective(finished)


class QMCSampler(optuna.samplers.QMCSampler):
    """One point of a scrambled Sobol sequence; unordered choices have a coordinate of it like all others.

    Args:
        space: Every distribution of the study.
        seed: Of the scrambling, the same for all points; in [0, 2**32).
        index: Which point, from 0.
    """

    def __init__(self, space: Space, seed: int, index: int) -> None:
        with quiet():
            super().__init__(qmc_type="sobol", scramble=True, seed=seed)
        self._space, self._index = relative(space), index

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What the sequence covers, from the first trial on."""
        return self._space

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
        """Optuna's counts in the study's attributes."""
        return self._index


class UniformDraws:
    """What Optuna's `RandomSampler`, made anew for each ask, draws in a study: bit for bit, but without a trial.

    Args:
        space: Every distribution.
    """

    def __init__(self, space: Space) -> None:
        self._fixed = {name: get_single_value(one) for name, one in space.items() if one.single()}
        self._random = LazyRandomState(0)  # seeded for each draw, which takes far less than to make another
        choices = relative(space)
        self._transform = SearchSpaceTransform(choices) if choices else None

    def __call__(self, seed: int) -> dict[str, Any]:
        """One draw, its names in no particular order.

        Args:
            seed: In [0, 2**32).
        """
        if self._transform is None:
            return self._fixed
        self._random.rng.seed(seed)
        low, high = self._transform.bounds.T
        return self._fixed | self._transform.untransform(self._random.rng.uniform(low, high))
