"""The contract of a population, one function a property; they run in a process started as a worker is."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.records import Agent
from tests.contract.contract_subject import (
    Array,
    Subject,
    differing,
    fingerprint,
    observations,
    pictures,
    proceed,
    same,
)

SIZES = (1, 2, 3, 4, 5, 9, 17)
ACTIONS, WIDTHS = (2, 3, 5, 6, 7, 9, 17), (5, 6, 64)
VECTORS_ONLY: dict[str, Any] = {"normalize_observations": False}
ID = "tests.contract.contract_environments:contract/Toy-v0"


def toy(actions: int = 3, explode: float = 0.0, dimensions: int = 2, **more: Any) -> Environment:
    return Environment(ID, {"actions": actions, "explode": explode, "dimensions": dimensions, **more})


def places(size: int) -> list[int]:
    """First, middle and last."""
    return sorted({0, size // 2, size - 1})


def company(subject: Subject) -> None:
    """An agent's bits do not depend on how many others train beside it, nor on where it stands."""
    # Every number of actions and every width, each often enough to be seen; all pairs are `every_company`.
    shapes = list(zip(ACTIONS, itertools.cycle(WIDTHS), strict=False))
    cases: list[tuple[Environment, dict[str, Any]]] = [(toy(actions), {"width": width}) for actions, width in shapes]
    cases += [(toy(0, dimensions=width), {"width": width, "share_trunk": True, "depth": 1}) for width in WIDTHS[:2]]
    cases += [(toy(0), {"depth": 0}), (toy(2), {"activation": "relu", "width": 7}), (toy(2), {"n_envs": 1})]
    _keeps_company(subject, cases)


def every_company(subject: Subject) -> None:
    """The same for every number of actions with every width."""
    _keeps_company(subject, [(toy(actions), {"width": width}) for actions in ACTIONS for width in WIDTHS])


def _keeps_company(subject: Subject, cases: list[tuple[Environment, dict[str, Any]]]) -> None:
    sizes: tuple[int, ...] = SIZES[1:]
    cases = [(taken, values) for environment, values in cases for taken in subject.taken(environment)]
    if not subject.exact:
        cases, sizes = cases[:1], (2, 5)  # nothing is shared between trainers that come one after the other
    for environment, values in cases:
        marks = [2 * subject.iteration(environment)]
        own = subject.agent(7, normalize_observations=True, target_kl=0.01, ent_coef=0.01, **values)
        alone = fingerprint(subject.trained([own], environment, marks), 0)
        for size in sizes:
            # The agent stands in three places at once: a population does not mind twins.
            agents = subject.company(size, **values)
            for place in places(size):
                agents[place] = own
            population = subject.trained(agents, environment, marks)
            for place in places(size):
                found = differing(alone, fingerprint(population, place))
                assert not found, f"{environment.kwargs} {values}: {found} differ in row {place} of {size}"
            population.close()


def stop_and_continue(subject: Subject) -> None:
    """Stopping at any rung, by any road, and going on gives the bits of the unbroken run."""
    for environment in subject.among(toy(5), toy(0)):
        step = subject.iteration(environment)
        marks = [2 * step + 3, 3 * step, 6 * step]
        agents = subject.company(4, normalize_observations=True)
        unbroken = subject.trained(agents, environment, marks)
        wanted = [fingerprint(unbroken, row) for row in range(4)]
        if not subject.exact:
            again = subject.trained(agents[1:3], environment, marks)
            same(wanted[2], fingerprint(again, 1), "trained again from zero")
            _refuses(again.state_dict)
            continue
        for number, rung in enumerate(marks[:-1]):
            stopped = subject.trained(agents, environment, marks[: number + 1], marks[-1])
            rest = marks[number + 1 :]
            restored = subject.population(agents, environment, marks[-1])
            restored.load_state_dict(stopped.state_dict())
            by_rows = subject.population(agents[1:], environment, marks[-1])
            by_rows.load_rows(stopped.row_state(row) for row in (1, 2, 3))
            turned, one = stopped.select([3, 1, 0, 2]), stopped.select([2])
            twice = type(stopped).concatenate([one, stopped.select([0, 3]), one])
            roads = {"state_dict": (restored, range(4)), "row_state": (by_rows, (1, 2, 3))}
            roads |= {"select": (turned, (3, 1, 0, 2)), "alone": (one, (2,))}
            for road, (population, rows) in {**roads, "concatenate": (twice, (2, 0, 3, 2))}.items():
                proceed(population, rung, rest)
                for place, row in enumerate(rows):
                    same(wanted[row], fingerprint(population, place), f"{road} at {rung}, row {row}")
            with_mismatch = subject.trained(agents[:1], environment, [step], marks[-1])
            _refuses(lambda: type(stopped).concatenate([stopped, with_mismatch]))  # noqa: B023  # called at once
            _refuses(lambda: stopped.load_state_dict({}))  # noqa: B023  # called at once
            _refuses(lambda: turned.load_rows([{}]))  # noqa: B023  # called at once
            _refuses(lambda: turned.load_rows([stopped.row_state(0)]))  # noqa: B023  # called at once


