"""What a study starts from: configurations, and the best of earlier studies, settled once and kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autorl.content import canonical_json, digest
from autorl.documents import read_document
from autorl.errors import InvalidInput
from autorl.objective import Objective
from autorl.population import Algorithm
from autorl.records import Agent, Configuration, Status, Trial, Value
from autorl.space import SearchSpace
from autorl.space.loading import placed
from autorl.space.values import is_number, key, show
from autorl.storage.files import write_atomically
from autorl.storage.truth import Truth, database_url
from autorl.study.description import StudyDescription
from autorl.study.directory import STUDY_FILE
from autorl.study.earlier import EarlierStudy
from autorl.study.selection import best_trials, chosen_front, selectable

if TYPE_CHECKING:
    from autorl.study.resolved import ResolvedStudy
    from autorl.study.result import Result

__all__ = ["START_FILE", "Source", "Start", "best_of", "find_start", "fitted", "keep_start", "reuse", "wasted"]

START_FILE = "start_from.json"
"""What a run directory keeps of it, so that an earlier study may grow or vanish."""
REUSED = "reused"
"""The kind of input that says what of an earlier study's training was taken over."""


@dataclass(frozen=True)
class Source:
    """An earlier study that gave configurations.

    Attributes:
        study: Its run directory.
        name: Its name.
        trials: Numbers of the trials taken there, best first.
    """

    study: str
    name: str
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Start:
    """What a study starts from.

    Attributes:
        entries: The configurations, as `study.yaml` holds them.
        sources: The earlier studies among the places they came from.
        warnings: What had to be changed to fit the space, one sentence a study.
        request: What was asked for, in what space, as a digest; "" where no earlier study was.
    """

    entries: tuple[dict[str, Value], ...]
    sources: tuple[Source, ...] = ()
    warnings: tuple[str, ...] = ()
    request: str = ""


def find_start(
    description: StudyDescription,
    algorithm: type[Algorithm],
    baseline: Configuration,
    space: SearchSpace,
    directory: Path | None = None,
) -> Start:
    """Settles what a study starts from; nothing is trained for it.

    Args:
        description: The study.
        algorithm: What it tunes.
        baseline: The algorithm's defaults with `fixed`.
        space: What it searches.
        directory: Its run directory, where an earlier session has perhaps settled this already.

    Raises:
        InvalidInput: If a directory holds no study, or one without a complete trial or of an algorithm with other
            hyperparameters; the message opens with the entry.
    """
    entries = description.start_from
    request = digest([_plain(entries), space.describe(), dict(baseline)])
    kept = None if directory is None else _kept(directory)
    if kept is not None and (kept.request == request or _plain(kept.entries) == _plain(entries)):
        return kept
    found: list[dict[str, Value]] = []
    sources: list[Source] = []
    warnings: list[str] = []
    for index, entry in enumerate(entries):
        place = f"start_from[{index}]"
        if isinstance(entry, EarlierStudy):
            with placed(f"{description.where}: {place}"):
                source, configurations, changes = _taken(entry, algorithm, baseline, space)
            sources.append(source)
            found += configurations
            warnings += [f"{place}: {change}" for change in changes]
        else:
            space.check(entry, f"{description.where}: {place}")
            found.append(entry)
    return Start(tuple(found), tuple(sources), tuple(warnings), request if sources else "")


def wasted(default: Configuration, configurations: Sequence[Configuration], trials: int | None) -> list[str]:
    """Warnings of configurations that are tried twice, and of those that are never tried.

    Args:
        default: The space's, which is trial 0.
        configurations: What is started from, in the order in which it is tried.
        trials: The most trials there can be, or None.
    """
    keys = [canonical_json(one) for one in (default, *configurations)]
    repeats = len(keys) - len(set(keys))
    late = 0 if trials is None else max(0, len(keys) - trials)
    warnings = []
    if repeats:
        warnings.append(
            f"start_from: {repeats} of {len(configurations)} configurations are the default or stand there before, and "
            f"take a trial each all the same"
        )
    if late:
        warnings.append(
            f"start_from: the last {late} of {len(configurations)} configurations are never tried, since the study has "
            f"{trials} trials, the default first"
        )
    return warnings


