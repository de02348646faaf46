"""Whole episodes kept by what they are worth: returns, crowding and ranking by hand, and what a full memory drops."""

from __future__ import annotations

import numpy as np
import pytest

from autorl.agents.episodes import Episode, EpisodeBuffer, crowding, ranking, returns_to_go


def episode(*returns: tuple[float, float], mark: float = 0.0) -> Episode:
    """An episode of so many steps with these returns from each on; observations tell whose they are."""
    steps = len(returns)
    return Episode(np.full((steps, 3), mark), np.arange(steps), np.array(returns))


def test_returns_are_discounted_sums_to_the_end() -> None:
    rewards = np.array([[1.0, -1.0], [0.0, -1.0], [4.0, -1.0]])
    assert returns_to_go(rewards, 0.5).tolist() == [[2.0, -1.75], [2.0, -1.5], [4.0, -1.0]]
    assert returns_to_go(rewards, 1.0)[0].tolist() == [5.0, -3.0]
    assert rewards[0].tolist() == [1.0, -1.0], "the rewards are left alone"


def test_crowding_adds_up_the_gaps_between_neighbours() -> None:
    # First reward 0 1 3 6: gaps 3 for 1 and 5 for 3. Second 0 1 8 10: gaps 8 for the third row and 9 for the second.
    returns = np.array([[0.0, 10.0], [1.0, 8.0], [3.0, 1.0], [6.0, 0.0]])
    assert crowding(returns).tolist() == [np.inf, 12.0, 13.0, np.inf]
    assert crowding(returns[:1]).tolist() == [np.inf]


def test_the_front_comes_first_then_copies_then_what_is_far_from_it() -> None:
    returns = np.array(
        [
            [1.0, 1.0],  # dominated, at distance .25 sqrt(2) of (2, 2) on a front scaled by 4
            [0.0, 4.0],  # front
            [2.0, 2.0],  # front, its two ends are less crowded
            [4.0, 0.0],  # front
            [2.0, 2.0],  # a copy
            [0.0, 0.0],  # dominated, the farthest
            [2.0, 2.0],  # another copy
        ]
    )
    order, front = ranking(returns)
    assert front == 3
    assert order.tolist() == [1, 3, 2, 4, 6, 0, 5]


def test_what_is_crowded_counts_twice_as_far() -> None:
    # Scaled by the front's range of 10, the crowded cluster lies 4.24 from (5, 5), the lone return 5.66.
    front = [[0.0, 10.0], [5.0, 5.0], [10.0, 0.0]]
    cluster = [[2.0, 2.0], [2.01, 1.99], [2.02, 1.98], [1.99, 2.01], [1.98, 2.02]]
    order, _ = ranking(np.array([*front, *cluster, [1.0, 1.0]]))
    assert list(order).index(8) < list(order).index(3), "the middle of the cluster is behind the lone return"
    order, _ = ranking(np.array([*front, [2.0, 2.0], [1.0, 1.0]]))
    assert order.tolist()[3:] == [3, 4], "alone, it would be before it"


def test_units_of_a_reward_do_not_change_the_ranking() -> None:
    returns = np.random.default_rng(0).normal(size=(40, 3))
    assert ranking(returns)[0].tolist() == ranking(returns * [1024.0, 1.0, 0.125])[0].tolist()


def test_a_full_memory_keeps_the_best_and_leaves_others_alone() -> None:
    memory = EpisodeBuffer(2, 3, 4, 3, 2)
    memory.offer(0, [episode((1, 1), mark=1), episode((0, 3), (0, 1), mark=2)])
    assert memory.filled.tolist() == [2, 0]
    assert memory.front.tolist() == [2, 0]
    memory.offer(0, [episode((2, 2), mark=3), episode((4, 0), mark=4), episode((0, 0), mark=5)])
    returns, lengths = memory.best()
    assert {tuple(row) for row in returns[0]} == {(0, 3), (4, 0), (2, 2)}
    assert memory.met.tolist() == [5, 0]
    assert memory.largest()[0].tolist() == [4, 3]
    assert sorted(lengths[0]) == [1, 1, 2]
    assert not memory.observations[1].any()
    marks = memory.observations[0, memory.order[0], 0, 0]
    kept = {tuple(row): mark for row, mark in zip(returns[0], marks, strict=True)}
    assert kept == {(0, 3): 2, (4, 0): 4, (2, 2): 3}


def test_a_draw_is_of_any_step_with_what_was_achieved_from_there() -> None:
    memory = EpisodeBuffer(2, 3, 4, 3, 2)
    memory.offer(0, [episode((7, -3), (6, -2), (5, -1), mark=1)])
    units = np.zeros((2, 4, 2))
    units[:, :, 1] = [0.0, 0.34, 0.67, 0.999]
    drawn = memory.draw(units)
    assert drawn.actions[0].tolist() == [0, 1, 2, 2]
    assert drawn.commands[0].tolist() == [[7, -3, 3], [6, -2, 2], [5, -1, 1], [5, -1, 1]]
    assert drawn.observations[0].tolist() == [[1, 1, 1]] * 4
    assert not drawn.commands[1, :, :2].any(), "nothing is drawn where nothing is kept"


@pytest.mark.parametrize("offered", [1, 4, 30])
def test_every_episode_kept_is_one_that_was_met(offered: int) -> None:
    generator = np.random.default_rng(offered)
    memory, met = EpisodeBuffer(1, 5, 6, 3, 2), {}
    for number in range(offered):
        batch = []
        for k in range(int(generator.integers(0, 4))):
            mark = float(10 * number + k)
            made = episode(*generator.integers(0, 4, (int(generator.integers(1, 6)), 2)).tolist(), mark=mark)
            met[mark] = made
            batch.append(made)
        memory.offer(0, batch)
    filled = int(memory.filled[0])
    assert filled == min(len(met), 5)
    assert sorted(memory.order[0]) == list(range(5))
    for place in memory.order[0, :filled]:
        steps = memory.lengths[0, place]
        source = met[float(memory.observations[0, place, 0, 0])]
        assert memory.returns[0, place, :steps].tolist() == source.returns.tolist()
        assert memory.actions[0, place, :steps].tolist() == source.actions.tolist()
