"""`smac`, `smac_gp` and `smac_parego`: Bayesian optimisation with SMAC's models (Lindauer et al. 2022).

The first trials are points of a scrambled Sobol sequence, SMAC's initial design; the others come from a model fitted
to everything told. Nothing is remembered but the trials themselves: SMAC's parts are seeded and fitted anew for every
proposal, from (tuner seed, ask index), in a process of their own (`_smac_process.py`). What of SMAC is used, and how a
proposal deviates from its facades, stands in `_smac.py`. Of SMAC's run there is nothing: no number of trials that sizes
the design, no seeds of its making, no list of incumbents, no files.

A failure is told with its penalty. To ParEGO it does not count for the range that the losses are scaled by. Pending
trials are no longer proposed and stand in the data with the mean loss, so that a batch is spread ("constant liar",
Ginsbourger et al. 2010).
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from typing import ClassVar

from autorl.checks import check_whole
from autorl.errors import InvalidInput
from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners._smac_process import shared_process
from autorl.tuners.base import Outcome, Proposal, Tuner, Vector
from autorl.tuners.vectors import checked_vector

__all__ = ["SMAC", "SMACGP", "SMACParEGO", "SmacTuner"]

TRIES = 16
"""Points of the Sobol sequence looked at for one that is new."""


class SmacTuner(Tuner):
    """A tuner that asks one of SMAC's models; a subclass says which.

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
        n_initial: Trials to be told before the first that the model proposes, at least 1; those brought from elsewhere
            count. SMAC's own facades take 8 or 10 for each hyperparameter but at most a quarter of the trials, so that
            a study that is extended would have begun otherwise.

    Raises:
        InvalidInput: If `n_initial` is below 1, or the tuner does not take the number of objectives.
    """

    model: ClassVar[str]

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """The model proposes after four trials."""
        return ({"n_initial": 4},)

    def __init__(self, space: SearchSpace, objectives: int, seed: int, *, n_initial: int = 10) -> None:
        super().__init__(space, objectives, seed)
        check_whole(f"tuner {self.name!r}: n_initial", n_initial, 1)
        self.n_initial = n_initial
        # What can vary: a coordinate with one value has that one.
        self._open = [one for one in space.coordinates if one.kind == "unit" or _values(one.size, one.labels) > 1]
        self._sizes = [0 if one.kind == "unit" else _values(one.size, one.labels) for one in self._open]
        self._positions: dict[int, list[float]] = {}  # by trial number; labels by their place
        self._told: dict[int, Outcome] = {}
        self._hold: weakref.finalize[[], object] | None = None

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        """As the seam says; within a call, the earlier proposals are pending to the later ones.

        Raises:
            InvalidInput: If a number does not lie beyond all seen.
            AutorlError: If SMAC fails.
        """
        proposals = []
        for number in numbers:
            self._check_number(number)
            if not self._open:
                self._positions[number] = []
            elif len(self._told) < self.n_initial:
                self._positions[number] = self._initial(number)
            else:
                self._positions[number] = self._modelled(number)
            proposals.append(Proposal(number, self._vector(self._positions[number])))
        return proposals

    def accept(self, proposal: Proposal) -> None:
        """As the seam says.

        Raises:
            InvalidInput: If the number does not lie beyond all seen, or the vector does not fit the space.
        """
        self._check_number(proposal.number)
        vector = checked_vector(proposal.vector, self.space, f"tuner {self.name!r}: trial {proposal.number}")
        self._positions[proposal.number] = [
            one.labels.index(str(vector[one.name])) if one.kind == "label" else vector[one.name]  # type: ignore[misc]  # no label, so a number
            for one in self._open
        ]

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """As the seam says; violations are not looked at.

        Raises:
            InvalidInput: If a trial is not pending, or its losses are not finite or not as many as the objectives.
        """
        for outcome in outcomes:
            where = f"tuner {self.name!r}: trial {outcome.number}"
            if outcome.number not in self._positions or outcome.number in self._told:
                raise InvalidInput(f"{where} is told but is not pending")
            if len(outcome.losses) != self.objectives or not all(map(math.isfinite, outcome.losses)):
                raise InvalidInput(
                    f"{where} has the losses {outcome.losses}; {self.objectives} finite number(s) are needed"
                )
            self._told[outcome.number] = outcome

    def close(self) -> None:
        """Lets go of the process, which ends soon after the last tuner did."""
        if self._hold is not None:
            self._hold()

    def _initial(self, number: int) -> list[float]:
        """The point of the Sobol sequence with the trial's number, or the next that is new."""
        from scipy.stats.qmc import Sobol

        sequence = Sobol(len(self._open), rng=integer_seed(self.seed, f"tuner {self.name} initial design"))
        if number:
            sequence.fast_forward(number)
        points = [
            [int(unit * size) if size else unit for unit, size in zip(point, self._sizes, strict=True)]
            for point in sequence.random(TRIES).tolist()
        ]
        seen = list(self._positions.values())
        return next((point for point in points if point not in seen), points[0])

    def _modelled(self, number: int) -> list[float]:
        process = shared_process()
        if self._hold is None:
            self._hold = process.hold(self)
        told = [self._told[one] for one in sorted(self._told)]
        request: dict[str, object] = {
            "model": self.model,
            "kinds": [one.kind for one in self._open],
            "sizes": self._sizes,
            "told": [self._positions[one.number] for one in told],
            "losses": [one.losses for one in told],
            "complete": [one.complete for one in told],
            "pending": [one for other, one in sorted(self._positions.items()) if other not in self._told],
            "seeds": {
                part: integer_seed(self.seed, f"tuner {self.name} {part}", index=number)
                for part in ("model", "weights", "interleaving", "search")
            },
        }
        return process.ask(request, f"tuner {self.name!r}: trial {number}")

    def _vector(self, positions: Sequence[float]) -> Vector:
        chosen = dict(zip((one.name for one in self._open), positions, strict=True))
        vector: dict[str, float | int | str] = {}
        for one in self.space.coordinates:
            position = chosen.get(one.name, 0)
            vector[one.name] = one.labels[int(position)] if one.kind == "label" else position
        return vector

    def _check_number(self, number: int) -> None:
        last = next(reversed(self._positions), -1)
        if number <= last:
            raise InvalidInput(f"tuner {self.name!r}: trial {number} comes after trial {last}; numbers must increase")


