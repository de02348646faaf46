"""The tuners of SMAC: what the contract of all tuners does not cover, and the process they share."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scipy.stats.qmc import Sobol

from autorl.errors import AutorlError, InvalidInput
from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, build_tuner
from autorl.tuners import _smac_process as processes
from autorl.tuners._smac_process import SmacProcess, shared_process
from autorl.tuners.smac_tuners import SMAC, SMACParEGO

ROOT = Path(__file__).parents[2]
NAMES = ("smac", "smac_gp", "smac_parego")
LINE = SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}})
MIXED = SearchSpace.load(
    {
        "x": {"float": [0.0, 1.0], "default": 0.5},
        "width": {"ordered": [16, 32, 64], "default": 32},
        "activation": {"choice": ["tanh", "relu", "elu"], "default": "tanh"},
    }
)


def losses_of(proposal: Proposal, objectives: int) -> tuple[float, ...]:
    numbers = [len(one) / 4 if isinstance(one, str) else one for one in proposal.vector.values()]
    return tuple(sum((number - 0.3 * best) ** 2 for number in numbers) for best in range(1, objectives + 1))


def opened(name: str, space: SearchSpace = MIXED, seed: int = 0) -> Tuner:
    return build_tuner({"name": name, "n_initial": 4}, space, 2 if name == "smac_parego" else 1, seed)


def led(tuner: Tuner, trials: int) -> list[Proposal]:
    proposals = []
    for number in range(trials):
        proposals += tuner.ask([number])
        tuner.tell([Outcome(number, losses_of(proposals[-1], tuner.objectives))])
    return proposals


def proposed() -> dict[str, list[object]]:
    """What other processes propose too; with strings among the choices, whose hashes differ between processes."""
    return {
        name: [[one.number, dict(one.vector), dict(one.attributes)] for one in led(opened(name), 8)] for name in NAMES
    }


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def identifier(process: SmacProcess) -> int | None:
    return process.identifier


def ends(process: int) -> bool:
    deadline = time.monotonic() + 30
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(process)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What SMAC would be asked; it answers the middle of each coordinate."""
    made: list[dict[str, Any]] = []

    def answer(self: SmacProcess, request: dict[str, Any], where: str) -> list[float]:
        made.append(json.loads(json.dumps(request)))
        return [0.5 if kind == "unit" else 1 for kind in request["kinds"]]

    monkeypatch.setattr(SmacProcess, "ask", answer)
    return made


class TestDesign:
    def test_it_is_a_scrambled_sobol_sequence_and_the_model_follows(self, requests: list[dict[str, Any]]) -> None:
        tuner = opened("smac", seed=3)
        proposals = led(tuner, 6)
        points = Sobol(3, rng=integer_seed(3, "tuner smac initial design")).random(4)
        labels = MIXED.coordinates[2].labels
        for proposal, (x, width, activation) in zip(proposals[:4], points, strict=True):
            assert proposal.vector == {"x": x, "width": int(3 * width), "activation": labels[int(3 * activation)]}
        assert [len(request["told"]) for request in requests] == [4, 5], "a fit for every trial, of all that was told"
        assert dict(proposals[5].vector) == {"x": 0.5, "width": 1, "activation": labels[1]}
        assert type(proposals[5].vector["width"]) is int

    def test_trials_from_elsewhere_count_and_pending_ones_do_not(self, requests: list[dict[str, Any]]) -> None:
        tuner = opened("smac")
        for number in range(3):
            tuner.accept(Proposal(number, {"x": 0.1 * number, "width": 0, "activation": "elu"}, origin="start_from"))
        tuner.ask([3, 4])
        tuner.tell([Outcome(number, (1.0,)) for number in range(3)])
        tuner.ask([5])
        assert requests == []
        tuner.tell([Outcome(4, (1.0,))])
        tuner.ask([6])
        assert [len(requests[0][key]) for key in ("told", "pending")] == [4, 2]

    def test_it_does_not_repeat_itself_where_there_are_few_values(self) -> None:
        few = SearchSpace.load({"a": {"choice": [1, 2], "default": 1}, "b": {"choice": [1, 2, 3], "default": 1}})
        vectors = [tuple(one.vector.values()) for one in build_tuner("smac", few, 1, 0).ask(range(8))]
        assert len(set(vectors[:6])) == 6

    def test_the_length_does_not_depend_on_the_study(self) -> None:
        """SMAC cuts its design to a quarter of the trials, so a study that is extended would have begun otherwise."""
        assert SMAC(LINE, 1, 0).n_initial == SMAC(MIXED, 1, 0).n_initial == 10