def images(subject: Subject) -> None:
    """On images too neither company nor stopping changes bits; who has no layers for them refuses them."""
    _keeps_bits(
        subject, [toy(3, pixels=True), toy(0, pixels=True), toy(3, pixels=True, rewards=2)], pictures, VECTORS_ONLY
    )


def several_choices(subject: Subject) -> None:
    """With several choices in an action likewise; who cannot make them refuses such actions."""
    _keeps_bits(subject, [toy(2, choices=3), toy(2, choices=3, rewards=2)], observations, {})


def _keeps_bits(
    subject: Subject, environments: list[Environment], shown: Callable[[int], Array], values: dict[str, Any]
) -> None:
    """Alone or in company, at a stretch or stopped and in another order, wherever it acts; not if trained anew."""
    if not subject.exact:
        return
    for environment in filter(subject.takes, environments):
        step = subject.iteration(environment)
        marks = [step, 2 * step, 3 * step]
        agents = [
            dataclasses.replace(one, configuration=subject.configuration(**{**one.configuration, **values}))
            for one in subject.company(3)
        ]
        unbroken = subject.trained(agents, environment, marks)
        wanted = [fingerprint(unbroken, row, shown) for row in range(3)]
        stopped = subject.trained(agents, environment, marks[:2], marks[2]).select([2, 0])
        proceed(stopped, marks[1], marks[2:])
        for place, row in enumerate((2, 0)):
            same(wanted[row], fingerprint(stopped, place, shown), f"stopped at {marks[1]}, row {row}")
        for row in range(3):
            alone = subject.trained([agents[row]], environment, marks)
            same(wanted[row], fingerprint(alone, 0, shown), f"row {row} alone")
        assert differing(wanted[0], wanted[1])


def hyperparameters(subject: Subject) -> None:
    """Every hyperparameter reaches the algorithm: changing it alone changes what is trained or spent."""
    environment = subject.among(toy(0), toy(3))[0]
    deaf = []
    for name in subject.algorithm.defaults():
        changed = subject.changed(name)
        base = {**changed, name: subject.configuration()[name]}
        results = []
        for values in (base, changed):
            planned = subject.algorithm.configure(values).plan(environment.spaces(), 10_000).iteration_env_steps or 16
            results.append((max(planned, subject.iteration(environment)), values))
        end = 6 * max(planned for planned, _ in results)
        first, second = (
            fingerprint(subject.trained([Agent(values, 3)], environment, [end]), 0) for _, values in results
        )
        shapes = {key: array.shape for key, array in first.items()} != {key: a.shape for key, a in second.items()}
        if not shapes and not differing(first, second):
            deaf.append(f"{name}={changed[name]!r}")
    assert not deaf, f"without effect: {', '.join(deaf)}"


