"""The study file as frozen data: every key, its default and its rule.

What can be said about a key by looking at it alone is checked here; what needs the algorithm, the environment or the
space is checked by `autorl.study.resolved`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from autorl.documents import as_number, looks_like_number
from autorl.environment import Environment
from autorl.errors import InvalidInput, UnknownName
from autorl.execution import Executor
from autorl.metrics import constraints, criteria, describe, describe_constraint
from autorl.population import Algorithm, algorithm_reference
from autorl.records import Value
from autorl.registry import resolve_class
from autorl.seeds import SeedPlan
from autorl.space import SearchSpace
from autorl.study.earlier import EarlierStudy
from autorl.study.validation import one_sentence
from autorl.study.weights import Vectors, weights_entry
from autorl.tuners.objects import tuner_entry, written

__all__ = ["Budget", "EvaluationEntry", "Limits", "StudyDescription"]

LARGEST_SEED = 2**31 - 1


def _number(value: object) -> object:
    if isinstance(value, str) and looks_like_number(value):  # YAML reads 1e5 as text
        return as_number(value, "number")
    if isinstance(value, (bool, str)):
        raise InvalidInput(f"{value!r} is no number")
    return value


Count = Annotated[int, BeforeValidator(_number), Field(ge=1)]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]


def _name(value: object) -> object:
    if value == "":
        return value  # not given; the loader fills it in
    if not isinstance(value, str) or not re.fullmatch(r"\w[\w.-]{0,99}", value):
        raise InvalidInput(
            f"{value!r} is no plain file name; it names the run directory, so it starts with a letter, a digit or _, "
            f"and holds at most 100 letters, digits, '_', '-' and '.'"
        )
    return value


def _algorithm(value: object) -> object:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, type) and issubclass(value, Algorithm):
        return algorithm_reference(value) or value
    if callable(value):  # only from Python; refused when it is resolved, with a hint
        return value
    raise InvalidInput(f"{value!r} is neither a name, `module:attribute`, nor a mapping for an adapter")


def _environment(value: object) -> Environment:
    return Environment.of(value)  # type: ignore[arg-type]  # refuses other types itself


def _space(value: object) -> object:
    if isinstance(value, SearchSpace):
        return value.describe()
    if value is None or (isinstance(value, str) and value):
        return value
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    raise InvalidInput(f"{value!r} is neither a name, a path, nor the mapping of a space")


def _configuration(value: object) -> dict[str, Value]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{value!r} is no mapping of hyperparameters to values")
    found: dict[str, Value] = {}
    for name, entry in value.items():
        if not isinstance(name, str):
            raise InvalidInput(f"the hyperparameter name {name!r} is no text")
        if not (entry is None or isinstance(entry, (bool, int, float, str))):
            raise InvalidInput(f"{name}: {entry!r} is no single value")
        if isinstance(entry, float) and not math.isfinite(entry):
            raise InvalidInput(f"{name}: {entry!r} is not finite")
        number = isinstance(entry, str) and looks_like_number(entry)
        found[name] = as_number(entry, name) if number else entry
    return found


def _start_from(value: object) -> tuple[dict[str, Value] | EarlierStudy, ...]:
    alone = EarlierStudy.of(value)
    if alone is not None:
        return (alone,)
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise InvalidInput(f"{value!r} is no list of configurations")
    return tuple(EarlierStudy.of(entry) or _configuration(entry) for entry in value)


def _objectives(value: object) -> tuple[dict[str, object], ...]:
    return tuple(describe(criterion) for criterion in criteria(value, "objectives"))


def _constraints(value: object) -> tuple[dict[str, object], ...]:
    return tuple(describe_constraint(constraint) for constraint in constraints(value, "constraints"))


def _method(value: object) -> object:
    """A name, or a mapping of a name and options; a mapping of nothing but the name becomes the name."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Mapping) and isinstance(value.get("name"), str) and value["name"]:
        return value["name"] if len(value) == 1 else _plain_mapping(value)
    raise InvalidInput(f"{value!r} is neither a name nor a mapping with the key 'name'")


def _tuner(value: object) -> object:
    """As `_method`, or an object that a tuner takes: only from Python, and written as text that nobody reads back."""
    return _method(value if isinstance(value, (str, Mapping)) else tuner_entry(value))


def _seeds(value: object) -> SeedPlan:
    if isinstance(value, SeedPlan):
        return value
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{value!r} is no mapping; write {{tuning: 5, validation: 0, test: 20}}")
    for key in value:
        if key not in ("tuning", "validation", "test"):
            raise UnknownName("key of seeds", key, ("tuning", "validation", "test"))
    return SeedPlan.of(**value)


