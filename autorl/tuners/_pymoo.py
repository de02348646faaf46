"""pymoo behind a few calls: the one file that imports it. Its modules load when a tuner of pymoo's is first built.

Four habits of the library are dealt with here. Constructors take misspelt options without a word. Default arguments
hold state: every SPEA2 of a process shares one survival. NSGA-III breaks the tie between two infeasible parents from
the system's entropy. And the first algorithm of a process may print advice on compiling.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pymoo.algorithms.moo
import pymoo.algorithms.soo.nonconvex
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.config import Config
from pymoo.core.algorithm import Algorithm, LoopwiseAlgorithm
from pymoo.core.mixed import MixedVariableDuplicateElimination, MixedVariableMating, MixedVariableSampling
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.core.variable import Choice, Integer, Real
from pymoo.functions import FunctionLoader
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.mutation.rm import ChoiceRandomMutation
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.selection.rnd import RandomSelection
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.util.ref_dirs import get_reference_directions

from autorl.errors import InvalidInput, UnknownName
from autorl.space import SearchSpace

__all__ = ["Evolution", "Member"]

PACKAGES = (pymoo.algorithms.moo, pymoo.algorithms.soo.nonconvex)
SET_HERE = (
    *("pop_size", "n_offsprings", "sampling", "selection", "crossover", "mutation", "mating", "survival", "repair"),
    *("eliminate_duplicates", "advance_after_initial_infill", "seed", "termination", "output", "display", "callback"),
    *("archive", "evaluator", "save_history", "return_least_infeasible", "verbose"),
)
"""Arguments of pymoo's constructors that are given by the tuner, or mean nothing to ask and tell."""
ASKS_A_PERSON = ("PINSGA2",)
"""Algorithms that stop at the terminal, after some generations, to ask which of two solutions is better."""
CROSSOVER = {"eta": 5, "prob": 0.9, "prob_var": 0.9}
MUTATION = {"eta": 5, "prob": 0.9}
"""Wider steps than pymoo's (15, .9 and .5; 20 and .9), which suit thousands of evaluations. After 60 trials of ZDT1 in
4, 7 (mixed) and 10 dimensions, NSGA2 and SMSEMOA beat random draws in 103 of 120 pairs with these, in 82 with those."""
MATING_ROUNDS = 5
"""How often mating is tried to find children unlike their parents; a small discrete space may have none left."""


@dataclass(frozen=True)
class Member:
    """A trial as a generation takes it in.

    Attributes:
        vector: Over all coordinates of the space.
        losses: Finite, minimised.
        violations: Per constraint, 0 or below if it holds; empty without constraints.
    """

    vector: Mapping[str, float | int | str]
    losses: tuple[float, ...]
    violations: tuple[float, ...] = ()


class Evolution:
    """One algorithm of pymoo's, a generation at a time; every random number comes from a generator handed in.

    Args:
        space: What to search; a coordinate with a single value is left out of the evolution.
        objectives: Number of losses.
        name: The class name of the algorithm. With one objective every algorithm for several is `GA`: there is nothing
            to trade, and not all of pymoo's take one.
        population_size: Trials of the first generation, and survivors of every later one.
        n_offsprings: Trials of a later generation.
        options: Further arguments of the algorithm's constructor; lists become arrays.

    Raises:
        UnknownName: If there is no such algorithm or option.
        InvalidInput: If an option is not the user's to give or is missing, or the algorithm cannot work here.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: int,
        name: str,
        population_size: int,
        n_offsprings: int,
        options: Mapping[str, object],
    ) -> None:
        self._variables = _variables(space)
        self._fixed = {one.name: one.labels[0] if one.labels else 0 for one in space.coordinates if one.size == 1}
        class_, for_several = _algorithm_class(name)
        if objectives > 1 and not for_several:
            raise InvalidInput(f"the number of objectives is {objectives}; algorithm {name!r} of pymoo takes one")
        if objectives == 1 and for_several:
            class_ = GA
        sizes = {"pop_size": population_size, "n_offsprings": n_offsprings}
        arguments = sizes | _checked_options(class_, options, objectives, population_size)

        def begin() -> Any:
            return _begun(class_, arguments, Problem(vars=self._variables, n_obj=objectives))

        if self._variables:
            _try_out(begin, name, objectives)
        self._algorithm = begin()

    def breed(self, generator: np.random.Generator) -> list[dict[str, object]]:
        """Children of the survivors, or a first generation, in pymoo's types; fewer than usual if few are left."""
        if not self._variables:
            return []
        return [dict(child.X) | self._fixed for child in _bred(self._algorithm, generator)]

    def draw(self, generator: np.random.Generator) -> dict[str, object]:
        """A vector drawn at random, in pymoo's types."""
        drawn = {name: one.sample(random_state=generator) for name, one in self._variables.items()}
        return drawn | self._fixed

    def end_generation(self, members: Sequence[Member], generator: np.random.Generator) -> None:
        """Lets the members compete with the survivors."""
        if self._variables:
            _advance(self._algorithm, members, generator)


