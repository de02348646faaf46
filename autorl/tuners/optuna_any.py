"""`optuna`: any sampler of Optuna's, by import path or handed over in Python."""

from __future__ import annotations

import copy
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from autorl.errors import InvalidInput, UnknownName
from autorl.registry import load_attribute
from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners.objects import HANDED_OVER, TakesObjects
from autorl.tuners.optuna_base import OptunaTuner

if TYPE_CHECKING:
    from autorl.tuners._optuna import BaseSampler, FrozenTrial

__all__ = ["AnyOptuna"]


class AnyOptuna(OptunaTuner, TakesObjects):
    """Asks a sampler of one's own choice: of Optuna, OptunaHub or one's own.

    The sampler sees every number as a unit value in [0, 1], every ordered choice as its index and every unordered one
    as a label, under the hyperparameter's name. For each ask it is copied as it was handed over and seeded from (tuner
    seed, ask index), so that it works from the study it is shown and not from what it remembers of earlier asks; what
    it stores in the study or in a trial comes back after a resume. A sampler that draws from a global generator, or
    keeps in itself what it was told, does not fit behind the tuners' seam.

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
        sampler: `module:attribute` of a class or an instance, such as "optuna.samplers:CmaEsSampler"; or, in Python,
            the class or the instance itself.
        options: Keyword arguments for a class.

    Raises:
        InvalidInput: If it is no sampler, was handed over in another process, ends studies by itself, or cannot
            propose for the space and the objectives, with the reason.
        UnknownName: If an option is unknown.
    """

    name: ClassVar[str] = "optuna"
    summary: ClassVar[str] = "any sampler of Optuna, by import path or from Python"
    uses_constraints: ClassVar[bool] = True

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Past the start of one after four trials."""
        return ({"sampler": "optuna.samplers:TPESampler", "options": {"n_startup_trials": 4}},)

    @classmethod
    def option_for(cls, value: object) -> str | None:
        """The option `sampler`, for a sampler; whoever holds one has loaded Optuna."""
        if "optuna" not in sys.modules:
            return None
        from autorl.tuners._optuna import BaseSampler

        is_one = isinstance(value, BaseSampler) or (isinstance(value, type) and issubclass(value, BaseSampler))
        return "sampler" if is_one else None

    def __init__(
        self,
        space: SearchSpace,
        objectives: int,
        seed: int,
        *,
        sampler: object,
        options: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(space, objectives, seed)
        self._pattern = copy.deepcopy(_made(sampler, {} if options is None else options))
        self._memories: dict[str, dict[int, Any]] = {}
        self._stored: dict[str, object] = {}
        self._refuse_unfit()
        self.uses_constraints = self._heeds_constraints()  # type: ignore[misc]  # it depends on the sampler

    def sampler(self, number: int) -> BaseSampler:
        """A copy of the sampler as it was handed over, seeded for one ask."""
        return self._seeded(number, "")

    def observer(self, number: int) -> BaseSampler:
        """Likewise, with a stream of its own."""
        return self._seeded(number, "told")

    def attributes(self, trial: FrozenTrial) -> dict[str, object]:
        """Also what the sampler stored in the study."""
        stored = {key: value for key, value in self.study.attributes.items() if self._stored.get(key) != value}
        self._stored |= stored
        return {**super().attributes(trial), "study": stored}

    def restored(self, attributes: Mapping[str, object]) -> dict[str, object]:
        """Takes up what the study held; a trial from elsewhere joins the first generation of a genetic sampler."""
        from autorl.tuners._optuna import BaseGASampler
        from autorl.tuners._optuna_seeding import samplers_in

        stored = attributes.get("study", {})
        if not isinstance(stored, Mapping):
            raise InvalidInput(f"tuner 'optuna': the attribute 'study' is {stored!r}; it must be a mapping")
        self.study.set_attributes(stored)
        self._stored |= stored
        genetic = [one for _, one in samplers_in(self._pattern) if isinstance(one, BaseGASampler)]
        return {**{one._get_generation_key(): 0 for one in genetic}, **super().restored(attributes)}

    def _heeds_constraints(self) -> bool:
        """CMA-ES warns where it is told of them; others that do not use them say nothing."""
        from autorl.tuners._optuna import CmaEsSampler
        from autorl.tuners._optuna_seeding import samplers_in

        return not any(isinstance(one, CmaEsSampler) for _, one in samplers_in(self._pattern))

    def _seeded(self, number: int, use: str) -> BaseSampler:
        from autorl.tuners._optuna_seeding import make_exact, samplers_in, seed_all

        sampler = copy.deepcopy(self._pattern)
        seed_all(
            sampler,
            fixed=lambda path: integer_seed(self.seed, f"tuner optuna {path}"),
            fresh=lambda path: self.ask_seed(number, f"{use}{path}"),
        )
        for path, one in samplers_in(sampler):
            make_exact(one, self._memories.setdefault(path, {}))
        return sampler

    def _refuse_unfit(self) -> None:
        """Refuses, before anything is trained, what would end the study or cannot propose.

        The second shows on a study to try it out on: two asks bring most samplers past their first trial.
        """
        from autorl.tuners._optuna import BruteForceSampler, GridSampler, OptunaStudy
        from autorl.tuners._optuna_seeding import samplers_in

        for _, one in samplers_in(self._pattern):
            if isinstance(one, (BruteForceSampler, GridSampler)):
                raise InvalidInput(
                    f"tuner 'optuna': {type(one).__name__} ends a study by itself, which it can do in Optuna's own "
                    f"loop only; take the tuner 'grid'"
                )
        scratch = OptunaStudy(self.space, self.objectives)
        try:
            for number in range(2):
                trial = scratch.ask(self.sampler(number))
                json.dumps(trial.system_attrs)
                scratch.tell(number, [float(number)] * self.objectives, sampler=self.observer(number))
        except Exception as error:  # the sampler's own, whatever it is
            raise InvalidInput(
                f"tuner 'optuna': {type(self._pattern).__name__} cannot propose for {len(self.space.names)} "
                f"hyperparameter(s) and {self.objectives} objective(s): {error}"
            ) from error
        self._memories.clear()


def _made(source: object, options: Mapping[str, object]) -> BaseSampler:
    """The sampler that an entry stands for."""
    from autorl.tuners._optuna import BaseSampler

    found = _found(source) if isinstance(source, str) else source
    if isinstance(found, type) and issubclass(found, BaseSampler):
        known = inspect.signature(found).parameters
        for option in options:
            if option not in known or option == "seed":
                raise UnknownName(f"option of {found.__name__}", option, [name for name in known if name != "seed"])
        seed = {"seed": 0} if "seed" in known else {}  # left out, some draw one from the system; every ask seeds anew
        try:
            return found(**{**seed, **options})
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"tuner 'optuna': {found.__name__} refuses {dict(options)}: {error}") from error
    if not isinstance(found, BaseSampler):
        raise InvalidInput(f"tuner 'optuna': sampler {source!r} is no sampler of Optuna's, nor a class of one")
    if options:
        raise InvalidInput(
            f"tuner 'optuna': the options {dict(options)} go with a class, and {source!r} is an instance"
        )
    return found


def _found(source: str) -> object:
    module, _, attribute = source.partition(":")
    there = module != "__main__" or hasattr(sys.modules["__main__"], attribute.partition(".")[0])
    if source.startswith(HANDED_OVER) or not there:
        raise InvalidInput(
            f"tuner 'optuna': sampler {source!r} was handed over from a script or a notebook; go on from that script "
            f"with the same call"
        )
    if not attribute:
        raise InvalidInput(f"tuner 'optuna': sampler {source!r} is no `module:attribute`")
    return load_attribute("sampler", source)
