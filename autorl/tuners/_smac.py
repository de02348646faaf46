"""SMAC's proposal for one trial; run as a script, a process that answers requests. The one file that imports SMAC.

A proposal is a function of its request alone: the parts of SMAC 2.4 are seeded and fitted anew for every trial, and
nothing is kept in between. They are those of its facades: the random forest on log-scaled losses with expected
improvement in the log (`HyperparameterOptimizationFacade`), or the Gaussian process with expected improvement
(`BlackBoxFacade`), each with random trials in between (Hutter, Hoos and Leyton-Brown 2011; Lindauer et al. 2022), and
ParEGO's random weights for several objectives (Knowles 2006).

Deviations. Every proposal has a fit of its own (the facade of the forest refits after 8). Each part has a seed of its
own: from a shared one, the first weight of ParEGO would be the number that decides whether a trial is a random one.
Pending trials stand in the data with the mean loss. Expected improvement is maximised as SMAC does it, by local
searches from the best of many random points and of the past ones, but on arrays, and to the best neighbour instead of
the first better one: with SMAC's objects a proposal took some ten times as long.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ConfigSpace import Categorical, ConfigurationSpace, Float
from scipy.linalg import cho_solve, cholesky
from scipy.spatial.distance import cdist
from smac import BlackBoxFacade, HyperparameterOptimizationFacade, Scenario
from smac.acquisition.function import EI
from smac.model.gaussian_process.gaussian_process import GaussianProcess
from smac.model.random_forest.random_forest import RandomForest
from smac.multi_objective.parego import ParEGO
from smac.runhistory.encoder import RunHistoryLogScaledEncoder
from smac.utils.multi_objective import normalize_costs

__all__ = ["FastGaussianProcess", "Grid", "Parts", "forest", "gaussian", "log_scaled", "propose", "serve"]

LOCAL_SEARCHES = 10
"""From as many random points, and as many past ones."""
NEIGHBOURS = 8
"""Of each numeric coordinate."""
PLATEAUS = 10
"""Neighbourhoods without a better point that end a local search."""
FIRST_SPREAD, LEAST_SPREAD, LARGEST_SPREAD = 0.05, 0.005, 0.4
"""Standard deviation of a numeric neighbour; doubled after every third success in a row, halved every third plateau."""


@dataclass(frozen=True)
class Grid:
    """The space as the models see it: rows of numbers, one column a coordinate.

    A unit value stands for itself, an index for the centre of its cell in [0, 1], a label for its position.

    Attributes:
        kinds: Per coordinate "unit", "index" or "label".
        sizes: Per coordinate the number of its values; 0 for a unit value.
    """

    kinds: tuple[str, ...]
    sizes: tuple[int, ...]

    def rows(self, vectors: Sequence[Sequence[float]]) -> np.ndarray:
        """Vectors with indices and positions as whole numbers, as rows of shape (vectors, coordinates)."""
        rows = np.array(vectors, dtype=float).reshape(-1, len(self.kinds))
        for column, size in self._columns("index"):
            rows[:, column] = (rows[:, column] + 0.5) / size
        return rows

    def vector(self, row: np.ndarray) -> list[float]:
        """A row as a vector."""
        return [
            float(value) if kind == "unit" else int(value * size) if kind == "index" else int(value)
            for value, kind, size in zip(row, self.kinds, self.sizes, strict=True)
        ]

    def draw(self, generator: np.random.Generator, number: int) -> np.ndarray:
        """Uniform rows."""
        rows = generator.random((number, len(self.kinds)))
        for column, size in self._columns("index"):
            rows[:, column] = self._cells(rows[:, column], size)
        for column, size in self._columns("label"):
            rows[:, column] = np.floor(rows[:, column] * size)
        return rows

    def neighbours(self, rows: np.ndarray, spreads: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Rows that differ in one coordinate: normal steps of a number, every other label.

        Args:
            rows: Shape (rows, coordinates).
            spreads: Standard deviation of the steps, shape (rows,).
            generator: Where the steps come from.

        Returns:
            Shape (rows, neighbours of each, coordinates).
        """
        found = []
        for column, (kind, size) in enumerate(zip(self.kinds, self.sizes, strict=True)):
            count = size - 1 if kind == "label" else NEIGHBOURS
            block = np.repeat(rows[:, None, :], count, axis=1)
            old = block[..., column]
            if kind == "label":
                block[..., column] = (old + np.arange(1, size)) % size
            else:
                step = generator.standard_normal(old.shape) * spreads[:, None]
                if kind == "index":  # at least to the next cell
                    step = np.where(step < 0, np.minimum(step, -1 / size), np.maximum(step, 1 / size))
                moved = 1 - np.abs(1 - np.abs(old + step))  # reflected at the bounds
                moved = np.clip(moved, 0, 1)
                block[..., column] = self._cells(moved, size) if kind == "index" else moved
            found.append(block)
        return np.concatenate(found, axis=1)

    def configuration_space(self) -> ConfigurationSpace:
        """The columns for SMAC's models, which look at their types only."""
        space = ConfigurationSpace()
        for column, (kind, size) in enumerate(zip(self.kinds, self.sizes, strict=True)):
            name = f"{column:05d}"  # in the order of the columns, also when sorted
            space.add(Categorical(name, range(size)) if kind == "label" else Float(name, (0.0, 1.0)))
        return space

    def _columns(self, kind: str) -> Iterator[tuple[int, int]]:
        for column, size in enumerate(self.sizes):
            if self.kinds[column] == kind:
                yield column, size

    @staticmethod
    def _cells(values: np.ndarray, size: int) -> np.ndarray:
        return np.asarray((np.minimum(np.floor(values * size), size - 1) + 0.5) / size)


