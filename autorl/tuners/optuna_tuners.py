"""`random`, `qmc`, `tpe` and `gp`: Optuna's samplers that draw, spread or model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal
from autorl.tuners.checked import CheckedTuner
from autorl.tuners.optuna_base import OptunaTuner, check_count
from autorl.tuners.optuna_evolution import NSGA2
from autorl.tuners.vectors import plain_vector

if TYPE_CHECKING:
    from autorl.tuners._optuna import BaseSampler, FrozenTrial

__all__ = ["GP", "NSGA2", "QMC", "TPE", "ModelTuner", "Random"]


class Random(CheckedTuner):
    """Draws every coordinate uniformly, whatever was told (Bergstra and Bengio 2012).

    What it proposes is what Optuna's random sampler, seeded for each ask, proposes. No study is kept: nothing in it
    would be looked at, and a resume of thousands of trials need not build it.
    """

    name: ClassVar[str] = "random"
    summary: ClassVar[str] = "independent uniform draws"

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        from autorl.tuners._optuna import distributions
        from autorl.tuners._optuna_samplers import UniformDraws

        self._draw = UniformDraws(distributions(space))

    def propose(self, number: int) -> Proposal:
        """One draw from a generator of its own."""
        drawn = self._draw(integer_seed(self.seed, f"tuner {self.name}", index=number))
        return Proposal(number, plain_vector(drawn, self.space))

    def take_up(self, proposal: Proposal) -> None:
        """Nothing: the draws do not depend on each other."""

    def learn(self, proposal: Proposal, outcome: Outcome) -> None:
        """Nothing."""


class QMC(OptunaTuner):
    """Walks along a scrambled Sobol sequence (Owen 1998), whatever was told.

    Proposal i of a study is point i of one sequence, so that 2^m proposals spread evenly over every coordinate,
    unordered choices included (Optuna's own draws the first trial at random). Trials from elsewhere take up no point.
    """

    name: ClassVar[str] = "qmc"
    summary: ClassVar[str] = "quasi-Monte Carlo: the points of a scrambled Sobol sequence"

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self._next = 0

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's QMC sampler at the next point."""
        from autorl.tuners._optuna_samplers import QMCSampler

        return QMCSampler(self.study.distributions, integer_seed(self.seed, f"tuner {self.name}"), self._next)

    def attributes(self, trial: FrozenTrial) -> dict[str, object]:
        """Which point it is; the next ask has the one after."""
        self._next += 1
        return {**super().attributes(trial), "point": self._next - 1}

    def restored(self, attributes: Mapping[str, object]) -> dict[str, object]:
        """Goes on after the point, if it is one of the sequence."""
        if isinstance(point := attributes.get("point"), int):
            self._next = point + 1
        return super().restored(attributes)


class ModelTuner(OptunaTuner):
    """A model of the losses, once enough trials ended; a subclass says which.

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
        n_startup_trials: Trials to finish before the first one that is not drawn at random, at least 1.

    Raises:
        InvalidInput: If `n_startup_trials` or the number of objectives is below 1.
    """

    uses_constraints: ClassVar[bool] = True

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Past its start after four trials."""
        return ({"n_startup_trials": 4},)

    def __init__(self, space: SearchSpace, objectives: int, seed: int, *, n_startup_trials: int = 10) -> None:
        super().__init__(space, objectives, seed)
        check_count(self.name, "n_startup_trials", n_startup_trials, 1)
        self.n_startup_trials = n_startup_trials


class TPE(ModelTuner):
    """Tree-structured Parzen estimator (Bergstra et al. 2011; several objectives: Ozaki et al. 2022).

    With one objective the estimator is joint over all coordinates (Falkner et al. 2018), with several it takes one
    coordinate at a time. Arguments as in `ModelTuner`.
    """

    name: ClassVar[str] = "tpe"
    summary: ClassVar[str] = "tree-structured Parzen estimator; one or several objectives"

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's TPE."""
        from autorl.tuners._optuna_samplers import TPESampler

        return TPESampler(self.study.distributions, self.objectives, self.n_startup_trials, self.ask_seed(number))


class GP(ModelTuner):
    """Bayesian optimisation with Gaussian processes, one per objective and constraint (Matern 5/2 kernel).

    One objective: log expected improvement (Ament et al. 2023); several: log expected hypervolume improvement (Daulton
    et al. 2020); pending trials are integrated over. All coordinates are modelled jointly, unordered choices by equal
    or not. Arguments as in `ModelTuner`.
    """

    name: ClassVar[str] = "gp"
    summary: ClassVar[str] = "Gaussian process; one or several objectives; a second or less a proposal"
    swift_until: ClassVar[int | None] = 500

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's Gaussian process."""
        from autorl.tuners._optuna_gp import GPSampler

        return GPSampler(self.study.distributions, self.n_startup_trials, self.ask_seed(number))
