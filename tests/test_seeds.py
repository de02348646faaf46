"""Seeds: the closed form of a stream, fixed blocks, and every refusal with the seeds it is about."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.seeds import SeedPlan, integer_seed, stream

PLAN = SeedPlan((0,), (), (1,))


class TestStreams:
    def test_a_stream_is_philox_under_the_digest_of_its_names(self) -> None:
        """Spelt out again from the design: key = SHA-256(seed, stream, lineage)[:16], counter = (0, 0, index, 0)."""
        names = hashlib.sha256(json.dumps([3, "rollout", "copy"]).encode()).digest()
        key = np.frombuffer(names[:16], dtype="<u8")
        by_hand = np.random.Generator(np.random.Philox(counter=[0, 0, 9, 0], key=key))
        ours = stream(3, "rollout", lineage="copy", index=9)
        assert ours.random(5).tolist() == by_hand.random(5).tolist()

    def test_the_first_numbers_stay_what_they_are(self) -> None:
        """Known answers: were these to move, no study could be resumed."""
        assert stream(0, "weights").integers(0, 2**32, 3).tolist() == [316465901, 1164453993, 2551337412]
        assert [integer_seed(seed, "environment") for seed in (0, 1)] == [963078349, 2145636296]

    def test_every_name_makes_another_stream(self) -> None:
        draws = {
            stream(seed, name, lineage=lineage, index=index).random()
            for seed in (0, 1)
            for name in ("weights", "rollout")
            for lineage in ("", "copy")
            for index in (0, 1)
        }
        assert len(draws) == 16

    def test_neighbouring_indices_do_not_overlap(self) -> None:
        """The index is the third counter word: 2**128 blocks lie between two indices."""
        first = set(stream(0, "rollout", index=0).integers(0, 2**63, 4000).tolist())
        second = set(stream(0, "rollout", index=1).integers(0, 2**63, 4000).tolist())
        assert not first & second

    def test_names_are_not_run_together(self) -> None:
        assert stream(1, "a", lineage="bc").random() != stream(1, "ab", lineage="c").random()
        assert stream(1, "1").random() != stream(11, "").random()

    def test_asking_again_starts_again(self) -> None:
        stream(0, "rollout").random(100)
        assert stream(0, "rollout").random() == stream(0, "rollout").random()

    def test_another_process_and_hash_seed_draw_the_same(self) -> None:
        command = "from autorl.seeds import integer_seed; print(integer_seed(5, 'tuner tpe', index=3))"
        for hash_seed in ("0", "1"):
            run = subprocess.run(
                [sys.executable, "-c", command],
                env=os.environ | {"PYTHONHASHSEED": hash_seed},
                capture_output=True,
                text=True,
                check=True,
            )
            assert int(run.stdout) == integer_seed(5, "tuner tpe", index=3)

    def test_integer_seeds_fit_thirty_one_bits_and_spread(self) -> None:
        seeds = [integer_seed(0, "environment", index=index) for index in range(2000)]
        assert all(0 <= seed < 2**31 for seed in seeds)
        assert len(set(seeds)) == 2000
        assert abs(np.mean(seeds) / 2**30 - 1) < 4 / np.sqrt(3 * 2000), "4 standard errors around the middle"


class TestSeedPlan:
    def test_counts_take_the_first_of_fixed_blocks(self) -> None:
        plan = SeedPlan.of(3, 2, 1)
        assert (plan.tuning, plan.validation, plan.test) == ((0, 1, 2), (10_000, 10_001), (20_000,))
        assert SeedPlan.of() == SeedPlan(tuple(range(5)), (), tuple(range(20_000, 20_020)))

    def test_growing_one_set_moves_no_other(self) -> None:
        small, large = SeedPlan.of(1, 1, 1), SeedPlan.of(500, 500, 500)
        for name in ("tuning", "validation", "test"):
            grown = getattr(large, name)
            assert grown[:1] == getattr(small, name)
            assert len(grown) == 500

    def test_lists_are_kept_in_their_order_and_seed_0_is_a_seed(self) -> None:
        assert SeedPlan.of([7, 0, 3], [], [2**31 - 1]) == SeedPlan((7, 0, 3), (), (2**31 - 1,))

    @pytest.mark.parametrize(
        ("tuning", "validation", "test", "message"),
        [
            ([0, 1, 2], 0, [2, 1, 9], r"seeds\.tuning and seeds\.test share seed\(s\) 1, 2; the sets must be disjoint"),
            ([0, 5], [5], [9], r"seeds\.tuning and seeds\.validation share seed\(s\) 5;"),
            ([0], [9, 8], [8], r"seeds\.validation and seeds\.test share seed\(s\) 8;"),
            (3, 0, [1], r"seeds\.tuning and seeds\.test share seed\(s\) 1;"),
            ([4, 4, 1, 1, 2], 0, 1, r"seeds\.tuning: seed\(s\) 1, 4 listed more than once"),
            ([1, -2, -3], 0, 1, r"seeds\.tuning: seed\(s\) -2, -3 must lie in 0 to 2147483647"),
            ([0], 0, [2**31], r"seeds\.test: seed\(s\) 2147483648 must lie in"),
            (0, 0, 1, r"seeds\.tuning: \[\] holds no seed; at least one"),
            ([], 0, 1, r"seeds\.tuning: \[\] holds no seed"),
            (1, 0, 0, r"seeds\.test: \[\] holds no seed"),
            (-1, 0, 1, r"seeds\.tuning: the count -1 lies outside 0 to 10000"),
            (10_001, 0, 1, r"seeds\.tuning: the count 10001 lies outside"),
            (True, 0, 1, r"seeds\.tuning: True is neither a count nor a list"),
            ("12", 0, 1, r"seeds\.tuning: '12' is neither a count nor a list"),
            (1.5, 0, 1, r"seeds\.tuning: 1\.5 is neither a count nor a list"),
            ([1, 2.0], 0, 1, r"seeds\.tuning: seed\(s\) 2\.0 must be whole numbers"),
            ([True, "3"], 0, 1, r"seeds\.tuning: seed\(s\) True, '3' must be whole numbers"),
        ],
    )
    def test_what_is_refused(
        self, tuning: int | Sequence[int], validation: int | Sequence[int], test: int | Sequence[int], message: str
    ) -> None:
        with pytest.raises(InvalidInput, match=message):
            SeedPlan.of(tuning, validation, test)

    def test_the_constructor_refuses_too(self) -> None:
        with pytest.raises(InvalidInput, match=r"share seed\(s\) 1"):
            SeedPlan((1,), (), (1,))
        with pytest.raises(InvalidInput, match=r"seeds\.validation: seed\(s\) 3 listed more than once"):
            SeedPlan((1,), (3, 3), (2,))
