"""A recorded landscape made continuous: the truth anywhere in the space, and what a simulated training scores there.

Truth. One random forest per checkpoint (scikit-learn's, 100 trees, else at its defaults, seeds fixed) is fitted on the
recorded configurations' means over all seeds. A run that diverged counts there, from that checkpoint on, as the worst
configuration does (the lowest mean over completed seeds): a published number would have to count it too, and a
configuration of which every run diverged gets a finite, bad truth.

Score. A simulated seed is one recorded seed. Its score is the truth plus a residual that the nearest recorded
configuration lends: that seed's recorded score minus that configuration's mean, at the same checkpoint, so that one
draw is a whole curve and the mean over all seeds is the truth. Where the lender's run diverged, so does the simulated
one, and its trial fails. Distances are Euclidean in the unit cube (`landscape_data.features`).

Scale. The best and the worst are the extremes of the last checkpoint's truth over the recorded configurations, 2,000
uniform draws, and a hill climb from the best of these; regret 0 is the best, 1 the worst. Both are fixed by the record
alone. A forest has no gradient, so the climb is no proof: a regret slightly below 0 is possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]  # ships no types

from autorl.errors import InvalidInput
from autorl.records import Configuration, FloatArray
from autorl.seeds import integer_seed, stream
from autorl.space import Coordinate
from benchmarks.landscape_data import Landscape, features

__all__ = ["Forests", "Simulated", "Surrogate", "counted_scores", "draw_vector"]

TREES = 100
UNIFORM, ROUNDS, CLIMBERS, CHANGED = 2_000, 30, 50, 0.2
"""The search for the best: uniform draws, rounds of the climb, parents a round, share of their coordinates redrawn."""


class Forests:
    """Several forests of equal size as flat arrays: one configuration goes through all of them at once.

    Through scikit-learn one prediction costs milliseconds a forest, which is longer than most tuners think.

    Args:
        forests: Fitted on the same features.
    """

    def __init__(self, forests: list[RandomForestRegressor]) -> None:
        trees = [tree.tree_ for forest in forests for tree in forest.estimators_]
        offsets = np.cumsum([0] + [tree.node_count for tree in trees])
        self._roots = offsets[:-1].reshape(len(forests), -1)
        self._depth = max(tree.max_depth for tree in trees)
        self._left = _joined(trees, offsets, "children_left")
        self._right = _joined(trees, offsets, "children_right")
        self._feature = np.concatenate([np.maximum(tree.feature, 0) for tree in trees])
        self._threshold = np.concatenate([tree.threshold for tree in trees])
        self._value = np.concatenate([tree.value[:, 0, 0] for tree in trees])

    def predict(self, place: FloatArray) -> FloatArray:
        """The forests' predictions for one place, shape (forests,)."""
        place = place.astype(np.float32)  # as scikit-learn compares
        node = self._roots
        for _ in range(self._depth):
            node = np.where(place[self._feature[node]] <= self._threshold[node], self._left[node], self._right[node])
        means: FloatArray = self._value[node].mean(axis=1)
        return means


def _joined(trees: list[Any], offsets: npt.NDArray[np.int64], name: str) -> npt.NDArray[np.int64]:
    """One kind of child over all trees; a leaf is its own child."""
    found = []
    for tree, offset in zip(trees, offsets, strict=False):
        child = getattr(tree, name)
        found.append(offset + np.where(child < 0, np.arange(len(child)), child))
    return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Simulated:
    """What training one configuration brings.

    Attributes:
        truth: The mean over all seeds, shape (checkpoints,).
        scores: Shape (checkpoints, seeds); nan from where a run diverges on.
        counted: The same with diverged runs counted as the truth counts them.
    """

    truth: FloatArray
    scores: FloatArray
    counted: FloatArray