def keep_start(start: Start, directory: Path) -> None:
    """Writes down where configurations came from, if any came from an earlier study."""
    if start.sources:
        write_atomically(directory / START_FILE, json.dumps(asdict(start), indent=1).encode() + b"\n")


def best_of(result: Result, count: int) -> list[Trial]:
    """The best trials of a study by its own selection, best first; fewer where it has fewer.

    First the finalists in the order of the validation seeds, if there are any. Then with one objective by tuning loss,
    with several the chosen front, the front of what is left, and so on.
    """
    candidates = selectable(result.trials)
    places = {member.trial: place for place, member in enumerate(result.content.finalists)}
    found = sorted((trial for trial in candidates if trial.number in places), key=lambda trial: places[trial.number])
    candidates = [trial for trial in candidates if trial.number not in places]
    if len(result.study.criteria) == 1:
        return [*found, *best_trials(candidates, len(candidates))][:count]
    while candidates and len(found) < count:
        found += chosen_front(candidates, count - len(found))
        taken = {trial.number for trial in found}
        candidates = [trial for trial in candidates if trial.number not in taken]
    return found[:count]


def fitted(
    wanted: Configuration, baseline: Configuration, space: SearchSpace
) -> tuple[dict[str, Value], dict[str, tuple[Value, Value]]]:
    """A configuration of another space as one of this space.

    Numbers outside their range move to its nearest end, and what is no choice here takes the default, as does what
    `wanted` does not hold. Hyperparameters that this space does not tune are left out.

    Args:
        wanted: Hyperparameters by name.
        baseline: The algorithm's defaults with `fixed`.
        space: This space.

    Returns:
        The configuration as `SearchSpace.decode` returns it, and hyperparameter -> its value in `wanted` and the other
        one that it is trained with here.
    """
    values = {}
    for one in space.hyperparameters:
        value = wanted.get(one.name, one.default)
        try:
            one.encode(value, one.range)
        except InvalidInput:  # of another kind, or none of the choices here
            value = one.default
        values[one.name] = value
    configuration = space.decode(space.encode(values))
    full = {**baseline, **configuration}
    changed = {name: (value, full[name]) for name, value in wanted.items() if not _same(value, full[name])}
    return configuration, changed


def reuse(study: ResolvedStudy, objective: Objective, truth: Truth) -> dict[str, object]:
    """Takes over what earlier studies have trained already, so that it is not trained again: equal keys, equal bits.

    Looked for are the baseline, the default and the configurations started from, on the tuning seeds; the other seeds
    are left to the study, which opens them in its own time. It happens once per earlier study, and is noted. Failed
    training is not taken over.

    Args:
        study: The study.
        objective: Whose keys count.
        truth: Where the study's results are stored.

    Returns:
        For the provenance, under `start_from`: per earlier study where it lies, which of its trials gave
        configurations, and how many segments and env steps of training were taken over. Empty without such a study.
    """
    noted = truth.inputs(REUSED)
    for source in study.start.sources:
        if source.study not in noted and _study_file(source.study).is_file():
            noted[source.study] = _copied(source, _wanted(study, objective), truth)
            truth.store_input(REUSED, source.study, noted[source.study])
    sources = [{**asdict(source), **noted.get(source.study, {})} for source in study.start.sources]
    return {"start_from": sources} if sources else {}


def _study_file(directory: str) -> Path:
    return Path(directory) / STUDY_FILE


def _plain(entries: Sequence[Mapping[str, Value] | EarlierStudy]) -> list[dict[str, object]]:
    return [entry.plain() if isinstance(entry, EarlierStudy) else dict(entry) for entry in entries]


