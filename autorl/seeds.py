"""Seeds as a contract: disjoint sets, and every random stream derived by a named key.

A stream is NumPy's Philox with key = SHA-256(seed, stream, lineage)[:16] and counter (0, 0, index, 0). There is
no generator state to save: whoever knows the names can draw the same numbers again.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from autorl.errors import InvalidInput

__all__ = ["SeedPlan", "integer_seed", "stream"]

BLOCKS = {"tuning": 0, "validation": 10_000, "test": 20_000}
"""Where a count takes its seeds from: the first n of a fixed block."""
BLOCK_SIZE = 10_000
LARGEST_SEED = 2**31 - 1


@functools.lru_cache(maxsize=4096)
def _key(seed: int, name: str, lineage: str) -> tuple[int, int]:
    digest = hashlib.sha256(json.dumps([seed, name, lineage]).encode()).digest()[:16]
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def stream(seed: int, name: str, *, lineage: str = "", index: int = 0) -> np.random.Generator:
    """The generator of one named stream.

    Args:
        seed: The seed of the agent, tuner or study.
        name: What is drawn ("weights", "rollout", "permutation", ...).
        lineage: The agent's lineage; another one gives another stream.
        index: Where in the stream: the iteration, the rung's mark, the block of env steps, the ask.
    """
    key = np.array(_key(seed, name, lineage), dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, index, 0]))


def integer_seed(seed: int, name: str, *, lineage: str = "", index: int = 0) -> int:
    """A seed in [0, 2**31) for a library that wants an integer, derived like a stream."""
    return int(stream(seed, name, lineage=lineage, index=index).integers(0, LARGEST_SEED, endpoint=True))


def _seed_set(name: str, given: int | Sequence[int]) -> tuple[int, ...]:
    source: object = given
    if isinstance(source, (bool, str)) or not isinstance(source, (int, Sequence)):
        raise InvalidInput(f"seeds.{name}: {given!r} is neither a count nor a list of seeds")
    if isinstance(given, int):
        if not 0 <= given <= BLOCK_SIZE:
            raise InvalidInput(f"seeds.{name}: the count {given} lies outside 0 to {BLOCK_SIZE}")
        return tuple(range(BLOCKS[name], BLOCKS[name] + given))
    seeds = tuple(given)
    wrong = [seed for seed in seeds if isinstance(seed, bool) or not isinstance(seed, int)]
    if wrong:
        raise InvalidInput(f"seeds.{name}: {_listed(wrong)} must be whole numbers")
    outside = [seed for seed in seeds if not 0 <= seed <= LARGEST_SEED]
    if outside:
        raise InvalidInput(f"seeds.{name}: {_listed(outside)} must lie in 0 to {LARGEST_SEED}")
    repeated = sorted(seed for seed, count in Counter(seeds).items() if count > 1)
    if repeated:
        raise InvalidInput(f"seeds.{name}: {_listed(repeated)} listed more than once; a seed counts as one sample")
    return seeds


def _listed(seeds: Iterable[object]) -> str:
    return "seed(s) " + ", ".join(repr(seed) for seed in seeds)


@dataclass(frozen=True)
class SeedPlan:
    """The three disjoint seed sets of a study.

    Attributes:
        tuning: What the tuner sees; never empty.
        validation: On which finalists are re-judged; may be empty.
        test: Opened after selection; what is reported comes from here; never empty.

    Raises:
        InvalidInput: If a set overlaps another, repeats a seed, holds a negative one, or is empty where it may not be.
    """

    tuning: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        sets = {"tuning": self.tuning, "validation": self.validation, "test": self.test}
        for name, seeds in sets.items():
            _seed_set(name, seeds)
            if not seeds and name != "validation":
                raise InvalidInput(f"seeds.{name}: {list(seeds)!r} holds no seed; at least one is needed")
        for first, second in (("tuning", "validation"), ("tuning", "test"), ("validation", "test")):
            shared = sorted(set(sets[first]) & set(sets[second]))
            if shared:
                raise InvalidInput(
                    f"seeds.{first} and seeds.{second} share {_listed(shared)}; the sets must be disjoint"
                )

    @staticmethod
    def of(
        tuning: int | Sequence[int] = 5, validation: int | Sequence[int] = 0, test: int | Sequence[int] = 20
    ) -> SeedPlan:
        """Builds a plan from counts (the first n of a fixed block) or explicit lists.

        Raises:
            InvalidInput: As the class says.
        """
        return SeedPlan(_seed_set("tuning", tuning), _seed_set("validation", validation), _seed_set("test", test))
