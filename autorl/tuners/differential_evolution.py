"""`de`: differential evolution, the proposer of DEHB.

Every trial has a position in the unit cube. A number is its own position; an ordered choice of k takes the index
floor(u k) of its position u and an unordered one the label with that index, as in DEHB. The positions of choices travel
in `Proposal.attributes`, since the vector shows only the cell they lie in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from autorl.errors import InvalidInput
from autorl.pareto import crowding_distance, non_dominated_ranks
from autorl.records import FloatArray
from autorl.seeds import stream
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal, Vector
from autorl.tuners.checked import CheckedTuner

__all__ = ["DifferentialEvolution"]

FEWEST_MEMBERS = 4
"""A target and three others to build its mutant from."""


@dataclass(frozen=True)
class _Member:
    """A trial of the population: position of shape (coordinates,), losses, and the sum of its broken constraints."""

    position: FloatArray
    losses: tuple[float, ...]
    violation: float

    def no_worse(self, other: _Member) -> bool:
        """Deb's rule: less violation is better, without any the losses decide, which must be nowhere above."""
        if self.violation or other.violation:
            return self.violation <= other.violation
        return all(mine <= its for mine, its in zip(self.losses, other.losses, strict=True))


class DifferentialEvolution(CheckedTuner):
    """Differential evolution, rand/1/bin (Storn and Price 1997), as DEHB takes it (Awad, Mallik and Hutter 2021).

    A population of `population_size` slots is filled by the first trials told. After that every ask has the next slot
    as its target. Three other members a, b, c, drawn at random, give the mutant a + `mutation_factor` (b - c); a
    coordinate outside [0, 1] is drawn anew. The child takes each coordinate of the mutant with `crossover_probability`,
    at least one, and the rest of the target. Once told, it takes the slot of its target if it is not worse.

    With several objectives, a is drawn from the best non-dominated front there is beside the target (PDE, Abbass,
    Sarker and Newton 2001) and b ranks no lower than c (directed differences, Feoktistov and Janaqi 2004); a child that
    neither beats its target nor is beaten by it joins the population, which then loses its worst member, the last by
    rank and crowding (GDE3, Kukkonen and Lampinen 2005; one child at a time as in DEMO, Robic and Filipic 2005).
    Constraints come before losses, by the sum of what is broken (Deb 2000); GDE3 compares them one by one.

    Deviations from DEHB: there is one population, not one for each rung, and children are told in any order. A trial
    without a target (drawn before the population was full, or from elsewhere) joins and the worst member leaves.

    With one objective only the order of the losses matters, so that ranks may be told in their place.

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
        population_size: Slots, at least 4.
        mutation_factor: How far a mutant moves along a difference of two members, above 0 and at most 2.
        crossover_probability: How much of the mutant a child takes, in [0, 1].

    Raises:
        InvalidInput: If an option lies outside its range, or the number of objectives is below 1.
    """

    name: ClassVar[str] = "de"
    summary: ClassVar[str] = "differential evolution, the proposer of DEHB; one or several objectives"
    uses_constraints: ClassVar[bool] = True

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Children within a few trials."""
        return ({"population_size": 4},)

    def __init__(
        self,
        space: SearchSpace,
        objectives: int,
        seed: int,
        *,
        population_size: int = 8,
        mutation_factor: float = 0.5,
        crossover_probability: float = 0.5,
    ) -> None:
        for option, value, fits, rule in (
            ("population_size", population_size, population_size >= FEWEST_MEMBERS, f"be at least {FEWEST_MEMBERS}"),
            ("mutation_factor", mutation_factor, 0 < mutation_factor <= 2, "lie above 0 and be at most 2"),
            ("crossover_probability", crossover_probability, 0 <= crossover_probability <= 1, "lie in [0, 1]"),
        ):
            if not fits:
                raise InvalidInput(f"tuner 'de': {option} is {value}; it must {rule}")
        super().__init__(space, objectives, seed)
        self.population_size, self.mutation_factor = population_size, mutation_factor
        self.crossover_probability = crossover_probability
        self._population: list[_Member] = []  # slot -> member
        self._targets = 0  # how many asks had one
        self._made: dict[int, tuple[FloatArray, int | None]] = {}  # pending trial -> position and target

    def propose(self, number: int) -> Proposal:
        """A child for the next slot, or a random draw while the population is not full."""
        generator = stream(self.seed, "tuner de", index=number)
        target = self._targets % self.population_size if len(self._population) == self.population_size else None
        position = generator.random(len(self.space.coordinates)) if target is None else self._child(target, generator)
        vector: dict[str, float | int | str] = {}
        choices: dict[str, float] = {}
        for one, unit in zip(self.space.coordinates, map(float, position), strict=True):
            if one.kind == "unit":
                vector[one.name] = unit
            else:
                index = min(int(unit * one.size), one.size - 1)  # the last cell is closed
                vector[one.name] = one.labels[index] if one.kind == "label" else index
                choices[one.name] = unit
        return Proposal(number, vector, {"target": target, "position": choices})

    def take_up(self, proposal: Proposal) -> None:
        """Notes where the trial lies and whom it is to replace.

        Raises:
            InvalidInput: If the target is no slot, or a choice's position no unit value.
        """
        target, choices = proposal.attributes.get("target"), proposal.attributes.get("position", {})
        where = f"tuner 'de': trial {proposal.number}"
        if target is not None and not (isinstance(target, int) and 0 <= target < self.population_size):
            raise InvalidInput(f"{where} has the target {target!r}; it must be a slot in [0, {self.population_size})")
        if not isinstance(choices, Mapping) or not all(isinstance(u, float) and 0 <= u <= 1 for u in choices.values()):
            raise InvalidInput(f"{where} has the position {choices!r}; it must map choices to numbers in [0, 1]")
        self._targets += target is not None
        self._made[proposal.number] = self._position(proposal.vector, choices), target

    def learn(self, proposal: Proposal, outcome: Outcome) -> None:
        """Fills the population, or selects."""
        position, target = self._made.pop(proposal.number)
        child = _Member(position, outcome.losses, sum(max(0.0, one) for one in outcome.violations))
        if len(self._population) < self.population_size:
            self._population.append(child)
        elif target is None:
            self._join(child)
        elif child.no_worse(self._population[target]):
            self._population[target] = child
        elif not self._population[target].no_worse(child):
            self._join(child)

    def _child(self, target: int, generator: np.random.Generator) -> FloatArray:
        base, first, second = (self._population[slot].position for slot in self._parents(target, generator))
        mutant = base + self.mutation_factor * (first - second)
        drawn = generator.random(mutant.shape)
        mutant = np.where((mutant < 0) | (mutant > 1), drawn, mutant)
        taken = generator.random(mutant.shape) < self.crossover_probability
        if taken.size:
            taken[generator.integers(taken.size)] = True
        child: FloatArray = np.where(taken, mutant, self._population[target].position)
        return child

    def _parents(self, target: int, generator: np.random.Generator) -> list[int]:
        """Slots of a base and of two members whose difference, the first minus the second, is added to it."""
        others = [int(slot) for slot in generator.permutation(self.population_size) if slot != target]
        if self.objectives > 1:
            ranks = _ranks(self._population)
            base = min(others, key=lambda slot: ranks[slot])  # the first such, so one drawn at random
            others.remove(base)
            return [base, *sorted(others[:2], key=lambda slot: ranks[slot])]
        return others[:3]

    def _join(self, child: _Member) -> None:
        """Puts the child in the slot of the worst member, unless it is the worst itself."""
        worst = _worst([*self._population, child])
        if worst < self.population_size:
            self._population[worst] = child

    def _position(self, vector: Vector, choices: Mapping[str, float]) -> FloatArray:
        """Where a vector lies; a choice that came without its position, in the centre of its cell."""
        position = []
        for one in self.space.coordinates:
            value = vector[one.name]
            if one.kind == "unit":
                position.append(float(value))
            else:
                index = one.labels.index(str(value)) if one.kind == "label" else int(value)
                position.append(choices.get(one.name, (index + 0.5) / one.size))
        return np.array(position, dtype=np.float64)


def _ranks(members: Sequence[_Member]) -> npt.NDArray[np.int64]:
    """Non-dominated ranks of the feasible members; the others behind them, by violation."""
    violations = np.array([member.violation for member in members])
    ranks = np.unique(violations, return_inverse=True)[1] + len(members)
    feasible = violations == 0
    ranks[feasible] = non_dominated_ranks([member.losses for member in members if not member.violation])
    return ranks


def _worst(members: Sequence[_Member]) -> int:
    """The most crowded member of the last rank, the first among equals."""
    ranks = _ranks(members)
    last = [place for place, rank in enumerate(ranks) if rank == ranks.max()]
    return last[int(np.argmin(crowding_distance([members[place].losses for place in last])))]