def _kept(directory: Path) -> Start | None:
    """What `keep_start` wrote; None if it wrote nothing, or the file is damaged."""
    try:
        found: Any = json.loads((directory / START_FILE).read_text())
        sources = tuple(
            Source(str(one["study"]), str(one["name"]), tuple(map(int, one["trials"]))) for one in found["sources"]
        )
        entries = tuple(dict(entry) for entry in found["entries"])
        return Start(entries, sources, tuple(map(str, found["warnings"])), str(found["request"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _taken(
    entry: EarlierStudy, algorithm: type[Algorithm], baseline: Configuration, space: SearchSpace
) -> tuple[Source, list[dict[str, Value]], list[str]]:
    """Of one earlier study: who it is, its configurations in this space, each once, and what there is to know."""
    result = _opened(entry)
    name, tuned = result.study.description.name, result.study.algorithm
    trials = best_of(result, entry.best)
    if not trials:
        raise InvalidInput(
            f"study {name!r} in {entry.study!r} has 0 complete trials of {len(result.trials)}, so none is its best"
        )
    alike = tuned.name == algorithm.name
    warnings = []
    if not alike:
        unfit = [other for trial in trials for other in trial.configuration if other not in baseline]
        if unfit:
            raise InvalidInput(
                f"study {name!r} in {entry.study!r} tuned algorithm {tuned.name!r}, whose hyperparameter {unfit[0]!r} "
                f"algorithm {algorithm.name!r} does not have; start from a study of the same hyperparameters"
            )
        warnings.append(
            f"study {name!r} tuned algorithm {tuned.name!r} and this one tunes {algorithm.name!r}; hyperparameters of "
            f"the same name are taken over"
        )
    found: dict[str, tuple[int, dict[str, Value]]] = {}
    first: dict[str, str] = {}
    for trial in trials:
        wanted = result.study.full(trial.configuration) if alike else trial.configuration
        configuration, changed = fitted(wanted, baseline, space)
        found.setdefault(canonical_json(configuration), (trial.number, configuration))
        for one, (there, here) in changed.items():
            kind = "becomes" if one in configuration else "is not tuned here and stays at"
            first.setdefault(one, f"{one} {show(there)} {kind} {show(here)} (trial {trial.number})")
    if first:
        warnings.append(f"study {name!r} does not fit this study as it is: {'; '.join(first.values())}")
    if len(found) < entry.best:
        warnings.append(f"study {name!r} gives {len(found)} different configurations of the {entry.best} asked for")
    numbers = tuple(number for number, _ in found.values())
    return Source(entry.study, name, numbers), [configuration for _, configuration in found.values()], warnings


def _opened(entry: EarlierStudy) -> Result:
    from autorl.study.running import open_result  # which finds out itself what studies start from

    if not _study_file(entry.study).is_file():
        raise InvalidInput(
            f"{entry.study!r} holds no study; name the run directory of one (in a study file, a relative path is "
            f"relative to that file)"
        )
    return open_result(entry.study)


def _same(there: Value, here: Value) -> bool:
    """Whether two values are the same, but for the last of a float's digits."""
    if isinstance(there, (int, float)) and isinstance(here, (int, float)) and is_number(there) and is_number(here):
        return math.isclose(there, here, rel_tol=1e-9)
    return key(there) == key(here)


def _wanted(study: ResolvedStudy, objective: Objective) -> dict[str, tuple[str, ...]]:
    """Segment key -> the keys of its evaluations, of all that may be taken over."""
    configurations = [study.baseline, *map(study.full, (study.space.default(), *study.start_from))]
    agents = [Agent(configuration, seed) for configuration in configurations for seed in study.seeds.tuning]
    return {
        name: objective.evaluation_keys(name, *span)
        for agent in agents
        for mark in objective.rungs
        for name, span in zip(objective.chain(agent, mark), objective.spans(mark), strict=True)
    }


def _copied(source: Source, wanted: Mapping[str, Sequence[str]], truth: Truth) -> dict[str, object]:
    """Copies segments from an earlier study's database, and counts them."""
    storage = str(read_document(_study_file(source.study))["storage"])
    earlier = Truth(database_url(storage, Path(source.study)), source.name)
    try:
        segments = [
            one for one in earlier.segments(wanted).values() if one.status in (Status.COMPLETE, Status.DIVERGED)
        ]
    finally:
        earlier.close()
    truth.store_segments([(segment, wanted[segment.key]) for segment in segments])
    return {"reused_segments": len(segments), "reused_env_steps": sum(segment.env_steps for segment in segments)}
