"""The entry `evaluation.weights`: what policies are evaluated for where the reward is a vector."""

from __future__ import annotations

from collections.abc import Sequence

from autorl.documents import as_number, looks_like_number
from autorl.errors import InvalidInput
from autorl.simplex import lattice_at_least, simplex_weights, weight_table

__all__ = ["Vectors", "evaluation_weights", "weights_entry"]

Vectors = tuple[tuple[float, ...], ...]
WHERE = "evaluation.weights"
VECTORS = 20
"""Weight vectors at least, where a study does not say how many."""


def weights_entry(value: object) -> object:
    """Reads the entry: None, a number of vectors, or the vectors, each of which is divided by its sum.

    Raises:
        InvalidInput: If it is something else.
    """
    number = as_number(value, WHERE) if isinstance(value, str) and looks_like_number(value) else value
    if number is None or (isinstance(number, int) and not isinstance(number, bool)):
        return number
    if isinstance(number, float) and number.is_integer():  # 1e2
        return int(number)
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return tuple(tuple(row) for row in weight_table(value, WHERE).tolist())
    raise InvalidInput(f"{value!r} is neither a number of weight vectors nor a list of them")


def evaluation_weights(given: int | Vectors | None, rewards: int) -> Vectors:
    """The weight vectors that policies are evaluated for; none where the reward is one number.

    Args:
        given: The entry as read; None takes the smallest lattice of at least 20 vectors.
        rewards: How many rewards there are.

    Raises:
        InvalidInput: If the entry does not fit so many rewards.
    """
    if rewards == 1:
        if given is not None:
            raise InvalidInput(
                f"{WHERE}: {given!r} given, but the environment's reward is one number; weights weigh several"
            )
        return ()
    if isinstance(given, tuple):
        if len(given[0]) != rewards:
            raise InvalidInput(
                f"{WHERE}: {list(given[0])!r} has {len(given[0])} numbers for a reward of {rewards}; a vector has one "
                f"weight a reward"
            )
        return given
    try:
        table = lattice_at_least(VECTORS, rewards) if given is None else simplex_weights(given, rewards)
    except InvalidInput as error:
        raise InvalidInput(f"{WHERE}: {error}") from error
    return tuple(tuple(row) for row in table.tolist())
