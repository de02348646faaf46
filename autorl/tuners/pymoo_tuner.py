"""`pymoo`: the genetic algorithms of pymoo on mixed variables, behind the tuner's seam.

pymoo holds state and takes whole generations; told a part of one, it goes on with a smaller population without a word.
So a generation ends here when at least as many trials are told as it should have, whichever they are, and which they
were travels with every proposal of the next one. From these lists a restored tuner ends the same generations again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from autorl.errors import InvalidInput
from autorl.seeds import stream
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal
from autorl.tuners.checked import CheckedTuner
from autorl.tuners.vectors import plain_vector

if TYPE_CHECKING:
    from autorl.tuners._pymoo import Member

__all__ = ["Pymoo"]

ALGORITHMS_SHOWN = ("NSGA2", "SMSEMOA", "NSGA3")


class Pymoo(CheckedTuner):
    """An algorithm of pymoo's (Blank and Deb 2020) with its operators for mixed variables.

    The first `population_size` trials are drawn at random. After that, `n_offsprings` children at a time are bred from
    the survivors, and the generation ends when that many trials have been told since the last one ended; trials from
    elsewhere count like any other. Asks beyond the generation get further children of the same survivors.

    Deviations from pymoo: a generation may hold more than `n_offsprings` trials, so that none is lost; and crossover
    and mutation take wider steps, for budgets of tens of trials.

    Args:
        space: What to search.
        objectives: Number of losses; with one, every algorithm for several ranks by the loss, as pymoo's `GA` does.
        seed: The tuner's seed.
        algorithm: The class name of a genetic algorithm in `pymoo.algorithms`.
        population_size: Trials of the first generation, and survivors of every later one; at least 2.
        n_offsprings: Trials of a later generation, at least 1; half of `population_size` unless given.
        options: Further arguments of the algorithm's constructor.

    Raises:
        UnknownName: If there is no such algorithm or option.
        InvalidInput: If an option has a wrong value, or the algorithm cannot search the space, with the reason.
    """

    name: ClassVar[str] = "pymoo"
    summary: ClassVar[str] = (
        "genetic algorithms of pymoo (NSGA2, SMSEMOA, SPEA2, AGEMOEA, ...); one or several objectives"
    )
    uses_constraints: ClassVar[bool] = True

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Several generations within a few trials."""
        return [{"algorithm": one, "population_size": 5, "n_offsprings": 3} for one in ALGORITHMS_SHOWN]

    def __init__(
        self,
        space: SearchSpace,
        objectives: int,
        seed: int,
        *,
        algorithm: str = "NSGA2",
        population_size: int = 8,
        n_offsprings: int | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        if population_size < 2:
            raise InvalidInput(f"tuner 'pymoo': population_size is {population_size}; at least 2 are needed")
        children: object = population_size // 2 if n_offsprings is None else n_offsprings
        if not isinstance(children, int) or isinstance(children, bool) or children < 1:
            raise InvalidInput(f"tuner 'pymoo': n_offsprings is {n_offsprings!r}; it must be a whole number from 1")
        given: object = {} if options is None else options  # from a file, whatever the annotation says
        if not isinstance(given, Mapping):
            raise InvalidInput(f"tuner 'pymoo': options is {options!r}; it must map names to values")
        super().__init__(space, objectives, seed)
        from autorl.tuners._pymoo import Evolution

        self._evolution = Evolution(space, objectives, algorithm, population_size, children, given)
        self._sizes = population_size, children
        self._told: dict[int, Member] = {}  # by trial number, of no ended generation yet
        self._ended: list[tuple[int, ...]] = []  # the members of each generation that was ended
        self._evolved = 0  # generations the algorithm was told
        self._places = [0]  # proposals of each generation so far
        self._bred: dict[int, list[dict[str, object]]] = {}  # batch -> children, of the current generation

    @property
    def _size(self) -> int:
        return self._sizes[0] if not self._ended else self._sizes[1]

    def propose(self, number: int) -> Proposal:
        """The next child of the current generation, after ending the one before if it is due."""
        self._evolve()
        if len(self._told) >= self._size:
            self._end(tuple(sorted(self._told)))
            self._evolve()
        batch, place = divmod(self._places[-1], self._size)
        if batch not in self._bred:
            self._bred[batch] = self._evolution.breed(self._generator("mating", str(batch)))
        children = self._bred[batch]
        drawn = children[place] if place < len(children) else self._evolution.draw(self._generator("draw", str(number)))
        attributes = {"generation": len(self._ended), "members": list(self._ended[-1]) if self._ended else []}
        return Proposal(number, plain_vector(drawn, self.space), attributes)

    def take_up(self, proposal: Proposal) -> None:
        """Notes the generation; a restored proposal may be the first of a new one, which ends the one before.

        Raises:
            InvalidInput: If the attributes are not those of the current generation or the next one.
        """
        if not proposal.attributes:
            return
        generation, members = proposal.attributes.get("generation"), proposal.attributes.get("members")
        fits = generation in (len(self._ended), len(self._ended) + 1)
        if not fits or not isinstance(members, Sequence) or not all(isinstance(one, int) for one in members):
            raise InvalidInput(
                f"tuner 'pymoo': trial {proposal.number} has the attributes {dict(proposal.attributes)!r}; they must "
                f"name its generation, {len(self._ended)} or the next, and the members of the one before"
            )
        if generation == len(self._ended) + 1:
            self._end(tuple(members))
        self._places[-1] += 1

    def learn(self, proposal: Proposal, outcome: Outcome) -> None:
        """Keeps the trial for the end of the generation."""
        from autorl.tuners._pymoo import Member

        self._told[proposal.number] = Member(proposal.vector, outcome.losses, outcome.violations)

    def _end(self, members: tuple[int, ...]) -> None:
        self._ended.append(members)
        self._places.append(0)
        self._bred.clear()

    def _evolve(self) -> None:
        """Tells the algorithm the generations that ended, once their members are told."""
        while self._evolved < len(self._ended):
            members = self._ended[self._evolved]
            missing = [number for number in members if number not in self._told]
            if missing:
                raise InvalidInput(
                    f"tuner 'pymoo': generation {self._evolved} ended with trial {missing[0]}, which is not told"
                )
            generator = stream(self.seed, "tuner pymoo survival", index=self._evolved)
            self._evolution.end_generation([self._told.pop(number) for number in members], generator)
            self._evolved += 1

    def _generator(self, use: str, lineage: str) -> np.random.Generator:
        return stream(self.seed, f"tuner pymoo {use}", lineage=lineage, index=len(self._ended))