class FastGaussianProcess(GaussianProcess):  # type: ignore[misc]  # SMAC is untyped
    """SMAC's Gaussian process of `BlackBoxFacade`, with the gradient of its likelihood in closed form.

    SMAC builds a matrix for every derivative, which takes most of a proposal's time, and its derivative by a label's
    length scale lacks a factor.
    """

    def _optimize(self) -> np.ndarray:
        labels = np.array(self._types) != 0
        rows = self._gp.X_train_
        self._numbers, self._labels = rows[:, ~labels], rows[:, labels]
        self._unequal = (self._labels[:, None, :] != self._labels[None, :, :]).astype(float)
        return np.asarray(super()._optimize())

    def _nll(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log marginal likelihood with the priors, and its gradient.

        The covariance is amplitude * Matern 5/2 of the numbers * exp(-sum of 1 / (2 length^2) over unequal labels)
        + noise on the diagonal.

        Args:
            theta: Logarithms of amplitude, length scales of the numbers, of the labels, and noise.
        """
        numbers = self._numbers.shape[1]
        amplitude, lengths, noise = np.exp(theta[0]), np.exp(theta[1:-1]), np.exp(theta[-1])
        scaled = self._numbers / lengths[:numbers]
        distances = math.sqrt(5) * cdist(scaled, scaled) if numbers else np.zeros((len(scaled), len(scaled)))
        decay = amplitude * np.exp(-distances - self._unequal @ (0.5 / lengths[numbers:] ** 2))
        covariance = (1 + distances + distances**2 / 3) * decay
        values = self._gp.y_train_
        try:
            factor = cholesky(covariance + noise * np.eye(len(values)), lower=True)
        except np.linalg.LinAlgError:
            return 1e25, np.zeros(theta.shape)
        weights = cho_solve((factor, True), values)
        likelihood = -0.5 * values @ weights - np.log(np.diag(factor)).sum() - len(values) / 2 * math.log(2 * math.pi)
        # Half of it times the derivative of the covariance, summed, is the derivative of the likelihood.
        outer = np.outer(weights, weights) - cho_solve((factor, True), np.eye(len(values)))
        inner = outer * decay * (1 + distances) * 5 / 3
        gradient = np.concatenate(
            [
                [0.5 * (outer * covariance).sum()],
                inner.sum(axis=1) @ scaled**2 - ((inner @ scaled) * scaled).sum(axis=0),
                0.5 * np.einsum("ij,ijk->k", outer * covariance, self._unequal) / lengths[numbers:] ** 2,
                [0.5 * noise * np.trace(outer)],
            ]
        )
        for place, priors in enumerate(self._all_priors):
            for prior in priors:
                likelihood += prior.get_log_probability(theta[place])
                gradient[place] += prior.get_gradient(theta[place])
        if not (np.isfinite(likelihood) and np.isfinite(gradient).all()):
            return 1e25, np.zeros(theta.shape)
        return -float(likelihood), -gradient


def forest(scenario: Scenario, trials: int) -> Any:
    """SMAC's random forest of `HyperparameterOptimizationFacade`, unfitted.

    The facade lets a tree have 2**20 leaves, and scikit-learn makes room for them, which takes a second. As many as
    there are trials are enough, and the trees are the same.
    """
    return RandomForest(
        scenario.configspace,
        n_trees=10,
        ratio_features=1.0,
        min_samples_split=2,
        min_samples_leaf=1,
        max_leaf_nodes=max(2, trials),
        log_y=True,
        n_jobs=1,
        seed=scenario.seed,
    )


def gaussian(scenario: Scenario, trials: int) -> Any:
    """SMAC's Gaussian process of `BlackBoxFacade`, unfitted; see `FastGaussianProcess`."""
    kernel = BlackBoxFacade.get_kernel(scenario)
    return FastGaussianProcess(scenario.configspace, kernel, normalize_y=True, seed=scenario.seed)


def log_scaled(losses: np.ndarray) -> np.ndarray:
    """Losses in the log, as SMAC's forest takes them; scaled to 0 to 1 first, or large ones could round to -inf."""
    encoder = RunHistoryLogScaledEncoder(Scenario(ConfigurationSpace()))
    scaled = (losses - losses.min()) / (np.ptp(losses) or 1.0)
    encoder._min_y, encoder._max_y = np.array([0.0]), np.array([scaled.max()])
    encoder._percentile = np.percentile(scaled, [5])
    return np.asarray(encoder.transform_response_values(scaled))


@dataclass(frozen=True)
class Parts:
    """What a facade of SMAC's puts together.

    Attributes:
        facade: Gives the acquisition function and the share of random trials.
        challengers: Random points among which local searches start.
        model: Of a scenario and the number of trials; unfitted.
        encoded: Losses as the model takes them.
    """

    facade: Any
    challengers: int
    model: Callable[[Scenario, int], Any]
    encoded: Callable[[np.ndarray], np.ndarray]


MODELS = {
    "forest": Parts(HyperparameterOptimizationFacade, 10_000, forest, log_scaled),
    "gaussian": Parts(BlackBoxFacade, 1_000, gaussian, np.asarray),  # it scales losses itself
}


def propose(request: Mapping[str, Any]) -> list[float]:
    """The vector for one trial.

    Args:
        request: The `model`, a key of `MODELS`; `kinds` and `sizes` of the coordinates; the `told` vectors, at least
            one, with their `losses` and whether they are `complete`; the `pending` vectors; and a seed for each of
            "model", "weights", "interleaving" and "search".
    """
    grid = Grid(tuple(request["kinds"]), tuple(request["sizes"]))
    parts, seeds = MODELS[request["model"]], request["seeds"]
    space = grid.configuration_space()
    told, pending = grid.rows(request["told"]), grid.rows(request["pending"])
    rows = np.concatenate([told, pending])
    generator = np.random.default_rng(seeds["search"])
    if parts.facade.get_random_design(Scenario(space, seed=seeds["interleaving"])).check(1):
        return grid.vector(_first_new(grid.draw(generator, 16 + len(rows)), rows))
    losses = parts.encoded(_scalarised(request["losses"], request["complete"], seeds["weights"]))
    losses = np.append(losses, np.full(len(pending), losses.mean()))
    scenario = Scenario(space, seed=seeds["model"])
    model = parts.model(scenario, len(rows)).train(rows, losses[:, None])
    acquisition = parts.facade.get_acquisition_function(scenario)
    acquisition.update(model, eta=float(model.predict_marginalized(rows)[0].min()))
    return grid.vector(_first_new(_candidates(grid, acquisition, rows, parts.challengers, generator), rows))


def _scalarised(losses: Sequence[Sequence[float]], complete: Sequence[bool], seed: int) -> np.ndarray:
    """One loss a trial: with several, ParEGO's of losses scaled to 0 to 1 over the complete trials.

    So the penalties of failures, which lie above the worst loss, do not change how objectives are weighed.
    """
    values = np.array(losses, dtype=float)
    if values.shape[1] == 1:
        return values[:, 0]
    measured = values[np.array(complete)] if any(complete) else values
    bounds = list(zip(measured.min(axis=0), measured.max(axis=0), strict=True))
    objectives = [str(place) for place in range(values.shape[1])]
    weights = ParEGO(Scenario(ConfigurationSpace(), objectives=objectives), seed=seed)
    weights.update_on_iteration_start()
    return np.array([weights(normalize_costs(list(one), bounds)) for one in values])


def _candidates(
    grid: Grid, acquisition: EI, known: np.ndarray, challengers: int, generator: np.random.Generator
) -> np.ndarray:
    """Where the acquisition is large: the ends of the local searches, then the random points; best first."""

    def value(rows: np.ndarray) -> np.ndarray:
        values = acquisition._compute(rows.reshape(-1, rows.shape[-1]))
        return np.asarray(np.nan_to_num(values, nan=-np.inf)).reshape(rows.shape[:-1])

    def best_first(rows: np.ndarray, badness: np.ndarray) -> np.ndarray:
        order = generator.permutation(len(rows))  # among equal ones, chance decides
        return rows[order[np.argsort(badness[order], kind="stable")]]

    drawn = grid.draw(generator, challengers)
    drawn = best_first(drawn, -value(drawn))
    past = best_first(known, acquisition.model.predict_marginalized(known)[0][:, 0])
    starts = np.concatenate([drawn[:LOCAL_SEARCHES], past[:LOCAL_SEARCHES]])
    ends = _climb(grid, value, starts, generator)
    return np.concatenate([best_first(ends, -value(ends)), drawn])


def _climb(grid: Grid, value: Any, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Local searches side by side, each to its best neighbour until `PLATEAUS` neighbourhoods held no better one."""
    rows, values = rows.copy(), value(rows)
    spreads, successes, plateaus = np.full(len(rows), FIRST_SPREAD), np.zeros(len(rows), int), np.zeros(len(rows), int)
    while len(active := np.flatnonzero(plateaus < PLATEAUS)):
        neighbours = grid.neighbours(rows[active], spreads[active], generator)
        found = value(neighbours)
        best = np.where(found == found.max(axis=1, keepdims=True), generator.random(found.shape), -1).argmax(axis=1)
        places = np.arange(len(active))
        better = found[places, best] > values[active]
        moves = found[places, best] >= values[active]  # to an equal one too, across the plateau
        rows[active[moves]], values[active[moves]] = neighbours[places, best][moves], found[places, best][moves]
        successes[active] = np.where(better, successes[active] + 1, 0)
        plateaus[active] += ~better
        wider = (successes == 3) & (plateaus == 0)
        spreads[wider] = np.minimum(spreads[wider] * 2, LARGEST_SPREAD)
        successes[wider] = 0
        narrower = active[~better & (plateaus[active] % 3 == 0)]
        spreads[narrower] = np.maximum(spreads[narrower] / 2, LEAST_SPREAD)
        # Who has come within half a step of a better search leaves the place to it.
        close = np.abs(rows[:, None] - rows[None]).max(axis=2) < spreads[:, None] / 2
        ahead = (values[None] > values[:, None]) | np.tril(values[None] == values[:, None], -1)
        plateaus[(close & ahead).any(axis=1)] = PLATEAUS
    return rows


def _first_new(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The first row that is none of those known; the first of all if every one is."""
    taken = {row.tobytes() for row in known}
    return next((row for row in rows if row.tobytes() not in taken), rows[0])


def serve() -> None:
    """Answers requests until there are no more: a line of JSON each, with `vector` or, if it failed, `error`."""
    logging.disable()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    for line in sys.stdin:
        try:
            answer: dict[str, object] = {"vector": propose(json.loads(line))}
        except Exception as error:  # noqa: BLE001  # SMAC's, of whatever kind, becomes the parent's
            answer = {"error": traceback.format_exception_only(error)[-1].strip()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
