"""Commands of Pareto Conditioned Networks: what return is to be achieved, and within how many steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autorl.records import FloatArray

__all__ = ["SHORTER", "improved", "remaining"]

SHORTER = 2
"""Steps by which a new command is shorter than the episode it comes from."""


def improved(returns: FloatArray, lengths: npt.NDArray[np.int64], units: FloatArray) -> FloatArray:
    """New commands that ask for a little more than one of the episodes given (Reymond et al. 2022, section 4.1).

    One reward, chosen evenly, is raised by a uniform draw of up to its standard deviation over the episodes.

    Args:
        returns: Of the episodes, shape (n, rewards); without any, commands are zeros.
        lengths: Their steps (n,).
        units: Uniform draws in [0, 1): which episode, which reward, how much; shape (commands, 3).

    Returns:
        Desired returns and, last, desired horizons; shape (commands, rewards + 1).
    """
    count, rewards = returns.shape
    commands = np.zeros((len(units), rewards + 1))
    if count:
        chosen, raised = (units[:, 0] * count).astype(np.int64), (units[:, 1] * rewards).astype(np.int64)
        commands[:, :-1], commands[:, -1] = returns[chosen], np.maximum(lengths[chosen] - SHORTER, 1)
        commands[np.arange(len(units)), raised] += units[:, 2] * returns.std(0)[raised]
    return commands


def remaining(commands: FloatArray, rewards: FloatArray, gamma: float, largest: FloatArray) -> FloatArray:
    """What is left of commands after a step: the return without its reward, and one step less, but at least one.

    Args:
        commands: Shape (M, ..., rewards + 1).
        rewards: Earned in the step (M, ..., rewards).
        gamma: Discount per env step.
        largest: What a desired return may not exceed (M, rewards): a cost that turned out larger than was foreseen
            would leave a negative one to be paid.
    """
    bound = largest.reshape(len(largest), *[1] * (commands.ndim - 2), -1)
    wanted = np.minimum((commands[..., :-1] - rewards) / gamma, bound)
    return np.concatenate([wanted, np.maximum(commands[..., -1:] - 1, 1)], axis=-1)