class Surrogate:
    """A landscape as a black box.

    Args:
        landscape: The record.

    Raises:
        InvalidInput: If all configurations are equally good.

    Attributes:
        landscape: The record.
        best: The highest truth at the last checkpoint.
        worst: The lowest.
        explained: Share of the variance of recorded means that the last checkpoint's forest predicts out of bag.
        noise: Mean standard deviation over seeds at the last checkpoint, as a share of `best` - `worst`.
    """

    def __init__(self, landscape: Landscape) -> None:
        self.landscape = landscape
        self._diverged = np.isnan(landscape.scores)
        recorded = counted_scores(landscape.scores)
        means = recorded.mean(axis=2)
        self._residuals = recorded - means[:, :, np.newaxis]
        forests = []
        for checkpoint in range(len(landscape.marks)):
            seed = integer_seed(0, "landscape surrogate", lineage=landscape.name, index=checkpoint)
            forest = RandomForestRegressor(TREES, random_state=seed, oob_score=checkpoint == len(landscape.marks) - 1)
            forests.append(forest.fit(landscape.features, means[:, checkpoint]))
        self._forests = Forests(forests)
        self.best, self.worst = _extremes(landscape, forests[-1])
        if self.best == self.worst:
            raise InvalidInput(f"{landscape.name}: every configuration has the truth {self.best}; nothing can be tuned")
        self.explained = float(forests[-1].oob_score_)
        self.noise = float(recorded[:, -1].std(axis=1, ddof=1).mean()) / (self.best - self.worst)

    def simulate(self, configuration: Configuration) -> Simulated:
        """Trains a configuration on every seed."""
        place = features(self.landscape.space, configuration)
        lender = int(((self.landscape.features - place) ** 2).sum(axis=1).argmin())
        truth = self._forests.predict(place)
        counted = truth[:, np.newaxis] + self._residuals[lender]
        return Simulated(truth, np.where(self._diverged[lender], np.nan, counted), counted)

    def regret(self, score: float) -> float:
        """How far a score at the last checkpoint lies below the best, as a share of the whole range."""
        return (self.best - score) / (self.best - self.worst)


def draw_vector(coordinates: tuple[Coordinate, ...], generator: np.random.Generator) -> dict[str, float | int | str]:
    """A vector drawn uniformly."""
    found: dict[str, float | int | str] = {}
    for one in coordinates:
        if one.kind == "unit":
            found[one.name] = float(generator.random())
        else:
            index = int(generator.integers(one.size))
            found[one.name] = one.labels[index] if one.kind == "label" else index
    return found


def counted_scores(scores: FloatArray) -> FloatArray:
    """Scores with diverged runs at the checkpoint's lowest mean over completed seeds."""
    completed = np.isfinite(scores)
    sums, counts = np.where(completed, scores, 0).sum(axis=2), completed.sum(axis=2)
    floor = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf).min(axis=0)
    found: FloatArray = np.where(completed, scores, floor[np.newaxis, :, np.newaxis])
    return found


def _extremes(landscape: Landscape, forest: RandomForestRegressor) -> tuple[float, float]:
    """The highest and the lowest prediction found; see the module."""
    space, generator = landscape.space, stream(0, "landscape extremes", lineage=landscape.name)

    def judged(vectors: list[Mapping[str, float | int | str]]) -> FloatArray:
        found: FloatArray = forest.predict(np.stack([features(space, space.decode(one)) for one in vectors]))
        return found

    vectors: list[Mapping[str, float | int | str]] = [space.encode(one) for one in landscape.configurations]
    vectors += [draw_vector(space.coordinates, generator) for _ in range(UNIFORM)]
    truths = judged(vectors)
    worst = float(truths.min())
    for _ in range(ROUNDS):
        parents = [vectors[index] for index in np.argsort(-truths, kind="stable")[:CLIMBERS]]
        children: list[Mapping[str, float | int | str]] = []
        for parent in parents:
            drawn = draw_vector(space.coordinates, generator)
            children.append({n: drawn[n] if generator.random() < CHANGED else old for n, old in parent.items()})
        vectors, truths = vectors + children, np.concatenate([truths, judged(children)])
    return float(truths.max()), worst
