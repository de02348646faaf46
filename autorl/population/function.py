"""Anybody's training loop as an algorithm: the decorator `@algorithm`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population.base import hyperparameter
from autorl.population.function_trainer import FunctionTrainer, Report
from autorl.population.one_agent import OneAgentAlgorithm, OneAgentTrainer
from autorl.records import Agent, Configuration, Value

if TYPE_CHECKING:
    from autorl.space import SearchSpace

__all__ = ["FunctionAlgorithm", "Hyperparameters", "Train", "algorithm"]


class Hyperparameters(Mapping[str, Value]):
    """A configuration to read: `config["learning_rate"]` and `config.learning_rate` are the same.

    Args:
        values: Every hyperparameter with its value.
    """

    def __init__(self, values: Configuration) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        # `_values` itself is looked up here while an instance is being unpickled.
        if name == "_values" or name not in self._values:
            raise AttributeError(
                f"{name!r} is no hyperparameter; there are: {', '.join(self.__dict__.get('_values', ()))}"
            )
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Hyperparameters({self._values!r})"


class Train(Protocol):
    """What a training loop looks like; `algorithm` says what its arguments are."""

    __name__: str
    __qualname__: str

    def __call__(
        self, config: Hyperparameters, environment: Environment, seed: int, env_steps: int, report: Report, /
    ) -> object:
        """Trains; returns a policy or a score."""


class _Callable(ABCMeta):
    """Lets the class made of a function be called like it: a configuration takes names only, the function places."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if args:
            return vars(cls)["function"].__func__(*args, **kwargs)
        return super().__call__(**kwargs)


class FunctionAlgorithm(OneAgentAlgorithm, metaclass=_Callable):
    """What `@algorithm` makes of a function: one subclass each, whose fields are the names in its space.

    Attributes:
        function: The function itself.
        space: The search space it was given.
        digest: Digest of its source at the time it was defined.
    """

    rounds_down: ClassVar[bool] = False
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "any"
    function: ClassVar[Train]
    space: ClassVar[SearchSpace]
    digest: ClassVar[str]

    @classmethod
    def default_space(cls) -> Mapping[str, object]:
        """The space given to the decorator."""
        return cls.space.describe()

    @classmethod
    def trainer(cls, agent: Agent, environment: Environment, horizon: int, device: str) -> OneAgentTrainer:
        """The function, about to be called for this agent."""
        config = Hyperparameters(dataclasses.asdict(cls.configure(agent.configuration)))  # type: ignore[call-overload]  # a dataclass
        call = functools.partial(cls.function, config, environment, agent.seed, horizon)
        return FunctionTrainer(cls.name, call, horizon)


def algorithm(
    *,
    space: str | Path | Mapping[str, object] | SearchSpace,
    name: str | None = None,
    distributions: tuple[str, ...] = (),
) -> Callable[[Train], type[FunctionAlgorithm]]:
    """Makes an algorithm of a training loop `train(config, environment, seed, env_steps, report)`.

    The loop is given, by position:

    - config: every hyperparameter of the space, as `config.learning_rate` or `config["learning_rate"]`;
    - environment: the `Environment` to train in; `environment.make(seed)` gives one Gymnasium environment, and
      `environment.vector(seeds)` several;
    - seed: the agent's seed, a whole number: derive every random number from it (`random`, `numpy.random` and torch's
      default generator are seeded for the agent already);
    - env_steps: the full budget, to which annealing refers;
    - report: `report(env_steps, policy_or_score)`, to be called during training whenever convenient.

    It returns a policy or a score. A policy with a method `predict` (as Stable-Baselines3's) is given a batch of
    observations (episodes, *observation), and `deterministic=True` if it takes that, and returns the actions, or a
    tuple that begins with them. A policy with a method `act`, or one that can be called, is given one observation and
    returns one action. A score is a number; it replaces the evaluation: it counts as the return of every evaluation
    episode, at no env steps. A score that is not finite means that training diverged.

    The learning curve comes from the reports. The loop stands still inside `report` while it is evaluated, so the
    policy may go on learning in place afterwards. The point at a mark is what is owned at the first report at or
    beyond that mark; it charges the env steps of that report. At the full budget the loop is run to its end, and what
    it returns counts (what it last reported, if it returns None); the full budget is charged, or what was reported if
    that is more. A loop that ends before a mark, or never reports, has the same point at that mark and all later
    ones: what it returned. So without reports the whole curve is the final policy's, and the first mark costs the
    full budget. Nothing can be saved (`checkpoints = "none"`): where a schedule promotes, training starts from zero.

    Args:
        space: The search space: a bundled name, a path, or the mapping itself; it names every hyperparameter, and its
            defaults are the algorithm's.
        name: What the algorithm is called; the function's name unless given.
        distributions: Distributions whose versions change the algorithm's numbers, such as "stable-baselines3".

    Returns:
        A decorator that turns the function into an `Algorithm`. What it makes can still be called like the function,
        its arguments given by position.

    Raises:
        InvalidInput: If the space is refused, a hyperparameter is named like a part of `Algorithm`, or the function
            does not take five arguments by position.
    """

    def decorate(function: Train) -> type[FunctionAlgorithm]:
        return _made(function, space, name or function.__name__, distributions)

    return decorate


def _made(function: Train, space: Any, name: str, distributions: tuple[str, ...]) -> type[FunctionAlgorithm]:
    from autorl.population.sources import function_digest
    from autorl.space import SearchSpace

    where = f"space of the algorithm {name!r}"
    loaded = SearchSpace.load(space, where=where)
    for entry in loaded.hyperparameters:
        if hasattr(FunctionAlgorithm, entry.name) or entry.name in FunctionAlgorithm.__annotations__:
            raise InvalidInput(f"{where}: the hyperparameter {entry.name!r} is named like a part of every algorithm")
    try:
        inspect.signature(function).bind(*range(5))
    except TypeError as error:
        raise InvalidInput(
            f"the algorithm {name!r} must take (config, environment, seed, env_steps, report) by position; "
            f"it takes {inspect.signature(function)}"
        ) from error
    made: type[FunctionAlgorithm] = dataclasses.make_dataclass(
        name if name.isidentifier() else function.__name__,
        [(entry.name, type(entry.default), hyperparameter(entry.default)) for entry in loaded.hyperparameters],
        bases=(FunctionAlgorithm,),
        namespace={
            "__doc__": function.__doc__,
            "__qualname__": function.__qualname__,
            "name": name,
            "summary": (inspect.getdoc(function) or f"the function {function.__qualname__}").partition("\n")[0],
            "distributions": tuple(distributions),
            "function": staticmethod(function),
            "space": loaded,
            "digest": function_digest(function),
        },
        frozen=True,
        kw_only=True,
    )
    made.__module__ = function.__module__  # make_dataclass of Python 3.12 puts its caller's
    return made