def _variables(space: SearchSpace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in space.coordinates:
        if one.kind == "unit":
            found[one.name] = Real(bounds=(0.0, 1.0))
        elif one.size > 1:
            labels = one.kind == "label"
            found[one.name] = Choice(options=list(one.labels)) if labels else Integer(bounds=(0, one.size - 1))
    return found


@functools.cache
def _classes() -> dict[str, tuple[str, str]]:
    """Class name -> module and bases, of every algorithm's module; read, since importing all takes seconds."""
    found: dict[str, tuple[str, str]] = {}
    for package in PACKAGES:
        for file in sorted(Path(package.__path__[0]).glob("*.py")):
            found |= {
                name: (f"{package.__name__}.{file.stem}", bases)
                for name, bases in re.findall(r"(?m)^class (\w+)\(([^)]*)\)", file.read_text())
            }
    return found


def _evolves(name: str) -> bool:
    """Whether a class descends from pymoo's genetic algorithm."""
    bases = re.findall(r"\w+", _classes().get(name, ("", ""))[1])
    return any(base == GeneticAlgorithm.__name__ or _evolves(base) for base in bases)


def _algorithm_class(name: str) -> tuple[type, bool]:
    """A genetic algorithm, and whether it is one for several objectives."""
    known = [one for one in _classes() if _evolves(one) and one not in ASKS_A_PERSON]
    if name in ASKS_A_PERSON:
        raise InvalidInput(f"algorithm {name!r} of pymoo asks a person to compare solutions, which a study cannot do")
    if name not in _classes():
        raise UnknownName("algorithm of pymoo", name, known)
    if not _evolves(name):
        raise InvalidInput(
            f"algorithm {name!r} of pymoo breeds no generations from mixed variables; take a genetic algorithm, such "
            "as NSGA2, SMSEMOA or SPEA2"
        )
    try:
        class_: type = getattr(importlib.import_module(_classes()[name][0]), name)
    except Exception as error:  # pymoo's own, about a library that is missing
        raise InvalidInput(f"algorithm {name!r} of pymoo cannot be loaded: {error}") from error
    if issubclass(class_, LoopwiseAlgorithm):
        raise InvalidInput(f"algorithm {name!r} of pymoo cannot be told a generation at once, and takes no constraints")
    return class_, class_.__module__.startswith(pymoo.algorithms.moo.__name__)


def _checked_options(
    class_: type, options: Mapping[str, object], objectives: int, population_size: int
) -> dict[str, object]:
    """The options as arguments: known to a constructor of the class or its bases, and complete."""
    known: dict[str, inspect.Parameter] = {}
    for base in class_.__mro__[: class_.__mro__.index(Algorithm) + 1]:
        known = _own_parameters(base) | known
    free = [name for name in known if name not in SET_HERE]
    for option in options:
        if option in SET_HERE:
            raise InvalidInput(f"option {option!r} of pymoo's {class_.__name__} is set by the tuner; leave it out")
        if option not in free:
            raise UnknownName(f"option of pymoo's {class_.__name__}", option, free)
    arguments = {name: np.array(value) if isinstance(value, list) else value for name, value in options.items()}
    if "ref_dirs" in free:
        directions: Any = arguments.setdefault("ref_dirs", _directions(objectives, population_size))
        if np.shape(directions)[1:] != (objectives,) or len(directions) > population_size:
            raise InvalidInput(
                f"{class_.__name__} has reference directions of shape {np.shape(directions)} for {objectives} "
                f"objectives and population_size {population_size}; one number per objective is needed, and no more "
                "directions than members"
            )
    own = _own_parameters(class_)
    missing = [one for one in own if own[one].default is inspect.Parameter.empty and one not in arguments]
    if missing:
        raise InvalidInput(
            f"algorithm {class_.__name__!r} of pymoo needs the option(s) {', '.join(missing)}; give them under options"
        )
    return arguments


def _own_parameters(class_: type) -> dict[str, inspect.Parameter]:
    """What a class's own constructor names; nothing if it has none."""
    if "__init__" not in vars(class_):
        return {}
    parameters = list(inspect.signature(vars(class_)["__init__"]).parameters.values())[1:]
    return {one.name: one for one in parameters if one.kind != one.VAR_KEYWORD}


def _directions(objectives: int, most: int) -> Any:
    """Evenly spread directions (Das and Dennis 1998): the finest grid of at most `most`."""
    steps = 1
    while objectives > 1 and math.comb(steps + objectives, objectives - 1) <= most:
        steps += 1
    return get_reference_directions("das-dennis", objectives, n_partitions=steps)


def _begun(class_: type, arguments: Mapping[str, object], problem: Any) -> Any:
    """An algorithm of its own: a copy, since pymoo's default arguments are shared by all of a class."""
    unlike, sampling = MixedVariableDuplicateElimination(), MixedVariableSampling()
    mating = MixedVariableMating(
        selection=_selection(class_),
        crossover={
            Real: SBX(**CROSSOVER),
            Integer: SBX(**CROSSOVER, vtype=float, repair=RoundingRepair()),
            Choice: UX(),
        },
        mutation={
            Real: PM(**MUTATION),
            Integer: PM(**MUTATION, vtype=float, repair=RoundingRepair()),
            Choice: ChoiceRandomMutation(),
        },
        eliminate_duplicates=unlike,
        n_max_iterations=MATING_ROUNDS,
    )
    advice = Config.warnings["not_compiled"]
    Config.warnings["not_compiled"] = False
    FunctionLoader.get_instance()
    Config.warnings["not_compiled"] = advice
    algorithm = class_(**arguments, sampling=sampling, mating=mating, eliminate_duplicates=unlike)
    if algorithm.mating is not mating or algorithm.initialization.sampling is not sampling:
        raise TypeError(f"{class_.__name__} brings operators of its own")
    return copy.deepcopy(algorithm).setup(problem, termination=NoTermination(), seed=0)


def _selection(class_: type) -> Any:
    """How the algorithm chooses parents, with ties between infeasible ones broken by the generator in use."""
    for base in class_.__mro__:
        if "selection" in _own_parameters(base):
            selection = copy.deepcopy(_own_parameters(base)["selection"].default)
            if isinstance(selection, TournamentSelection):
                selection.func_comp = functools.partial(_compare, selection.func_comp)
            return selection
    return RandomSelection()


def _compare(compare: Callable[..., Any], population: Any, pairs: Any, random_state: Any = None, **others: Any) -> Any:
    """A tournament's comparison of all pairs but the equally infeasible, whose winners are drawn here."""
    violations = population.get("CV")[:, 0][pairs]
    tied = (violations[:, 0] == violations[:, 1]) & (violations[:, 0] > 0)
    winners = pairs[np.arange(len(pairs)), random_state.integers(2, size=len(pairs))][:, None]
    if not tied.all():
        winners[~tied] = compare(population, pairs[~tied], random_state=random_state, **others)
    return winners


def _bred(algorithm: Any, generator: np.random.Generator) -> Any:
    algorithm.random_state = generator
    children = algorithm.ask()
    if children is None and not algorithm.termination.force_termination:
        raise TypeError(f"{type(algorithm).__name__} breeds no children to be told of")
    algorithm.termination.force_termination = False  # how pymoo ends where it finds no new child
    return [] if children is None else children


def _advance(algorithm: Any, members: Sequence[Member], generator: np.random.Generator) -> None:
    algorithm.random_state = generator
    algorithm.problem.n_ieq_constr = len(members[0].violations)
    population = Population.new(X=[{name: one.vector[name] for name in algorithm.problem.vars} for one in members])
    population.set("F", np.array([one.losses for one in members], dtype=np.float64))
    population.set("G", np.array([one.violations for one in members], dtype=np.float64))
    with np.errstate(invalid="ignore"):  # SPEA2 divides by the extent of a single feasible member, which is 0
        algorithm.tell(infills=population)


def _try_out(begin: Callable[[], Any], name: str, objectives: int) -> None:
    """Lets the algorithm breed twice under a constraint: what cannot work on this space fails here, not in a study.

    Raises:
        InvalidInput: With pymoo's reason.
    """
    generator = np.random.Generator(np.random.Philox(0))
    try:
        algorithm = begin()
        for _ in range(2):
            vectors = [child.X for child in _bred(algorithm, generator)] or [dict(algorithm.pop[0].X)]
            members = [Member(one, tuple(generator.random(objectives)), (generator.random() - 0.5,)) for one in vectors]
            _advance(algorithm, members, generator)
    except Exception as error:  # what an operator raises on variables it does not know is its own
        raise InvalidInput(
            f"algorithm {name!r} of pymoo cannot search this space: {type(error).__name__}: {error}"
        ) from error
