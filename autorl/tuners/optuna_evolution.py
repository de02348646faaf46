"""`nsga2`, `nsga3` and `cmaes`: Optuna's evolutionary samplers, which advance by generations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners.optuna_base import OptunaTuner, check_count

if TYPE_CHECKING:
    from autorl.tuners._optuna import BaseSampler, FrozenTrial

__all__ = ["CMAES", "NSGA2", "NSGA3", "GeneticTuner"]


class GeneticTuner(OptunaTuner):
    """A genetic algorithm of Optuna's; a subclass says which.

    Children come by simulated binary crossover (Deb and Agrawal 1995; index 2, wider than the papers' 20 for budgets of
    a few generations) and polynomial mutation (Deb and Goyal 1996; index 20); labels cross uniformly and mutate by
    being drawn anew. Deviations, all Optuna's: tournaments by dominance alone, and a generation that ends when enough
    of its trials are told. Trials from elsewhere belong to the first generation. With constraints a feasible trial
    dominates an infeasible one (Deb 2000).

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
        population_size: Trials of a generation, at least 2. Within 60 to 100 trials 10 did better than 8, 12 and 16.

    Raises:
        InvalidInput: If `population_size` is below 2 or the number of objectives below 1.

    Attributes:
        generation_key: Optuna's system attribute of a trial: the sampler's class name, then the word.
    """

    uses_constraints: ClassVar[bool] = True
    generation_key: ClassVar[str]

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Several generations within a few trials."""
        return ({"population_size": 5},)

    def __init__(self, space: SearchSpace, objectives: int, seed: int, *, population_size: int = 10) -> None:
        super().__init__(space, objectives, seed)
        check_count(self.name, "population_size", population_size, 2)
        self.population_size = population_size
        self.parents: dict[int, tuple[int, ...]] = {}  # generation -> places

    def seeds(self, number: int) -> tuple[int, int]:
        """Those of one ask; mutation draws from a stream of its own."""
        return self.ask_seed(number), self.ask_seed(number, "mutation")

    def attributes(self, trial: FrozenTrial) -> dict[str, object]:
        """The generation, and its parents: which these are depends on what was told when the generation began."""
        generation = trial.system_attrs.get(self.generation_key, 0)
        return {**super().attributes(trial), "parents": list(self.parents.get(generation, ()))}

    def restored(self, attributes: Mapping[str, object]) -> dict[str, object]:
        """Takes up the parents; a trial without a generation joins the first, or it could never be a parent."""
        system = {self.generation_key: 0, **super().restored(attributes)}
        parents, generation = attributes.get("parents"), system[self.generation_key]
        if parents and isinstance(parents, Sequence) and isinstance(generation, int):
            self.parents.setdefault(generation, tuple(int(number) for number in parents))
        return system


class NSGA2(GeneticTuner):
    """Non-dominated sorting genetic algorithm II (Deb et al. 2002): survival by rank, then by crowding distance.

    Deviations and arguments as in `GeneticTuner`.
    """

    name: ClassVar[str] = "nsga2"
    summary: ClassVar[str] = "genetic algorithm by non-dominated rank and crowding; several objectives"
    generation_key: ClassVar[str] = "NSGAIISampler:generation"

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's NSGA-II."""
        from autorl.tuners._optuna_evolution import NSGAIISampler

        return NSGAIISampler(self.study.distributions, self.population_size, self.seeds(number), self.parents)


class NSGA3(GeneticTuner):
    """Non-dominated sorting genetic algorithm III (Deb and Jain 2014): survival by rank, then by reference points.

    The reference points are those of Das and Dennis (1998): the axes are divided as often as gives at most one point an
    individual, as the paper has it (Optuna divides them by 3). Other deviations and arguments as in `GeneticTuner`.
    """

    name: ClassVar[str] = "nsga3"
    summary: ClassVar[str] = "genetic algorithm by non-dominated rank and reference points; many objectives"
    generation_key: ClassVar[str] = "NSGAIIISampler:generation"

    @property
    def divisions(self) -> int:
        """Of each axis between the reference points: the most with at most `population_size` points, at least 1."""
        others = self.objectives - 1
        fitting = [p for p in range(2, self.population_size) if math.comb(p + others, others) <= self.population_size]
        return max(fitting, default=1)

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's NSGA-III."""
        from autorl.tuners._optuna_evolution import NSGAIIISampler

        return NSGAIIISampler(
            self.study.distributions, self.population_size, self.divisions, self.seeds(number), self.parents
        )


class CMAES(OptunaTuner):
    """Covariance matrix adaptation evolution strategy (Hansen 2016) over the unit cube, from its centre on.

    Numbers and ordered choices are adapted; unordered choices, which have no covariance, are drawn uniformly. The
    coordinates of inactive hyperparameters are adapted like all others, which only adds noise to them.

    Args:
        space: What to search.
        objectives: One.
        seed: The tuner's seed.
        population_size: Trials of a generation, at least 4; None for 4 + floor(3 ln dimensions).

    Raises:
        InvalidInput: If `population_size` is below 4, there are several objectives, or the space has nothing but
            unordered choices.
    """

    name: ClassVar[str] = "cmaes"
    summary: ClassVar[str] = "covariance matrix adaptation; one objective; unordered choices at random"
    most_objectives: ClassVar[int | None] = 1
    instead: ClassVar[str] = "'tpe', 'gp' or 'nsga2'"

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Several generations within a few trials."""
        return ({"population_size": 4},)

    def __init__(self, space: SearchSpace, objectives: int, seed: int, *, population_size: int | None = None) -> None:
        super().__init__(space, objectives, seed)
        kinds = {coordinate.kind for coordinate in space.coordinates}
        if kinds == {"label"}:
            raise InvalidInput(
                f"tuner 'cmaes': the space {list(space.names)} has nothing but unordered choices, which have no "
                f"covariance to adapt; take 'tpe' or 'gp'"
            )
        if population_size is not None:
            check_count(self.name, "population_size", population_size, 4)
        self.population_size = population_size
        self._memory: dict[int, Any] = {}

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's CMA-ES; unordered choices draw from a stream of their own."""
        from autorl.tuners._optuna_evolution import CmaEsSampler

        seeds = self.ask_seed(number), self.ask_seed(number, "labels")
        return CmaEsSampler(self.study.distributions, self.population_size, seeds, self._memory)
