"""From the entries of a study file to criteria, and back."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import get_args

from autorl.errors import InvalidInput, UnknownName
from autorl.metrics.base import Criterion, Direction, Metric, option_fields
from autorl.registry import discover, resolve_class

__all__ = [
    "built",
    "bundled_metrics",
    "criteria",
    "criterion",
    "describe",
    "metric_class_of",
    "reference_of",
    "taken_apart",
]

PACKAGE = "autorl.metrics"
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def bundled_metrics() -> dict[str, type[Metric]]:
    """The bundled metrics by name, sorted."""
    return discover(PACKAGE, Metric)  # type: ignore[type-abstract]  # the base of what is looked for


def criteria(entries: object, where: str = "objectives") -> tuple[Criterion, ...]:
    """The objectives of a study, in its order.

    Args:
        entries: A list of entries, each as `criterion` takes it.
        where: The file and key the list stands in.

    Raises:
        InvalidInput: If it is no list, is empty, holds an objective twice, or an entry is wrong.
    """
    if isinstance(entries, (str, bytes, Mapping)) or not isinstance(entries, Sequence):
        raise InvalidInput(f"{where}: {entries!r} must be a list of metrics, such as [return]")
    if not entries:
        raise InvalidInput(f"{where}: {entries!r} is empty; at least one objective is needed")
    found: dict[str, Criterion] = {}
    for index, entry in enumerate(entries):
        place = f"{where}[{index}]"
        one = criterion(entry, place)
        if one.label in found:
            raise InvalidInput(f"{place}: duplicate objective {one.label!r}; name each metric once")
        found[one.label] = one
    return tuple(found.values())


def criterion(entry: object, where: str) -> Criterion:
    """One objective.

    Args:
        entry: A metric's name (`auc`, or `module:Class` of the user); `{metric: NAME, direction: ..., OPTION: ...}`; or
            `{NAME: {OPTION: ...}, direction: ...}`. The direction may be left out and may be the contrary one.
        where: The file and key it stands in, for messages.

    Raises:
        UnknownName: If the metric, an option or the direction is unknown.
        InvalidInput: If an option is missing or has a wrong value, or the entry has another form.
    """
    parts = taken_apart(entry, ("direction",))
    if parts is None:
        raise InvalidInput(
            f"{where}: {entry!r} is no objective; write a metric's name, {{metric: NAME, direction: ...}} or "
            f"{{NAME: {{OPTION: ...}}}}"
        )
    reference, options, beside = parts
    metric = built(metric_class_of(reference, where), options, where)
    direction = beside.get("direction")
    if direction is None:
        direction = metric.direction
    for name in DIRECTIONS:
        if direction == name:
            return Criterion(metric, name)
    raise UnknownName("direction", direction, DIRECTIONS, where)


def describe(criterion: Criterion) -> dict[str, object]:
    """The criterion as a plain mapping that `criterion` reads back."""
    return {
        "metric": reference_of(criterion.metric),
        "direction": criterion.direction,
        **criterion.metric.options,
    }


def reference_of(metric: Metric) -> str:
    """The name a study file finds a metric by: its own if it is bundled, else `module:Class`."""
    metric_class = type(metric)
    bundled = bundled_metrics().get(metric_class.name) is metric_class
    return metric_class.name if bundled else f"{metric_class.__module__}:{metric_class.__qualname__}"


def taken_apart(entry: object, keys: Sequence[str]) -> tuple[str, dict[object, object], dict[str, object]] | None:
    """An entry in any of its forms: the metric's name, its options, and what stands under some keys beside them.

    Args:
        entry: A name, `{metric: NAME, KEY: ..., OPTION: ...}` or `{NAME: {OPTION: ...}, KEY: ...}`.
        keys: Keys that are no options.

    Returns:
        None if the entry has another form.
    """
    if isinstance(entry, str):
        return entry, {}, {}
    if isinstance(entry, Mapping):
        left = dict(entry)
        beside = {key: left.pop(key) for key in keys if key in left}
        if isinstance(left.get("metric"), str):
            return left.pop("metric"), left, beside
        if len(left) == 1:
            ((name, options),) = left.items()
            if isinstance(name, str) and name != "metric" and (options is None or isinstance(options, Mapping)):
                return name, dict(options or {}), beside
    return None


def metric_class_of(reference: str, where: str) -> type[Metric]:
    """The metric of a name or of `module:Class`.

    Raises:
        UnknownName: If there is none of that name.
        InvalidInput: If it is no metric that can be used.
    """
    found = resolve_class("metric", reference, PACKAGE, Metric, where)  # type: ignore[type-abstract]  # the base
    if inspect.isabstract(found) or not found.name:
        raise InvalidInput(f"{where}: metric {reference!r} must define `name` and `per_run` to be used")
    return found


def built(metric_class: type[Metric], given: Mapping[object, object], where: str) -> Metric:
    """The metric with its options checked by name; their values are the metric's own to check.

    Raises:
        UnknownName: If there is no option of a name.
        InvalidInput: If an option is missing or has a wrong value.
    """
    known = option_fields(metric_class)
    for name in given:
        if name not in known:
            raise UnknownName(f"option of metric {metric_class.name!r}", name, known, where)
    for name, field in known.items():
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and name not in given:
            raise InvalidInput(
                f"{where}: metric {metric_class.name!r} needs the option {name!r}; "
                f"write {{{metric_class.name}: {{{name}: ...}}}}"
            )
    arguments = [
        name
        for name, parameter in inspect.signature(metric_class).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if arguments and not known:
        raise InvalidInput(
            f"{where}: metric {metric_class.name!r} needs the arguments {arguments} but is no dataclass; make it one, "
            f"with its options as fields"
        )
    try:
        return metric_class(**{known[str(name)].name: value for name, value in given.items()})
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error
