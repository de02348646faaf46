"""Replay and priorities against closed forms and a plain reading of their rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from autorl.agents.priorities import Priorities
from autorl.agents.replay import Replay
from autorl.environment import Step

GAMMA = 0.5


def fill(replay: Replay, steps: int, ends: dict[int, str], agents: int = 2) -> None:
    """Step t observes t, leads to t + 1 and rewards t + 1; agent 1's numbers are 100 larger."""
    shift = 100.0 * np.arange(agents)[:, None, None]
    for step in range(steps):
        seen = np.zeros((agents, 1, 1)) + step + shift
        flags = {name: np.full((agents, 1), ends.get(step) == name) for name in ("terminated", "truncated")}
        answer = Step(seen + 1, seen[:, :, 0] + 1, flags["terminated"], flags["truncated"], seen + 1)
        replay.add(step, seen, seen, answer, np.ones(agents, dtype=np.bool_))


def sampled(replay: Replay, rows: list[int], steps: int, n: int) -> list[npt.NDArray[Any]]:
    """Rewards, next observations and discounts of agent 1 at its rows, agent 0 drawing at n = 1."""
    drawn = replay.sample(np.array([rows, rows]), steps, torch.full((2, 1), GAMMA), np.array([1, n], dtype=np.int64))
    assert drawn.observations[1, :, 0].tolist() == drawn.actions[1, :, 0].tolist()
    assert (drawn.rewards[0] == drawn.observations[0, :, 0] + 1).all(), "another agent's n does not matter"
    return [part[1].numpy() for part in (drawn.rewards, drawn.next_observations[:, :, 0], drawn.discounts)]


def test_a_window_sums_discounted_rewards_and_bootstraps_after_n_steps() -> None:
    replay = Replay(2, 8, 1, 1, 1, "cpu")
    fill(replay, 6, {})
    rewards, following, discounts = sampled(replay, [0, 1], 6, 3)
    # From t: (t + 1) + gamma (t + 2) + gamma^2 (t + 3), then gamma^3 V(t + 3); agent 1 is 100 larger.
    assert rewards == pytest.approx([101 + 0.5 * 102 + 0.25 * 103, 102 + 0.5 * 103 + 0.25 * 104])
    assert following.tolist() == [103, 104]
    assert discounts.tolist() == [0.125, 0.125]


def test_a_window_ends_with_its_episode_and_at_the_newest_step() -> None:
    replay = Replay(2, 8, 1, 1, 1, "cpu")
    fill(replay, 6, {1: "terminated", 3: "truncated"})
    rewards, following, discounts = sampled(replay, [0, 2, 4, 5], 6, 3)
    assert rewards == pytest.approx([101 + 0.5 * 102, 103 + 0.5 * 104, 105 + 0.5 * 106, 106])
    assert following.tolist() == [102, 104, 106, 106]
    assert discounts.tolist() == [0, 0.25, 0.25, 0.5], "no value after a termination, one after a truncation"


def test_the_ring_forgets_the_oldest_and_windows_run_through_its_seam() -> None:
    replay = Replay(2, 4, 1, 1, 1, "cpu")
    fill(replay, 6, {})  # slots hold steps 4, 5, 2, 3
    assert replay.filled(6) == 4
    rewards, following, _ = sampled(replay, [0, 1, 2, 3], 6, 2)
    assert following.tolist() == [106, 106, 104, 105]
    assert rewards == pytest.approx([105 + 0.5 * 106, 106, 103 + 0.5 * 104, 104 + 0.5 * 105])


def test_a_restart_cuts_the_newest_window_only() -> None:
    replay = Replay(2, 8, 1, 1, 1, "cpu")
    fill(replay, 3, {})
    replay.cut(3, np.array([True, True]))
    shift = np.array([0.0, 100.0])[:, None, None]
    seen, no = 50 + shift, np.zeros((2, 1), dtype=np.bool_)
    replay.add(3, seen, seen, Step(seen + 1, seen[:, :, 0] + 1, no, no, seen + 1), np.ones(2, dtype=np.bool_))
    rewards, following, discounts = sampled(replay, [1, 2], 4, 5)
    assert rewards == pytest.approx([102 + 0.5 * 103, 103])
    assert following.tolist() == [103, 103]
    assert discounts.tolist() == [0.25, 0.5], "cut, not terminated: the value counts"


def test_a_resting_agent_keeps_what_it_has() -> None:
    replay = Replay(2, 4, 1, 1, 1, "cpu")
    fill(replay, 4, {})
    before = replay.data.clone()
    seen, no = np.full((2, 1, 1), 9.0), np.zeros((2, 1), dtype=np.bool_)
    replay.add(4, seen, seen, Step(seen, seen[:, :, 0], no, no, seen), np.array([False, True]))
    assert torch.equal(replay.data[0], before[0])
    assert replay.data[1, 0, 0, 0] == 9