def divergence(subject: Subject) -> None:
    """A row that meets infinity freezes and acts with zeros; its neighbours keep every bit."""
    for environment in subject.among(toy(3, explode=0.04), toy(0, explode=0.04)):
        marks = [4 * subject.iteration(environment)]
        agents = subject.company(8)
        together = subject.trained(agents, environment, marks)
        lost = together.diverged
        for row in np.flatnonzero(~lost):
            same(
                fingerprint(subject.trained([agents[row]], environment, marks), 0),
                fingerprint(together, int(row)),
                f"neighbour {row} of diverged rows {np.flatnonzero(lost)}",
            )
        if not subject.exact:
            continue
        assert lost.any(), "no row that met infinity says so"
        assert not lost.all(), "rows that met nothing infinite diverged too"
        before = [fingerprint(together, row) for row in range(8)]
        proceed(together, marks[0], [2 * marks[0]])
        for row in np.flatnonzero(lost):
            ignored = {"iteration": np.zeros(0)}
            same({**before[row], **ignored}, {**fingerprint(together, int(row)), **ignored}, f"frozen row {row}")
            assert not together.act(observations(8))[row].any(), "a frozen row must act with zeros"
            assert together.costs()[row].env_steps < 2 * marks[0], "a frozen row spends no env steps"


def seeds(subject: Subject) -> None:
    """The seed and the lineage decide; seed 0 is a seed; equal ones give equal bits."""
    environment = subject.among(toy(0), toy(3))[0]
    marks = [2 * subject.iteration(environment)]

    def run(seed: int, lineage: str = "") -> dict[str, Array]:
        return fingerprint(subject.trained([subject.agent(seed, lineage)], environment, marks), 0)

    first = run(0)
    same(first, run(0), "the same seed")
    for other in (run(1), run(2**31 - 1), *([run(0, "copy")] if subject.exact else [])):
        assert differing(first, other), "another seed or lineage gave the same agent"


def own_random_numbers(subject: Subject) -> None:
    """The process's generators change nothing and are not changed."""
    environment = subject.among(toy(0), toy(3))[0]
    marks = [2 * subject.iteration(environment)]
    results = []
    for number in (1, 2):
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002  # the global generator is what is tested
        torch.manual_seed(number)
        results.append(fingerprint(subject.trained([subject.agent(4)], environment, marks), 0))
        drawn = (random.random(), float(np.random.random()), float(torch.rand(())))  # noqa: NPY002  # the global generator is the point
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002  # the global generator is the point
        torch.manual_seed(number)
        assert drawn == (random.random(), float(np.random.random()), float(torch.rand(()))), "a generator was moved"  # noqa: NPY002  # the global generator is the point
    same(results[0], results[1], "other process-wide seeds")


def looking(subject: Subject) -> None:
    """Evaluation touches no training state, and gives the same scores twice."""
    environment = subject.among(toy(3), toy(0))[0]
    step = subject.iteration(environment)
    agents = subject.company(3)
    watched = subject.population(agents, environment, 3 * step)
    watched.restart(0)
    for mark in (step, 2 * step, 3 * step):
        watched.advance(mark)
        first, taken = watched.evaluate(environment, 3, 0.9)
        second, _ = watched.evaluate(environment, 3, 0.9)
        assert first.tobytes() == second.tobytes()
        assert first.shape == (3, 1, 3, environment.spaces().rewards)
        assert (taken > 0).all()
    unwatched = subject.trained(agents, environment, [3 * step])
    for row in range(3):
        same(fingerprint(unwatched, row), fingerprint(watched, row), "watched")


def marks(subject: Subject) -> None:
    """`advance` runs whole iterations and never passes a mark; the plan says what is spent."""
    environment = subject.among(toy(3), toy(0))[0]
    step = subject.iteration(environment)
    population = subject.population(subject.company(2), environment, 4 * step)
    population.restart(0)
    for mark in (0, step - 1, step, step, 3 * step - 1, 4 * step):
        population.advance(mark)
        spent = population.costs()[0].env_steps
        if subject.algorithm.rounds_down:
            assert spent <= mark, f"{spent} env steps at the mark {mark}"
            assert spent > mark - step, f"only {spent} env steps at the mark {mark}, an iteration is {step}"
    calm = subject.trained([subject.agent(1)], environment, [4 * step]).costs()[0]
    plan = subject.algorithm.configure(subject.configuration()).plan(environment.spaces(), 4 * step)
    for name in ("parameters", "gradient_updates", "flops"):
        if getattr(plan, name) is not None:
            assert getattr(calm, name) == getattr(plan, name), f"{name}: {getattr(calm, name)}, planned {plan}"


