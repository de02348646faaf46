"""Starting from an earlier study: which configurations come, how they fit, what is trained again, and what is kept."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.execution.local import Local
from autorl.objective import Group
from autorl.records import Status, Trial, Value
from autorl.space import SearchSpace
from autorl.storage.truth import Truth
from autorl.study import Result, Study, open_result
from autorl.study.planning import plan_study
from autorl.study.starting import best_of, fitted
from tests.study.comparing import numbers
from tests.study.conftest import _light_report
from tests.study.toys import study


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a finished study of eight trials; looked at, never changed."""
    directory = tmp_path_factory.mktemp("runs") / "earlier"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autorl.study.result.write_report", _light_report)
        Study.load(study("quick", name="earlier")).run(directory)
    return directory


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """Every agent that is trained, as (x, seed)."""
    seen: list[tuple[float, int]] = []
    run = Local.run

    def spy(self: Local, objective: Any, groups: deque[Group], seconds: float) -> Iterator[Any]:
        seen.extend((float(agent.configuration["x"]), agent.seed) for group in groups for agent in group.agents)  # type: ignore[arg-type]  # a number
        return run(self, objective, groups, seconds)

    monkeypatch.setattr(Local, "run", spy)
    return seen


def best(directory: Path, count: int) -> list[dict[str, Any]]:
    """The configurations of lowest loss, worked out apart."""
    trials = open_result(directory).trials
    return [dict(one.configuration) for one in sorted(trials, key=lambda trial: trial.losses or ())[:count]]


def later(start_from: object, **changes: Any) -> Study:
    content: dict[str, Any] = {"name": "later", "tuner": "default", "budget": {"env_steps": 1000}, **changes}
    return Study.load(study("quick", start_from=start_from, **content))