def test_draws_are_proportional_to_p_to_the_alpha() -> None:
    priorities = Priorities(2, 5)
    everybody, alphas = np.ones(2, dtype=np.bool_), np.array([0.5, 1.0])
    priorities.add(np.arange(5), alphas, everybody)
    rows = np.tile(np.arange(5), (2, 1))
    wanted = np.array([1.0, 4.0, 9.0, 16.0, 25.0])
    priorities.update(rows, np.tile(wanted, (2, 1)), alphas, everybody)
    units = np.tile(np.full(60_000, 0.5), (2, 1))  # the middle of 60,000 equal parts of the total
    drawn = priorities.draw(units)
    for agent, alpha in enumerate(alphas):
        shares = np.bincount(drawn[agent], minlength=5) / 60_000
        assert shares == pytest.approx(wanted**alpha / (wanted**alpha).sum(), abs=1e-4)
        total = priorities.tree[agent, 1]
        assert total == pytest.approx((wanted**alpha).sum())
    assert priorities.largest.tolist() == [25, 25]
    priorities.add(np.array([0]), alphas, np.array([True, False]))
    assert priorities.tree[:, priorities.leaves].tolist() == [5.0, 1.0], "the largest met, to the alpha; or kept"


@pytest.mark.parametrize(
    ("old", "new", "wanted"), [(0.5, 1.0, [1, 4, 9]), (1.0, 0.0, [1, 1, 1]), (0.0, 0.5, [3, 3, 3])]
)
def test_leaves_follow_another_exponent(old: float, new: float, wanted: list[float]) -> None:
    priorities = Priorities(2, 5)
    one, rows = np.ones(2, dtype=np.bool_), np.tile(np.arange(3), (2, 1))
    priorities.add(rows[0], np.array([old, 1.0]), one)
    priorities.update(rows, np.tile([1.0, 4.0, 9.0], (2, 1)), np.array([old, 1.0]), one)
    before = priorities.tree[1].copy()
    priorities.add(np.array([3]), np.array([new, 1.0]), np.array([True, False]))
    leaves = priorities.tree[0, priorities.leaves :]
    assert leaves[:5].tolist() == pytest.approx([*wanted, 9**new, 0]), "and a new one as the largest met"
    assert priorities.tree[0, 1] == pytest.approx(leaves.sum())
    assert priorities.tree[1].tolist() == before.tolist()


def test_weights_undo_the_bias() -> None:
    priorities = Priorities(1, 4)
    one = np.ones(1, dtype=np.bool_)
    priorities.add(np.arange(4), np.ones(1), one)
    priorities.update(np.array([[0, 1, 2, 3]]), np.array([[1.0, 1.0, 2.0, 4.0]]), np.ones(1), one)
    rows = np.array([[0, 2, 3]])
    # (n P)^-1 with P = 1/8, 2/8, 4/8 and n = 4, over the largest of them, 2.
    assert priorities.weights(rows, 4, np.ones(1))[0] == pytest.approx([1.0, 0.5, 0.25])
    assert priorities.weights(rows, 4, np.zeros(1))[0] == pytest.approx([1.0, 1.0, 1.0])
    assert priorities.weights(rows, 4, np.full(1, 0.5))[0] == pytest.approx(np.sqrt([1.0, 0.5, 0.25]))


def test_a_row_never_filled_is_never_drawn() -> None:
    priorities = Priorities(3, 100)
    priorities.add(np.arange(3), np.ones(3), np.ones(3, dtype=np.bool_))
    units = np.random.default_rng(0).random((3, 5000))
    units[:, -1] = np.nextafter(1.0, 0.0)
    assert set(priorities.draw(units).ravel().tolist()) == {0, 1, 2}


def test_several_rewards_are_summed_each_by_itself() -> None:
    generator, steps = np.random.default_rng(0), 20
    together, apart = Replay(2, 12, 3, 2, 1, "cpu", 3), [Replay(2, 12, 3, 2, 1, "cpu") for _ in range(3)]
    for step in range(steps):
        seen, following = generator.normal(size=(2, 2, 3, 2))
        rewards, action = generator.normal(size=(2, 3, 3)), generator.normal(size=(2, 3, 1))
        flags = (generator.random((2, 3)) < 0.1, generator.random((2, 3)) < 0.1)
        running = np.ones(2, dtype=np.bool_)
        together.add(step, seen, action, Step(following, rewards, *flags, following), running)
        for place, replay in enumerate(apart):
            replay.add(step, seen, action, Step(following, rewards[..., place], *flags, following), running)
    arguments = (generator.integers(0, 36, (2, 50)), steps, torch.full((2, 1), GAMMA), np.array([4, 1]))
    found = together.sample(*arguments)
    assert found.rewards.shape == (2, 50, 3)
    for place, replay in enumerate(apart):
        own = replay.sample(*arguments)
        assert torch.equal(found.rewards[:, :, place], own.rewards)
        for name in ("observations", "actions", "next_observations", "discounts"):
            assert torch.equal(getattr(found, name), getattr(own, name))