def _executor(value: object) -> object:
    if not isinstance(value, str):
        raise InvalidInput(f"{value!r} is no name; write local, or module:Class for one of your own")
    base: type[Executor] = Executor  # type: ignore[type-abstract]  # only compared with
    resolve_class("executor", value, "autorl.execution", base)
    return value


def _storage(value: object) -> object:
    if value != "sqlite" and not (isinstance(value, str) and "://" in value):
        raise InvalidInput(f"{value!r} is neither 'sqlite' nor a database URL such as postgresql://host/name")
    return value


def _device(value: object) -> object:
    if not (isinstance(value, str) and re.fullmatch(r"cpu|cuda(:\d{1,3})?", value)):
        raise InvalidInput(f"{value!r} is neither cpu nor cuda nor such as cuda:1")
    return value


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise InvalidInput(f"the key {key!r} is no text")
    return {key: _plain_mapping(entry) if isinstance(entry, Mapping) else entry for key, entry in value.items()}


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Budget(_Frozen):
    """How much may be spent; the first limit reached ends the study. One is needed unless the tuner ends by itself.

    Attributes:
        trials: Configurations tried, the default among them.
        env_steps: Env steps of training per agent at full length; annealing refers to it.
        hours: Wall-clock hours of tuning. What ends by the clock is not reproducible.
        env_steps_total: Env steps of training and evaluation over all tuning agents together.
    """

    trials: Count | None = None
    env_steps: Count = 30_000
    hours: Positive | None = None
    env_steps_total: Count | None = None

    @property
    def limited(self) -> bool:
        """Whether anything but the tuner ends the study."""
        return not (self.trials is None and self.hours is None and self.env_steps_total is None)


class EvaluationEntry(_Frozen):
    """How policies are judged; equal for tuning, validation and test.

    Attributes:
        episodes: Episodes at the end of training and at every rung.
        curve_episodes: Episodes at the other checkpoints, at most `episodes`.
        checkpoints: Evenly spaced points of the learning curve, the end among them.
        discount: Discount of the returns reported, in (0, 1].
        weights: Where the reward is a vector: how many weight vectors policies are evaluated for, spread evenly, or the
            vectors themselves. None takes the smallest lattice of at least 20.
    """

    episodes: Count = 20
    curve_episodes: Count = 3
    checkpoints: Count = 10
    discount: Annotated[float, BeforeValidator(_number), Field(gt=0, le=1)] = 1.0
    weights: Annotated[int | Vectors | None, BeforeValidator(weights_entry)] = None

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.curve_episodes > self.episodes:
            raise InvalidInput(
                f"evaluation.curve_episodes: {self.curve_episodes} exceeds evaluation.episodes ({self.episodes}); a "
                f"curve's point is the first episodes of a full evaluation"
            )
        return self


class Limits(_Frozen):
    """When to give up.

    Attributes:
        seconds: Wall seconds per configuration.
        first_failures: The same exception in each of this many first trials stops the study.
    """

    seconds: Positive = 600.0
    first_failures: Count = 3