def refusal(start_from: object, **changes: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        _ = later(start_from, **changes).resolved
    return str(caught.value)


class TestWhichConfigurations:
    def test_the_best_and_configurations_of_ones_own_in_the_order_given(self, earlier: Path) -> None:
        made = later([{"x": -0.75}, {"study": str(earlier), "best": 3}, {"y": "c"}])
        own = {"x": -0.75, "y": "a"}, {"x": 0.5, "y": "c"}
        assert made.resolved.start_from == (own[0], *best(earlier, 3), own[1])
        assert made.resolved.trials == plan_study(made.resolved).phases[0].configurations == 6
        # The default is among the best of the earlier study.
        (warning,) = made.resolved.warnings
        assert warning.startswith("start_from: 1 of 5 configurations are the default")

    def test_every_way_to_name_a_study(self, earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        result = open_result(earlier)
        monkeypatch.chdir(earlier.parent)
        alone = [dict(later(entry).resolved.start_from[0]) for entry in (str(earlier), earlier, "earlier", result)]
        assert alone == best(earlier, 1) * 4
        for entry in ({"study": result, "best": 2}, [{"study": "earlier", "best": 2}]):
            assert [*later(entry).resolved.start_from] == best(earlier, 2)

    def test_a_path_in_a_file_is_relative_to_it(self, earlier: Path, tmp_path: Path) -> None:
        shutil.copytree(earlier, tmp_path / "runs" / "earlier")
        (tmp_path / "files").mkdir()
        path = tmp_path / "files" / "later.yaml"
        text = (
            "algorithm: tests.study.toys:quick\nenvironment: CartPole-v1\nbudget: {env_steps: 1000}\ntuner: default\n"
        )
        for entry in ("{study: ../runs/earlier}", "[{study: ../runs/earlier}]", "../runs/earlier", "[../runs/earlier]"):
            path.write_text(f"{text}start_from: {entry}\n")
            assert [*Study.load(path).resolved.start_from] == best(earlier, 1)

    def test_validation_decides_first_and_the_tuning_loss_after_the_finalists(self) -> None:
        table = [Trial(n, {"x": n}, Status.COMPLETE, losses=(float(loss),)) for n, loss in enumerate([3, 1, 2, 0])]
        assert numbers_of(table, 1, [], 3) == [3, 1, 2]
        assert numbers_of(table, 1, [1, 3], 3) == [1, 3, 2]
        assert numbers_of(table, 1, [1, 3], 1) == [1]

    def test_of_several_objectives_the_chosen_front_comes_first_then_the_front_behind_it(self) -> None:
        losses = [(5.0, 5.0), (0.0, 4.0), (4.0, 0.0), (4.5, 4.5), (1.0, 1.0), (3.0, 5.0)]
        table = [Trial(n, {"x": n}, Status.COMPLETE, losses=pair) for n, pair in enumerate(losses)]
        table.append(Trial(6, {"x": 6}, Status.FAILED))
        assert numbers_of(table, 2, [], 2) == [1, 2]
        assert numbers_of(table, 2, [], 4) == [1, 2, 4, 5]
        assert numbers_of(table, 2, [], 99) == [1, 2, 4, 5, 3, 0]
        assert numbers_of(table, 2, [2, 1], 3) == [2, 1, 4]  # validation decides first
        assert numbers_of(table, 2, [2, 1], 1) == [2]

    def test_feasible_ones_come_first(self) -> None:
        table = [
            Trial(n, {"x": n}, Status.COMPLETE, losses=(float(n),), violations=(1.0 - n,)) for n in range(3)
        ]  # trial 0 has the lowest loss and breaks the constraint
        assert numbers_of(table, 1, [], 3) == [1, 2, 0]


def numbers_of(trials: Sequence[Trial], objectives: int, finalists: Sequence[int], count: int) -> list[int]:
    """What `best_of` takes of a result made by hand."""
    result: Any = SimpleNamespace(
        trials=trials,
        study=SimpleNamespace(criteria=[None] * objectives),
        content=SimpleNamespace(finalists=[SimpleNamespace(trial=number) for number in finalists]),
    )
    return [trial.number for trial in best_of(result, count)]


class TestFit:
    BASELINE: ClassVar[dict[str, Value]] = {"x": 0.5, "y": "a", "z": 8}

    def fit(self, space: dict[str, object], wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        made = SearchSpace.load(space, defaults=self.BASELINE)
        configuration, changed = fitted(wanted, self.BASELINE, made)
        assert made.check(configuration) == configuration
        return configuration, changed

    def test_numbers_move_to_the_nearest_end_and_choices_to_the_default(self) -> None:
        space: dict[str, object] = {
            "x": {"float": [0.0, 1.0]},
            "y": {"choice": ["a", "b"]},
            "z": {"int": [2, 16], "pow2": True},
        }
        assert self.fit(space, {"x": 0.25, "y": "b", "z": 4}) == ({"x": 0.25, "y": "b", "z": 4}, {})
        assert self.fit(space, {"x": -3.0, "y": "c", "z": 100}) == (
            {"x": 0.0, "y": "a", "z": 16},
            {"x": (-3.0, 0.0), "y": ("c", "a"), "z": (100, 16)},
        )
        assert self.fit(space, {"x": "many", "z": 2.5})[0] == {"x": 0.5, "y": "a", "z": 8}

    def test_what_is_not_tuned_here_is_left_out_and_named_if_it_differs(self) -> None:
        space: dict[str, object] = {"x": {"float": [0.0, 1.0]}}
        assert self.fit(space, {"x": 0.25, "y": "a", "z": 8}) == ({"x": 0.25}, {})
        assert self.fit(space, {"x": 0.25, "y": "b", "z": 8}) == ({"x": 0.25}, {"y": ("b", "a")})

    def test_what_is_inactive_here_is_left_out(self) -> None:
        space: dict[str, object] = {
            "y": {"choice": ["a", "b"]},
            "x": {"float": [0.0, 1.0], "when": {"y": "b"}},
        }
        assert self.fit(space, {"x": 0.25, "y": "b"}) == ({"y": "b", "x": 0.25}, {})
        assert self.fit(space, {"x": 0.25, "y": "c"}) == ({"y": "a"}, {"x": (0.25, 0.5), "y": ("c", "a")})

    def test_the_last_digits_are_no_change(self) -> None:
        assert self.fit({"x": {"float": [0.0, 1.0]}}, {"x": 1 / 3})[1] == {}

    def test_a_study_says_what_it_changed(self, earlier: Path) -> None:
        space = {"x": {"float": [0.45, 0.55], "default": 0.5}}
        found = later({"study": str(earlier), "best": 3}, space=space).resolved
        assert found.start_from == ({"x": 0.45}, {"x": 0.5})
        first, second, third = found.warnings
        x = best(earlier, 1)[0]["x"]
        assert first.startswith(f"start_from[0]: study 'earlier' does not fit this study as it is: x {x} becomes 0.45")
        assert "y b is not tuned here and stays at a (trial" in first
        assert second == "start_from[0]: study 'earlier' gives 2 different configurations of the 3 asked for"
        assert third.startswith("start_from: 1 of 2 configurations are the default or stand there before")

    def test_another_algorithm_gives_what_has_the_same_name(self, earlier: Path) -> None:
        content = {**study("slow", budget={"env_steps": 1000}, tuner="default"), "start_from": str(earlier)}
        found = Study.load(content).resolved
        assert [*found.start_from] == best(earlier, 1)
        assert "study 'earlier' tuned algorithm 'quick' and this one tunes 'slow'" in found.warnings[0]
        content |= {"algorithm": "ppo"}
        with pytest.raises(InvalidInput, match="whose hyperparameter 'x' algorithm 'ppo' does not have"):
            _ = Study.load(content).resolved


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ({"study": "runs/a", "best": 0}, "best (configurations of an earlier study): 0 must be at least 1"),
            ({"study": "runs/a", "best": 1.5}, "1.5 is no whole number"),
            ({"study": "runs/a", "bset": 3}, "unknown key of a study to start from 'bset'; did you mean 'best'?"),
            ({"study": 3}, "study: 3 is no path of a run directory"),
            ({"study": ""}, "study: '' is no path of a run directory"),
            ("", "'' is no list of configurations"),
            ({"x": 0.3}, "{'x': 0.3} is no list of configurations"),
            ([["x"]], "['x'] is no mapping of hyperparameters to values"),
        ],
    )
    def test_entries_of_no_known_form(self, entry: object, message: str) -> None:
        found = refusal(entry)
        assert found.startswith("study: start_from: ")
        assert message in found

    def test_a_directory_without_a_study(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("no study")
        for directory in (tmp_path, tmp_path / "gone", tmp_path / "notes.txt"):
            message = refusal([{"x": 0.3}, {"study": str(directory)}])
            assert message.startswith(
                f"study: start_from[1]: {str(directory)!r} holds no study; name the run directory"
            )

    def test_a_study_without_a_complete_trial(self, tmp_path: Path) -> None:
        Study.load(study("quick", name="asked")).open(tmp_path).close()
        message = refusal(str(tmp_path))
        assert message.startswith(
            f"study: start_from[0]: study 'asked' in {str(tmp_path)!r} has 0 complete trials of 0"
        )

    def test_a_configuration_beside_it_that_does_not_fit(self, earlier: Path) -> None:
        assert "start_from[1]: x: 3 lies outside [-1.0, 1.0]" in refusal([{"study": str(earlier), "best": 4}, {"x": 3}])
        with pytest.raises(UnknownName, match=r"start_from\[0\]: unknown hyperparameter 'z'"):
            _ = later([{"z": 3}, str(earlier)]).resolved


class TestReuse:
    def test_what_was_trained_is_not_trained_again_and_the_results_are_the_same(
        self, earlier: Path, tmp_path: Path, trained: list[tuple[float, int]]
    ) -> None:
        by_study = later({"study": str(earlier), "best": 3}).run(tmp_path / "by_study")
        assert [trial.origin for trial in by_study.trials] == ["default", *["start_from"] * 3]
        assert {seed for _, seed in trained} == {20000, 20001, 20002}, "tuning seeds were trained again"
        trained.clear()
        by_hand = later(best(earlier, 3)).run(tmp_path / "by_hand")
        assert {seed for _, seed in trained} == {0, 1, 20000, 20001, 20002}
        assert numbers(tmp_path / "by_study") == numbers(tmp_path / "by_hand")
        assert by_study.content.phases == by_hand.content.phases, "what is reused is charged all the same"
        known = {tuple(trial.configuration.items()): trial.losses for trial in open_result(earlier).trials}
        assert [known[tuple(trial.configuration.items())] for trial in by_study.trials] == [
            trial.losses for trial in by_study.trials
        ]
        source = provenance(tmp_path / "by_study")["start_from"][0]
        distinct = {tuple(trial.configuration.items()) for trial in by_study.trials}
        assert (source["study"], source["name"]) == (str(earlier), "earlier")
        assert source["reused_segments"] == 2 * len(distinct)
        assert source["reused_env_steps"] == 2 * 1000 * len(distinct)
        assert by_study.content.provenance["start_from"] == [source]
        assert "start_from" not in provenance(tmp_path / "by_hand")

    def test_only_equal_keys_are_reused(self, earlier: Path, tmp_path: Path, trained: list[tuple[float, int]]) -> None:
        seeds = {"tuning": [1, 2], "test": 3}
        later({"study": str(earlier), "best": 1}, seeds=seeds).run(tmp_path / "a")
        assert {seed for _, seed in trained if seed < 20_000} == {2}, "seed 1 was known, seed 2 was not"
        trained.clear()
        later({"study": str(earlier), "best": 1}, budget={"env_steps": 500}).run(tmp_path / "b")
        assert {seed for _, seed in trained if seed < 20_000} == {0, 1}
        assert provenance(tmp_path / "b")["start_from"][0]["reused_segments"] == 0

    def test_failures_are_trained_again(self, tmp_path: Path, trained: list[tuple[float, int]]) -> None:
        """A failure may be the machine's."""
        content = study("partly", name="partly", tuner="default", budget={"env_steps": 1000})
        start = [{"x": 0.25, "y": "c"}]
        Study.load({**content, "start_from": start}).run(tmp_path / "partly")
        trained.clear()
        Study.load({**content, "start_from": [*start, str(tmp_path / "partly")]}).run(tmp_path / "again")
        assert {(x, seed) for x, seed in trained if seed < 20_000} == {(0.25, 0), (0.25, 1)}


def provenance(directory: Path) -> dict[str, Any]:
    """Of the last session."""
    found: dict[str, Any] = json.loads((directory / "provenance.json").read_text())["sessions"][-1]
    return found


class TestResume:
    def test_the_earlier_study_may_vanish(self, earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        copied = tmp_path / "copied"
        shutil.copytree(earlier, copied)
        space = {"x": {"float": [0.0, 0.45], "default": 0.25}, "y": {"choice": ["a", "b"], "default": "a"}}
        made = later([{"study": str(copied), "best": 2}, {"x": 0.125}], space=space)
        whole = made.run(tmp_path / "whole")
        assert any("start_from[0]" in warning for warning in whole.content.warnings)
        expected = numbers(tmp_path / "whole")

        class Killed(Exception):
            pass

        def killed(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Truth, "store_tells", killed)
            with pytest.raises(Killed):
                made.run(tmp_path / "halves")
        shutil.rmtree(copied)
        assert "holds no study" in refusal({"study": str(copied), "best": 2})
        again = later([{"study": str(copied), "best": 2}, {"x": 0.125}], space=space)
        result = again.run(tmp_path / "halves")
        assert numbers(tmp_path / "halves") == expected
        assert [one["trials"] for one in provenance(tmp_path / "halves")["start_from"]] == [
            [*source.trials] for source in result.study.start.sources
        ]

        # The stored study, and what is only read, know it too.
        stored = Study.load(tmp_path / "halves" / "study.yaml").run(tmp_path / "halves")
        assert numbers(tmp_path / "halves") == expected
        opened: Result = open_result(tmp_path / "halves")
        assert opened.content.warnings == stored.content.warnings
        assert opened.study.start == whole.study.start

    def test_the_earlier_study_may_grow(self, earlier: Path, tmp_path: Path) -> None:
        copied = tmp_path / "copied"
        shutil.copytree(earlier, copied)
        made = later({"study": str(copied), "best": 1})
        with made.open(tmp_path / "run") as session:
            first = [one.config for one in session.ask(2)]
        assert first[1:] == best(earlier, 1)
        better = later([{"x": 0.2, "y": "b"}], name="earlier", tuner="random", budget={"trials": 2, "env_steps": 1000})
        shutil.rmtree(copied)
        better.run(copied)
        fresh = later({"study": str(copied), "best": 1})
        assert [*fresh.resolved.start_from] == [{"x": 0.2, "y": "b"}]
        with fresh.open(tmp_path / "run") as session:
            assert [one.config for one in session.pending] == first

    def test_a_damaged_note_is_made_again(self, earlier: Path, tmp_path: Path) -> None:
        made = later({"study": str(earlier), "best": 2})
        made.open(tmp_path).close()
        note = tmp_path / "start_from.json"
        written = note.read_text()
        note.write_text(written[:40])
        made.open(tmp_path).close()
        assert note.read_text() == written