def acting(subject: Subject) -> None:
    """Actions have the environment's shape and type, and lie within its bounds."""
    for environment in subject.among(toy(3), toy(0)):
        population = subject.trained(subject.company(2), environment, [subject.iteration(environment)])
        actions = population.act(1000 * observations(2))
        space = environment.spaces().action
        assert space.shape is not None
        assert actions.shape == (2, 1, 64, *space.shape)
        assert all(space.contains(np.asarray(action)) for action in actions.reshape(128, *space.shape)), actions


def replacing(subject: Subject) -> None:
    """A replaced row goes on under its new hyperparameters and lineage; the others notice nothing."""
    environment = subject.among(toy(0), toy(3))[0]
    step = subject.iteration(environment)
    agents = subject.company(3)
    if not subject.exact:
        _refuses(lambda: subject.population(agents, environment, step).replace(0, agents[1].configuration, "x"))
        return
    populations = [subject.trained(agents, environment, [step], 2 * step) for _ in range(3)]
    free = [name for name in subject.algorithm.defaults() if name not in subject.algorithm.static_names()]
    name = "learning_rate" if "learning_rate" in free else free[0]
    value = subject.changed(name)[name]
    changed = {**agents[1].configuration, name: value}
    populations[1].replace(1, changed, "")
    populations[2].replace(1, agents[1].configuration, "copy")
    assert populations[1].agents[1].configuration[name] == value
    for population in populations:
        proceed(population, step, [2 * step])
    for other in populations[1:]:
        assert differing(fingerprint(populations[0], 1), fingerprint(other, 1))
        for row in (0, 2):
            same(fingerprint(populations[0], row), fingerprint(other, row), "beside a replaced row")
    for name in subject.algorithm.static_names():
        other_static = {**agents[0].configuration, name: subject.changed(name)[name]}
        _refuses(functools.partial(populations[0].replace, 0, other_static, ""))
        _refuses(lambda: subject.population([agents[0], Agent(other_static, 1)], environment, step))  # noqa: B023  # at once


def fingerprint_digest(subject: Subject) -> str:
    """One number for a whole training, to compare processes by."""
    environment = subject.among(toy(0), toy(3))[0]
    population = subject.trained(subject.company(3), environment, [2 * subject.iteration(environment)])
    sha = hashlib.sha256()
    for row in range(3):
        for name, array in sorted(fingerprint(population, row).items()):
            sha.update(name.encode() + array.tobytes())
    return sha.hexdigest()


def products(subject: Subject) -> list[str]:
    """Shapes of bare matrix products that depend on how many stand in the batch."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for batch in (3, 5, 15):
        for outputs in (*ACTIONS, *WIDTHS, 10, 11, 18):
            left, right = (torch.randn(17, *sizes, generator=generator) for sizes in ((batch, 64), (64, outputs)))
            together = torch.bmm(left, right)
            apart = [torch.bmm(left[row : row + 2].clone(), right[row : row + 2].clone())[0] for row in range(16)]
            if not torch.equal(together[:16], torch.stack(apart)):
                found.append(f"{batch} x 64 x {outputs}")
    return found


def _refuses(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput):
        call()


CHECKS: dict[str, Callable[[Subject], None]] = {
    check.__name__: check
    for check in (
        company, stop_and_continue, images, several_choices, hyperparameters, divergence, seeds, own_random_numbers,
        looking, marks, acting, replacing,
    )
}  # fmt: skip
LONG_CHECKS: dict[str, Callable[[Subject], None]] = {"every_company": every_company}
"""Left out of CI."""
