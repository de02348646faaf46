"""States of single agents: what every population does by default is what stacked ones do without copies."""

from __future__ import annotations

import numpy as np
import pytest

from autorl.algorithms.dqn import DQN
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import Population
from autorl.records import Agent


def population(count: int, steps: int = 0) -> Population:
    values = {**DQN.defaults(), "width": 4, "buffer_size": 30, "learning_starts": 4, "batch_size": 4}
    made = DQN.population([Agent(values, number) for number in range(count)], Environment("CartPole-v1"), 100)
    made.restart(0)
    made.advance(steps)
    return made


def test_a_row_is_its_share_of_the_whole_and_a_copy() -> None:
    made = population(3, 20)
    whole = made.state_dict()
    for row in range(3):
        own, default = made.row_state(row), Population.row_state(made, row)
        assert own.keys() == default.keys() == whole.keys()
        for name, array in whole.items():
            assert own[name].tobytes() == default[name].tobytes() == array[row].tobytes()
            assert own[name].flags.c_contiguous
    made.row_state(0)["weights"][:] = 7
    assert made.state_dict()["weights"].tobytes() == whole["weights"].tobytes()


@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_taken_up_in_order_and_one_at_a_time(count: int) -> None:
    made = population(count, 20)
    rows = [made.row_state(row) for row in range(count)][::-1]
    for row in rows:
        for array in row.values():
            array.flags.writeable = False  # as what is read from a file may be
    wanted = {name: array[::-1] for name, array in made.state_dict().items()}
    stacked, default = population(count), population(count)
    stacked.load_rows(iter(rows))
    Population.load_rows(default, iter(rows))
    for found in (stacked, default):
        for name, array in found.state_dict().items():
            assert array.tobytes() == wanted[name].tobytes(), name


def test_rows_that_do_not_fit_are_refused() -> None:
    made, ahead = population(2, 20), population(2, 21)
    first, second = (made.row_state(row) for row in range(2))
    for load in (made.load_rows, lambda rows: Population.load_rows(made, rows)):
        with pytest.raises(InvalidInput, match="1 states for 2 agents"):
            load([first])
        with pytest.raises(InvalidInput, match="3 states for 2 agents"):
            load([first, second, first])
        with pytest.raises(InvalidInput, match="0 states for 2 agents"):
            load([])
        with pytest.raises(InvalidInput, match=r"rows at different iterations \[20, 21\]"):
            load([first, ahead.row_state(1)])
        with pytest.raises(InvalidInput, match="hold"):
            load([first, {}])
    with pytest.raises(InvalidInput, match="state 'weights' has shape"):
        made.load_rows([{**first, "weights": np.zeros(3)}, second])
