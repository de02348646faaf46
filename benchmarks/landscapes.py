"""How good is what a tuner finds on real learning curves, and how far is its winner's score from the truth?

Run it as `python -m benchmarks.landscapes FOLDER --cells CELLS`; the folder holds recorded landscapes
(`landscape_data`), the other one keeps what was computed, so that a stopped run goes on and a new tuner costs only its
own cells. Every method tunes every landscape (`landscape_surrogate`, `landscape_simulation`) at a budget of 96 full
trainings of one seed, everything charged, and is set beside random search on 32 configurations with 3 seeds each. Tuner
seeds and training seeds are the same for all methods (common random numbers). A tuner that takes longer than 50 ms for
a proposal gets 8 repetitions, the others 30.

Tuners and schedules are named as in a study file: a name, `module:Class`, or a mapping such as
'{name: tpe, n_startup_trials: 5}'. Every combination of tuners, schedules, seeds and batches is a method (without any
choice: `random` and `tpe`); further single ones are written out, as in '{tuner: tpe, schedule: halving, seeds: 5}'.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from autorl.errors import InvalidInput, UnknownName
from autorl.tuners import build_tuner
from benchmarks.children import RESULTS, in_child, table, write_result
from benchmarks.landscape_cells import Cell, Cells, compute, surrogate
from benchmarks.landscape_data import Landscape, landscape_names, read_landscape
from benchmarks.landscape_lookup import look_up
from benchmarks.landscape_page import figures_file, method_name, page
from benchmarks.landscape_simulation import Method, Outcome
from benchmarks.landscape_table import Sample, figures

BASELINE = Method("random")
SLOW = 0.05
"""Seconds a proposal may take, in the cell that other work disturbed least, before a tuner gets fewer repetitions."""


def main(arguments: Sequence[str]) -> None:
    """Computes what is missing and writes the page and its figures."""
    options = _options(arguments)
    folder = Path(options.folder)
    names = options.landscapes or landscape_names(folder)
    landscapes = {name: read_landscape(folder, name) for name in names}
    if options.lookup:
        print(_lookup_page(landscapes))
        return
    tuners = options.tuners or ([] if options.methods else ["random", "tpe"])
    combinations = itertools.product(tuners, options.schedules, options.seeds, options.batch)
    methods = [BASELINE]
    for method in [*itertools.starmap(Method, combinations), *(Method(**one) for one in options.methods)]:
        if method not in methods:
            methods.append(method)
    cells = Cells(None if options.cells is None else Path(options.cells))
    samples = Comparison(folder, landscapes, methods, cells, options.jobs).run(
        options.repetitions, min(options.repetitions, options.slow_repetitions)
    )
    lines = [figures(one, samples[0]) for one in samples]
    surrogates = {name: surrogate(folder, name) for name in landscapes}
    if options.output:
        write_result(options.output, page(methods, lines, samples, surrogates))
        (RESULTS / f"{options.output}.json").write_text(figures_file(methods, lines, samples, surrogates))
    else:
        print(page(methods, lines, samples, surrogates))


class Comparison:
    """Methods on landscapes, each with as many repetitions as its tuner is fast.

    Args:
        folder: Where the landscapes lie.
        landscapes: By name.
        methods: What to compare, the baseline first.
        cells: What is known.
        jobs: Worker processes.

    Raises:
        InvalidInput: If a method takes none of the landscapes.
    """

    def __init__(
        self, folder: Path, landscapes: Mapping[str, Landscape], methods: Sequence[Method], cells: Cells, jobs: int
    ) -> None:
        self._folder, self._landscapes, self._cells, self._jobs = folder, landscapes, cells, jobs
        self._methods = [(method, _searchable(method, landscapes)) for method in methods]

    def run(self, many: int, few: int) -> list[Sample]:
        """One sample a method: of `few` repetitions if its tuner is slow, else and for the baseline of `many`."""
        self._compute(range(len(self._methods)), few)
        places = range(1, len(self._methods))
        slow = {place for place in places if self._sample(place, few).seconds_per_ask.min() > SLOW}
        self._compute([place for place in range(len(self._methods)) if place not in slow], many)
        return [self._sample(place, few if place in slow else many) for place in range(len(self._methods))]

    def _compute(self, places: Sequence[int], repetitions: int) -> None:
        chosen = [self._methods[place] for place in places]
        wanted = [Cell(name, one, turn) for one, names in chosen for name in names for turn in range(repetitions)]
        for cell, outcome in compute(self._folder, self._landscapes, wanted, self._cells, self._jobs):
            said = f"{method_name(cell.method)} on {cell.landscape}, {cell.repetition}: regret {outcome.regret:.3f}"
            print(said, file=sys.stderr, flush=True)

    def _sample(self, place: int, repetitions: int) -> Sample:
        method, names = self._methods[place]
        found = []
        for name in names:
            cells = [Cell(name, method, repetition) for repetition in range(repetitions)]
            row = [self._cells.find(cell, self._landscapes[name]) for cell in cells]
            found.append([one for one in row if one is not None])
        return _sample(names, found)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.landscapes", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", help="where the recorded landscapes lie")
    parser.add_argument("--cells", help="where to keep what was computed; left out, nothing is kept")
    parser.add_argument("--tuners", nargs="+", type=yaml.safe_load, default=[], metavar="TUNER")
    parser.add_argument("--schedules", nargs="+", type=yaml.safe_load, default=["full"], metavar="SCHEDULE")
    parser.add_argument("--methods", nargs="+", type=yaml.safe_load, default=[], metavar="METHOD", help="further ones")
    parser.add_argument("--seeds", nargs="+", type=int, default=[3], help="tuning seeds (3)")
    parser.add_argument("--batch", nargs="+", type=int, default=[4], help="configurations asked at once (4)")
    parser.add_argument("--landscapes", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--slow-repetitions", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--output", help="name of the files under results (left out, the page is only printed)")
    parser.add_argument("--lookup", action="store_true", help="only random search looked up in the table, as a check")
    return parser.parse_args(arguments)


def _searchable(method: Method, landscapes: Mapping[str, Landscape]) -> tuple[str, ...]:
    """Landscapes whose space the tuner takes; one that takes none is a mistake."""
    found, refusal = [], None
    for name, landscape in landscapes.items():
        try:
            build_tuner(method.tuner, landscape.space, 1, 0).close()
        except UnknownName:
            raise
        except InvalidInput as error:
            refusal = error
        else:
            found.append(name)
    if not found and refusal is not None:
        raise refusal
    return tuple(found)


def _sample(names: tuple[str, ...], outcomes: Sequence[Sequence[Outcome]]) -> Sample:
    def values(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        rows = [[getattr(one, name) for one in row] for row in outcomes]
        return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)

    return Sample(
        landscapes=names,
        regret=values("regret"),
        unseen_regret=values("unseen_regret"),
        optimism=values("optimism"),
        failures=values("failures") / values("trials"),
        trials=values("trials"),
        seconds_per_ask=values("seconds_per_ask"),
    )


def _lookup_page(landscapes: Mapping[str, Landscape], repetitions: int = 300) -> str:
    rows = []
    for trials, seeds in ((32, 3), (96, 1)):
        found = np.array([look_up(one, trials, seeds, repetitions) for one in landscapes.values()])
        rows.append([f"{trials} x {seeds}", *(f"{value:.3f}" for value in found.mean(axis=0))])
    return table(["random search, configurations x seeds", "regret", "optimism"], rows)


if __name__ == "__main__" and in_child():
    main(sys.argv[1:])