class TestRequests:
    def test_the_order_of_accepting_and_telling_does_not_matter(self, requests: list[dict[str, Any]]) -> None:
        first, second = opened("smac"), opened("smac")
        proposals = led(first, 6)
        pending = [Proposal(number, proposals[0].vector, origin="user") for number in (6, 7)]
        for one in pending:
            first.accept(one)
        for one in (*proposals, *pending):
            second.accept(one)
        second.tell([Outcome(one.number, losses_of(one, 1)) for one in reversed(proposals)])
        made = len(requests)
        first.ask([8])
        second.ask([8])
        assert requests[made] == requests[made + 1]
        assert requests[made]["pending"] == [requests[made]["told"][0]] * 2

    def test_seeds_are_those_of_tuner_trial_and_part(self, requests: list[dict[str, Any]]) -> None:
        for name in NAMES:
            for seed in (0, 1):
                led(opened(name, seed=seed), 7)
        seeds = [seed for request in requests for seed in request["seeds"].values()]
        assert len(requests) == 3 * 2 * 3
        assert len(set(seeds)) == len(seeds) == 4 * len(requests)

    def test_every_trial_is_told_however_long_the_front(self, requests: list[dict[str, Any]]) -> None:
        """SMAC keeps at most 10 incumbents; its list is not what the model sees, nor what a study selects from."""
        tuner = SMACParEGO(LINE, 2, 0)
        for number in range(15):
            tuner.accept(Proposal(number, {"x": number / 14}, origin="user"))
        tuner.tell([Outcome(number, (float(number), -float(number))) for number in range(15)])
        tuner.ask([15])
        assert requests[0]["losses"] == [[float(number), -float(number)] for number in range(15)]

    def test_failures_are_told_with_their_penalty_and_marked(self, requests: list[dict[str, Any]]) -> None:
        tuner = opened("smac")
        tuner.ask(range(4))
        tuner.tell([Outcome(number, (9.0 * (number % 2),), complete=number % 2 == 0) for number in range(4)])
        tuner.ask([4])
        assert requests[0]["complete"] == [True, False, True, False]
        assert requests[0]["losses"] == [[0.0], [9.0], [0.0], [9.0]]

    def test_coordinates_with_one_value_keep_it(self, requests: list[dict[str, Any]]) -> None:
        space = SearchSpace.load(
            {
                "depth": {"ordered": [3], "default": 3},
                "x": {"float": [0.0, 1.0], "default": 0.5},
                "kind": {"choice": ["only"], "default": "only"},
            }
        )
        tuner = SMAC(space, 1, 0, n_initial=1)
        for number in range(3):
            (proposal,) = tuner.ask([number])
            assert [*proposal.vector] == ["depth", "x", "kind"]
            assert (proposal.vector["depth"], proposal.vector["kind"]) == (0, "only")
            space.decode(proposal.vector)
            tuner.tell([Outcome(number, (1.0,))])
        assert [request["sizes"] for request in requests] == [[0], [0]]

    def test_a_space_without_a_choice_has_one_vector(self, requests: list[dict[str, Any]]) -> None:
        tuner = SMAC(SearchSpace.load({"x": {"constant": 1.0}}), 1, 0, n_initial=1)
        assert [dict(one.vector) for one in led(tuner, 3)] == [{}, {}, {}]
        assert requests == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "objectives", "message"),
        [
            ("smac", 2, "2; it takes 1; take 'smac_parego' for several objectives"),
            ("smac_gp", 3, "3; it takes 1; take 'smac_parego' for several objectives"),
            ("smac_parego", 1, "1; it takes at least 2; take 'smac'"),
        ],
    )
    def test_other_numbers_of_objectives(self, name: str, objectives: int, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            build_tuner(name, LINE, objectives, 0)

    @pytest.mark.parametrize("value", [0, -1])
    def test_no_design(self, value: int) -> None:
        with pytest.raises(InvalidInput, match=f"tuner 'smac': n_initial: {value} must be at least 1"):
            build_tuner({"name": "smac", "n_initial": value}, LINE, 1, 0)

    @pytest.mark.parametrize("losses", [(float("nan"),), (float("inf"),), (1.0, 2.0), ()])
    def test_losses_that_are_not_finite_or_not_as_many(self, losses: tuple[float, ...]) -> None:
        tuner = SMAC(LINE, 1, 0)
        tuner.ask([0])
        with pytest.raises(InvalidInput, match="trial 0 has the losses"):
            tuner.tell([Outcome(0, losses)])

    def test_numbers_that_do_not_increase_and_trials_that_are_not_pending(self) -> None:
        tuner = SMAC(LINE, 1, 0)
        tuner.ask([0, 5])
        tuner.tell([Outcome(5, (1.0,))])
        for act in (lambda: tuner.ask([5]), lambda: tuner.accept(Proposal(3, {"x": 0.5}))):
            with pytest.raises(InvalidInput, match="comes after trial 5"):
                act()
        for number in (5, 1):
            with pytest.raises(InvalidInput, match=f"trial {number} is told but is not pending"):
                tuner.tell([Outcome(number, (1.0,))])

    def test_vectors_that_do_not_fit(self) -> None:
        with pytest.raises(InvalidInput, match=r"trial 0: .*'x' is 1\.5"):
            SMAC(LINE, 1, 0).accept(Proposal(0, {"x": 1.5}))


class TestSharedProcess:
    def test_another_process_with_another_hash_seed_proposes_the_same(self, tmp_path: Path) -> None:
        """And it neither writes anything where it runs, nor says anything."""
        code = "import json; from tests.tuners import test_smac_tuners as t; print(json.dumps(t.proposed()))"
        environment = os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert json.loads(found.stdout) == proposed()
        assert found.stderr == ""
        assert list(tmp_path.iterdir()) == []

    def test_it_says_nothing_here_either(self, capfd: pytest.CaptureFixture[str]) -> None:
        led(opened("smac"), 5)
        assert capfd.readouterr() == ("", "")

    def test_an_error_of_smac_is_ours_and_no_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tuner = opened("smac")
        led(tuner, 5)
        monkeypatch.setattr(SMAC, "model", "nothing")
        with pytest.raises(AutorlError, match="tuner 'smac': trial 5: SMAC failed: KeyError: 'nothing'"):
            tuner.ask([5])
        child = shared_process().identifier
        assert child is not None
        assert alive(child)

    def test_a_fork_leaves_it_alone(self) -> None:
        tuner = opened("smac")
        led(tuner, 5)
        child = shared_process().identifier
        assert child is not None
        if (fork := os.fork()) == 0:
            os._exit(0 if shared_process().identifier is None else 1)
        assert os.waitpid(fork, 0)[1] == 0
        assert alive(child)
        assert len(tuner.ask([5])) == 1
        assert shared_process().identifier == child


class TestProcess:
    @pytest.fixture(autouse=True)
    def own(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmacProcess]:
        """A process of this test's own in place of the shared one; ended afterwards."""
        process = SmacProcess()
        monkeypatch.setattr(processes, "SHARED", process)
        yield process
        process.end()

    def test_it_starts_when_needed_and_ends_after_the_last_tuner_that_used_it(
        self, own: SmacProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "LINGER", 0.05)
        first, second, third, unused = (opened("smac", LINE, seed) for seed in range(4))
        led(first, 4)
        assert identifier(own) is None
        first.ask([4])
        child = identifier(own)
        assert child is not None
        led(second, 5)
        led(third, 5)
        assert identifier(own) == child, "one is enough"
        unused.close()
        first.close()
        first.close()
        del second
        gc.collect()
        time.sleep(0.2)
        assert alive(child), "one still uses it"
        third.close()
        assert ends(child)
        assert identifier(own) is None

    def test_it_ends_when_this_process_is_killed(self) -> None:
        code = (
            "from tests.tuners import test_smac_tuners as t; t.led(t.opened('smac'), 5)\n"
            "print(t.shared_process().identifier, flush=True); input()"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with parent:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            assert alive(child)
            parent.kill()
        assert ends(child)

    def test_its_death_is_an_error_and_the_next_ask_starts_another(
        self, own: SmacProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tuner = opened("smac")
        led(tuner, 5)
        child = identifier(own)
        assert child is not None
        os.kill(child, signal.SIGKILL)
        died = "tuner 'smac': trial 5: the process of SMAC ended with exit code -9: it said nothing"
        with pytest.raises(AutorlError, match=died):
            tuner.ask([5])
        assert identifier(own) is None
        tuner.ask([5])
        child = identifier(own)
        assert child is not None

        def interrupted() -> str:
            raise KeyboardInterrupt

        assert own._process is not None
        monkeypatch.setattr(own._process.stdout, "readline", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tuner.ask([6])
        assert identifier(own) is None, "its answer to trial 6 would become that to trial 7"
        assert ends(child)

    def test_a_process_that_cannot_start_says_why(
        self, own: SmacProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        script = tmp_path / "script.py"
        script.write_text("import no_such_library")
        monkeypatch.setattr(processes, "SCRIPT", script)
        reason = r"here: the process .* exit code 1: ModuleNotFoundError: No module named 'no_such_library'"
        with pytest.raises(AutorlError, match=reason):
            own.ask({}, "here")