class StudyDescription(_Frozen):
    """One study file, checked and completed by defaults.

    Attributes:
        name: Of the run directory; a plain file name.
        algorithm: A bundled name, `module:attribute`, a mapping for an adapter, or (from Python) the class itself.
        environment: Where agents act.
        space: A bundled name, a path, `module:attribute` or the mapping itself; None is the algorithm's own.
        fixed: Hyperparameters held at a value other than their default.
        objectives: One plain mapping per objective, as `autorl.metrics.describe` writes it.
        constraints: One plain mapping per constraint, as `autorl.metrics.describe_constraint` writes it.
        tuner: A name, a mapping of a name and options, or (from Python) an object that a tuner takes.
        schedule: A name, or a mapping of a name and options.
        budget: How much may be spent.
        batch: Configurations asked at once, where the schedule has no number of its own.
        seeds: The three seed sets.
        tuner_seed: The tuner's seed.
        evaluation: How policies are judged.
        limits: When to give up.
        finalists: At most this many configurations go to validation, and with several objectives to test.
        start_from: Configurations tried right after the default, and earlier studies whose best are.
        executor: Who trains; "local".
        storage: "sqlite" (a file in the run directory) or a database URL.
        device: Where agents train: "cpu", "cuda" or "cuda:N".
    """

    name: Annotated[str, BeforeValidator(_name)] = ""
    algorithm: Annotated[Any, BeforeValidator(_algorithm)]
    environment: Annotated[InstanceOf[Environment], BeforeValidator(_environment)]
    space: Annotated[Any, BeforeValidator(_space)] = None
    fixed: Annotated[dict[str, Value], BeforeValidator(_configuration)] = Field(default_factory=dict)
    objectives: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_objectives)] = Field(
        default=("return",), validate_default=True
    )
    constraints: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_constraints)] = ()
    tuner: Annotated[Any, BeforeValidator(_tuner)] = "gp"
    schedule: Annotated[Any, BeforeValidator(_method)] = "full"
    budget: Budget
    batch: Count = 4
    seeds: Annotated[InstanceOf[SeedPlan], BeforeValidator(_seeds)] = SeedPlan.of()
    tuner_seed: Annotated[int, BeforeValidator(_number), Field(ge=0, le=LARGEST_SEED)] = 0
    evaluation: EvaluationEntry = EvaluationEntry()
    limits: Limits = Limits()
    finalists: Count = 10
    start_from: Annotated[tuple[dict[str, Value] | InstanceOf[EarlierStudy], ...], BeforeValidator(_start_from)] = ()
    executor: Annotated[str, BeforeValidator(_executor)] = "local"
    storage: Annotated[str, BeforeValidator(_storage)] = "sqlite"
    device: Annotated[str, BeforeValidator(_device)] = "cpu"
    _where: str = PrivateAttr(default="study")

    @property
    def where(self) -> str:
        """The file it was read from, for messages; no part of what makes two descriptions equal."""
        return self._where

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.evaluation.checkpoints > self.budget.env_steps:
            raise InvalidInput(
                f"evaluation.checkpoints: {self.evaluation.checkpoints} exceeds budget.env_steps "
                f"({self.budget.env_steps}); checkpoints lie at different env steps"
            )
        return self

    @staticmethod
    def of(document: Mapping[str, object], where: str = "study") -> StudyDescription:
        """Checks a study file's content.

        Args:
            document: The keys of a study file with their values.
            where: The file, for messages.

        Raises:
            UnknownName: If a key or a name is unknown; the message has the nearest known one.
            InvalidInput: If a value breaks its rule; one sentence for the first one found.
        """
        try:
            found = StudyDescription.model_validate(dict(document))
        except ValidationError as error:
            raise one_sentence(error, StudyDescription, where) from error
        if not found.name:
            found = found.model_copy(update={"name": found.default_name()})
        found._where = where
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StudyDescription):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in StudyDescription.model_fields)

    __hash__ = None  # type: ignore[assignment]  # mappings inside

    def default_name(self) -> str:
        """The name of a study that has none: algorithm and environment."""
        source = self.algorithm
        if isinstance(source, Mapping):
            source = "_".join(str(part) for item in source.items() for part in item)
        elif not isinstance(source, str):
            source = getattr(source, "__name__", type(source).__name__)
        text = re.sub(r"[^\w.-]+", "_", f"{source}_{self.environment.id}").lstrip("_.-")
        return text[:100] or "study"

    def resolved(self) -> dict[str, object]:
        """Every key with its value, as plain data; `of` reads it back equal.

        An algorithm that no other process finds by name (of a script or a notebook) is written as
        `module:attribute` all the same, to be read by people; an object that stands for a tuner is described.
        """
        algorithm = self.algorithm
        if not isinstance(algorithm, (str, Mapping)):
            algorithm = f"{algorithm.__module__}:{algorithm.__qualname__}"
        environment = self.environment
        plain: dict[str, object] = self.model_dump(exclude={"environment", "seeds", "algorithm", "tuner"})
        plain |= {
            "algorithm": algorithm,
            "tuner": written(self.tuner),
            "environment": {
                "id": environment.id,
                "kwargs": dict(environment.kwargs),
                "wrappers": [dict(entry) for entry in environment.wrappers if isinstance(entry, Mapping)],
                "max_episode_steps": environment.max_episode_steps,
                "backend": environment.backend,
            },
            "seeds": {
                "tuning": list(self.seeds.tuning),
                "validation": list(self.seeds.validation),
                "test": list(self.seeds.test),
            },
            "objectives": [dict(entry) for entry in self.objectives],
            "constraints": [dict(entry) for entry in self.constraints],
            "start_from": [
                entry.plain() if isinstance(entry, EarlierStudy) else dict(entry) for entry in self.start_from
            ],
        }
        return {name: plain[name] for name in StudyDescription.model_fields}