def _values(size: int, labels: Sequence[str]) -> int:
    return len(labels) or size


class SMAC(SmacTuner):
    """SMAC's random forest on log-scaled losses, with expected improvement (Hutter, Hoos and Leyton-Brown 2011).

    Every fifth trial or so is drawn at random.
    """

    name: ClassVar[str] = "smac"
    summary: ClassVar[str] = "SMAC: random forest with expected improvement; one objective"
    most_objectives: ClassVar[int | None] = 1
    instead: ClassVar[str] = "'smac_parego' for several objectives"
    model: ClassVar[str] = "forest"


class SMACGP(SmacTuner):
    """SMAC's Gaussian process (Matern 5/2, labels by equal or not) with expected improvement (Jones et al. 1998).

    Every twelfth trial or so is drawn at random.
    """

    name: ClassVar[str] = "smac_gp"
    summary: ClassVar[str] = "SMAC: Gaussian process with expected improvement; one objective"
    most_objectives: ClassVar[int | None] = 1
    instead: ClassVar[str] = "'smac_parego' for several objectives"
    model: ClassVar[str] = "gaussian"


class SMACParEGO(SmacTuner):
    """SMAC's random forest with ParEGO: every trial weighs the objectives at random (Knowles 2006).

    Every fifth trial or so is drawn at random.
    """

    name: ClassVar[str] = "smac_parego"
    summary: ClassVar[str] = "SMAC: random forest and random weights (ParEGO); several objectives"
    least_objectives: ClassVar[int] = 2
    instead: ClassVar[str] = "'smac'"
    model: ClassVar[str] = "forest"
