"""Synthetic studies for the report's tests: plausible numbers without any training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from autorl.records import Status, Value
from autorl.report.content import (
    Curve,
    Member,
    Phase,
    Quantity,
    SeedSets,
    StudyContent,
    TrialRow,
)
from autorl.space import Row
from autorl.statistics import Estimate

AUC = Quantity("auc", "maximize", "return", "mean over checkpoints of the return of the policy owned at that budget")
PARAMETERS = Quantity("parameters", "minimize", "parameters", "parameters of the acting network")
STD = Quantity("return_std", "minimize", "return", "standard deviation of the return over episodes")
RETURN = Quantity("return", "maximize", "return", "mean return of the last evaluation")

SPACE = (
    Row("learning_rate", "float", "[1e-06, 0.1]", "log", "0.0003"),
    Row("gamma", "float", "[0.9, 0.9999]", "reverse_log", "0.99"),
    Row("n_steps", "int", "[32, 2048]", "pow2", "128", static=True),
    Row("width", "int", "[2, 256]", "log", "64", static=True),
    Row("depth", "int", "[0, 3]", "linear", "2", static=True),
    Row("activation", "choice", "tanh, relu", "", "tanh", static=True),
    Row("normalize_advantage", "choice", "true, false", "", "true"),
    Row("entropy_coefficient", "float", "[0, 0.05]", "linear", "0.0", condition="normalize_advantage = true"),
)


def estimate(per_seed: Sequence[float]) -> Estimate:
    """An estimate with a rough interval, as good as any for a picture."""
    numbers = [float(number) for number in per_seed]
    mean = float(np.mean(numbers))
    half = 2.1 * float(np.std(numbers, ddof=1)) / math.sqrt(len(numbers)) if len(numbers) > 1 else math.nan
    warning = f"only {len(numbers)} seeds; 10 are recommended" if len(numbers) < 10 else None
    return Estimate(
        mean=mean,
        low=mean - half,
        high=mean + half,
        per_seed=tuple(numbers),
        n=len(numbers),
        method="Student's t, 95 %",
        warning=warning,
    )


def _score(configuration: Mapping[str, Value]) -> tuple[float, float]:
    """What a configuration is truly worth: (auc, parameters)."""
    rate, width, depth = (float(configuration[name]) for name in ("learning_rate", "width", "depth"))  # type: ignore[arg-type]  # these are numbers
    parameters = 4 * width + width + width * (width + 1) * max(depth - 1, 0) + 2 * width + 2 if depth else 10
    capacity = 1 - math.exp(-(math.log10(parameters) ** 2) / 6)
    return 30 + 440 * capacity * math.exp(-((math.log10(rate) + 2.6) ** 2) / 1.6), parameters


def study(
    objectives: Sequence[Quantity] = (AUC,),
    *,
    name: str = "cartpole_pareto",
    trials: int = 32,
    tuning: int = 5,
    test: int = 20,
    complete: bool = True,
    seed: int = 0,
) -> StudyContent:
    """A study with one to three of AUC, PARAMETERS and STD as its objectives."""
    random = np.random.default_rng(seed)
    sets = SeedSets(tuple(range(tuning)), (), tuple(range(20000, 20000 + test)))
    labels = [quantity.label for quantity in objectives]
    quantities = list(dict.fromkeys([*labels, "return"]))

    def measure(configuration: Mapping[str, Value], count: int) -> dict[str, list[float]]:
        worth, parameters = _score(configuration)
        auc = np.clip(worth + 28 * random.standard_normal(count), 9, 500)
        everything = {
            "auc": auc,
            "return": np.clip(auc * 1.25 + 10 * random.standard_normal(count), 9, 500),
            "parameters": np.full(count, parameters),
            "return_std": np.abs(25 + 0.1 * (500 - auc) + 5 * random.standard_normal(count)),
        }
        return {label: [float(number) for number in everything[label]] for label in quantities}

    rows = []
    for number in range(trials):
        configuration: dict[str, Value] = {
            "learning_rate": float(10 ** random.uniform(-4.5, -1)) if number else 3e-4,
            "gamma": float(1 - 10 ** random.uniform(-4, -1)) if number else 0.99,
            "n_steps": int(2 ** random.integers(5, 12)) if number else 128,
            "width": round(2 ** random.uniform(1, 8)) if number else 64,
            "depth": int(random.integers(0, 4)) if number else 2,
            "activation": "tanh" if not number or random.uniform() < 0.5 else "relu",
            "normalize_advantage": bool(not number or random.uniform() < 0.5),
        }
        if configuration["normalize_advantage"]:
            configuration["entropy_coefficient"] = float(random.uniform(0, 0.05)) if number else 0.0
        status = Status.COMPLETE
        if not complete or number % 11 == 7:
            status = Status.DIVERGED if number % 2 else Status.FAILED
        per_seed = measure(configuration, tuning)
        rows.append(
            TrialRow(
                number=number,
                configuration=configuration,
                status=status,
                origin="tuner" if number else "default",
                values={label: float(np.mean(per_seed[label])) for label in labels}
                if status is Status.COMPLETE
                else {},
                per_seed=per_seed if status is Status.COMPLETE else {},
                seeds=sets.tuning,
                rung=30_000,
                reason=None if status is Status.COMPLETE else "ValueError: the loss is nan <at update 3>",
                env_steps=29_952 * tuning,
                evaluation_steps=41_230,
                train_seconds=3.25 + number / 64,
            )
        )

    def member(trial: TrialRow | None, configuration: Mapping[str, Value]) -> Member:
        tuned = measure(configuration, tuning) if trial is None or not trial.per_seed else trial.per_seed
        scores = measure(configuration, test)
        checkpoints = tuple(range(3000, 30001, 3000))
        rise = 1 - np.exp(-np.arange(1, 11) / 3.5)
        finals = np.asarray(scores["return"])[:, None]
        noise = np.cumsum(random.standard_normal((test, 10)) * 9, axis=1)
        returns = np.clip(20 + (finals - 20) * rise + noise, 9, 500)
        return Member(
            trial=None if trial is None else trial.number,
            configuration=configuration,
            tuning={label: estimate(numbers) for label, numbers in tuned.items()},
            test={label: estimate(numbers) for label, numbers in scores.items()},
            curve=Curve(checkpoints, returns, sets.test),
        )

    done = [row for row in rows if row.values]
    signs = {quantity.label: -1 if quantity.direction == "maximize" else 1 for quantity in objectives}

    def loss(row: TrialRow) -> list[float]:
        return [signs[label] * row.values[label] for label in labels]

    best, chosen = None, []
    if done and len(objectives) == 1:
        row = min(done, key=loss)
        best = member(row, row.configuration)
    elif done:
        losses = np.array([loss(row) for row in done])
        beaten = [bool(np.any(np.all(losses <= one, axis=1) & np.any(losses < one, axis=1))) for one in losses]
        front = [row for row, worse in zip(done, beaten, strict=True) if not worse][:10]
        chosen = [member(row, row.configuration) for row in front]
    default = member(rows[0], rows[0].configuration) if rows else None
    baseline = member(None, {**rows[0].configuration, "learning_rate": 1e-3}) if rows else None
    return StudyContent(
        name=name,
        description={
            "name": name,
            "algorithm": "ppo",
            "environment": {"id": "CartPole-v1", "backend": "gymnasium", "kwargs": {}},
            "space": "ppo",
            "objectives": [{"metric": q.label, "direction": q.direction} for q in objectives],
            "tuner": {"name": "nsga2" if len(objectives) > 1 else "tpe"},
            "schedule": {"name": "full"},
            "budget": {"trials": trials, "env_steps": 30000, "hours": None},
            "seeds": {"tuning": tuning, "validation": 0, "test": test},
            "evaluation": {"episodes": 20, "curve_episodes": 3, "checkpoints": 10, "discount": 1.0},
        },
        objectives=tuple(objectives),
        metrics=(RETURN,),
        seeds=sets,
        trials=tuple(rows),
        baseline=baseline,
        default=default,
        best=best,
        front=tuple(chosen),
        phases={
            "tuning": Phase(sum(row.env_steps for row in rows), sum(row.evaluation_steps for row in rows)),
            "validation": Phase(),
            "test": Phase(test * 29_952 * max(len(chosen), 1), test * 8000),
            "baseline": Phase((test + tuning) * 29_952, (test + tuning) * 8000),
        },
        space=SPACE,
        provenance={
            "command": f"autorl run {name}",
            "git_hash": "0123456789abcdef0123456789abcdef01234567",
            "versions": {"autorl": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6", "gymnasium": "1.4.0"},
            "platform": "Linux-6.1-x86_64",
            "cpu": "Example CPU, AVX512",
        },
        warnings=("Tuning used 5 seeds; gaps are smaller with more.",) if tuning < 10 else (),
        autorl_version="0.1.0",
    )
