"""Minibatches of a rollout."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from autorl.agents.rollout import Batch, epochs, minibatches
from autorl.algorithms import mdpo, ppo
from autorl.algorithms.ppo import PPO
from autorl.environment import Environment
from autorl.population import resolve_algorithm
from autorl.records import Agent


def test_minibatches_hold_every_row_once_and_the_last_is_shorter() -> None:
    agents, networks, length = 2, 2, 10
    rows = torch.arange(agents * length, dtype=torch.float32).view(agents, length)
    observations = rows[:, None, :, None].expand(-1, networks, -1, 3).contiguous()
    order = np.stack([np.random.default_rng(seed).permutation(length) for seed in range(agents)])
    parts = list(minibatches(Batch(observations, rows.long(), rows, rows, rows, rows), order, 4))
    assert [part.returns.shape[1] for part in parts] == [4, 4, 2]
    joined = torch.cat([part.returns for part in parts], dim=1)
    assert torch.equal(joined, torch.gather(rows, 1, torch.from_numpy(order)))
    for part in parts:
        assert torch.equal(part.actions.float(), part.returns)
        assert all(torch.equal(part.observations[:, net, :, 2], part.returns) for net in range(networks))


def test_a_minibatch_of_the_whole_rollout_is_not_shuffled() -> None:
    agents, length = [Agent(PPO.defaults(), seed) for seed in range(2)], 6
    rows = torch.arange(2.0 * length).view(2, length)
    data = Batch(rows[:, None, :, None].contiguous(), rows.long(), rows, rows, rows, rows)
    normalizing = torch.tensor([[True], [False]])
    whole = list(epochs(data, agents, 0, 3, length, normalizing))
    halves = list(epochs(data, agents, 0, 3, length // 2))
    assert len(whole) == 3
    assert len(halves) == 6
    for part in whole:
        assert torch.equal(part.returns, rows)
        torch.testing.assert_close(part.advantages[0], (rows[0] - 2.5) / rows[0].std())
        assert torch.equal(part.advantages[1], rows[1])
    passes = [torch.cat([part.returns for part in halves[at : at + 2]], dim=1) for at in (0, 2, 4)]
    assert all(torch.equal(one.sort(1).values, rows) for one in passes)
    assert not torch.equal(passes[0], passes[1])


@pytest.mark.parametrize(
    ("name", "environment"), [("ppo", "CartPole-v1"), ("mdpo", "Pendulum-v1"), ("mo_ppo", "deep-sea-treasure-v0")]
)
def test_nobody_writes_into_a_minibatch_that_comes_again(
    name: str, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm, where = resolve_algorithm(name), Environment(environment)
    shared = {"n_envs": 1, "n_steps": 8, "batch_size": 8, "n_epochs": 3, "clip_range_vf": 0.2, "width": 8}
    agents = [Agent({**algorithm.defaults(), **shared}, seed) for seed in range(2)]

    def weights() -> npt.NDArray[Any]:
        made = algorithm.population(agents, where, 8)
        made.restart(0)
        made.advance(8)
        assert made.costs()[0].gradient_updates == 3
        return made.state_dict()["weights"]

    def copies(*arguments: Any) -> Iterator[Batch]:
        for batch in epochs(*arguments):
            own = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
            yield dataclasses.replace(batch, **{name: part.clone() for name, part in own.items() if part is not None})

    found = weights()
    monkeypatch.setattr(mdpo if name == "mdpo" else ppo, "epochs", copies)
    np.testing.assert_array_equal(found, weights())
