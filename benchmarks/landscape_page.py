"""The page and the file of figures that a run of `landscapes` writes."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.children import table
from benchmarks.landscape_cells import label
from benchmarks.landscape_choice import choose_elsewhere
from benchmarks.landscape_simulation import Method
from benchmarks.landscape_surrogate import Surrogate
from benchmarks.landscape_table import Figures, Sample

__all__ = ["figures_file", "method_name", "page"]

WANTED = 0.85
"""What the upper end of the default tuner's ratio must not exceed."""
WANTED_OF_PAIR, OPTIMISM_OF_PAIR = 0.75, 0.6
"""What that of the default tuner with the default schedule must not, and its optimism as a share of random search's."""
LIBRARIES = ("numpy", "optuna", "pymoo", "scikit-learn", "smac", "torch")


def method_name(method: Method) -> str:
    schedule = "" if method.schedule == "full" else f", {label(method.schedule)}"
    return f"{label(method.tuner)}{schedule}, {method.seeds} seeds" + (
        "" if method.batch == 4 else f", batch {method.batch}"
    )


def page(
    methods: Sequence[Method], lines: Sequence[Figures], samples: Sequence[Sample], surrogates: Mapping[str, Surrogate]
) -> str:
    order = sorted(range(len(methods)), key=lambda place: lines[place].ratio.value)
    header = (
        "method", "landscapes x repetitions", "regret", "optimism", "regret, unseen seeds", "ratio to random search",
        "ratio, landscapes resampled", "wins / losses", "configurations", "diverged", "ms per ask",
    )  # fmt: skip
    rows = [
        (
            method_name(methods[place]), f"{one.landscapes} x {one.repetitions}", str(one.regret), str(one.optimism),
            f"{one.unseen_regret:.3f}", str(one.ratio), str(one.ratio_anywhere), f"{one.wins} / {one.losses}",
            f"{one.trials:.1f}", f"{one.failures:.1%}", f"{one.seconds_per_ask * 1000:.1f}",
        )
        for place in order for one in [lines[place]]
    ]  # fmt: skip
    met = [place for place in order if lines[place].ratio.high <= WANTED]
    bound = OPTIMISM_OF_PAIR * lines[0].optimism.value
    pairs = [
        place for place in met if lines[place].ratio.high <= WANTED_OF_PAIR and lines[place].optimism.value <= bound
    ]

    def named(places: Sequence[int]) -> str:
        return "; ".join(method_name(methods[place]) for place in places) or "none"

    return "\n\n".join(
        [
            "# Tuners and schedules on recorded RL landscapes",
            table(header, rows),
            NOTES,
            f"Wanted of the default tuner: upper end of the ratio's interval at most {WANTED}. Met by: {named(met)}.",
            f"Wanted of the default tuner with the default schedule: upper end of the ratio's interval at most "
            f"{WANTED_OF_PAIR}, and optimism at most {OPTIMISM_OF_PAIR} of random search's, which is {bound:.3f}. "
            f"Met by: {named(pairs)}.",
            _choice(methods, samples),
            "## Mean regret per landscape",
            _landscape_table([methods[place] for place in order], [samples[place] for place in order], surrogates),
            ", ".join(f"{name} {version}" for name, version in _versions().items()) + ".",
        ]
    )


def _choice(methods: Sequence[Method], samples: Sequence[Sample]) -> str:
    found = choose_elsewhere(samples, samples[0])
    if found is None:
        return "No method can be chosen on some landscapes and reported on others: there are too few."
    favourite, times = next(iter(found.chosen.items()))
    return (
        f"Defaults were chosen on these landscapes. What such a choice is worth elsewhere: if the best ratio on one "
        f"half of them is chosen, in all {found.splits} ways, the ratio on the other half is {found.ratio:.3f} on "
        f"average. Most often chosen, {times} times: {method_name(methods[favourite])}; fixed in advance it has "
        f"{found.fixed[favourite]:.3f} there."
    )


NOTES = """Regret and optimism are shares of a landscape's range of true means at the last checkpoint; regret is 0 for
the best, optimism is the score by which the winner was ranked minus its truth. Budget: 96 full trainings of
one seed. Ratio: mean regret over landscapes and repetitions as a share of random search's (32 configurations, 3 seeds,
schedule `full`) on the same landscapes and repetitions, which share tuner seeds and training seeds. Intervals: 95 %,
percentile bootstrap; repetitions resampled within landscapes, in pairs, and for the second ratio landscapes resampled
as well. No default configuration is tried, nothing is validated. `regret, unseen seeds` judges the winner on the half
of the seeds that its study did not draw from: since both halves average to the truth, luck in tuning counts against it
twice. A study of which every trial diverged counts with regret 1."""


def _landscape_table(methods: Sequence[Method], samples: Sequence[Sample], surrogates: Mapping[str, Surrogate]) -> str:
    rows = []
    for name, surrogate in surrogates.items():
        row = [name, f"{surrogate.explained:.2f}", f"{surrogate.noise:.2f}"]
        for one in samples:
            known = name in one.landscapes
            row.append(f"{one.regret[one.landscapes.index(name)].mean():.3f}" if known else "refused")
        rows.append(row)
    explanation = (
        "`explained`: share of the variance of recorded means that the surrogate predicts out of bag. `noise`: mean "
        "standard deviation over seeds as a share of the range."
    )
    return table(["landscape", "explained", "noise", *map(method_name, methods)], rows) + "\n\n" + explanation


def figures_file(
    methods: Sequence[Method], lines: Sequence[Figures], samples: Sequence[Sample], surrogates: Mapping[str, Surrogate]
) -> str:
    found = [
        {
            "method": dataclasses.asdict(method),
            "figures": dataclasses.asdict(line),
            "per_landscape": {
                name: {
                    "regret": one.regret[row].tolist(),
                    "optimism": [None if np.isnan(value) else value for value in one.optimism[row].tolist()],
                }
                for row, name in enumerate(one.landscapes)
            },
        }
        for method, line, one in zip(methods, lines, samples, strict=True)
    ]
    described = {
        name: {"best": one.best, "worst": one.worst, "explained": one.explained, "noise": one.noise}
        for name, one in surrogates.items()
    }
    whole = {"versions": _versions(), "landscapes": described, "methods": found}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
