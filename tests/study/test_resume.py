"""Killed, extended, spread over workers: the same trials and the same numbers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autorl.errors import InvalidInput, StudyMismatch
from autorl.storage.truth import Truth
from autorl.study import Study, open_result
from tests.study.comparing import numbers
from tests.study.toys import study

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from autorl.study import Study
from tests.study.toys import study
Study.load(study("slow", tuner={tuner!r}, budget={{"trials": 12, "env_steps": 1000}})).run(sys.argv[1], jobs=2)
"""


def start(directory: Path, tuner: str) -> subprocess.Popen[bytes]:
    script = SCRIPT.format(root=str(ROOT), tuner=tuner)
    return subprocess.Popen(
        [sys.executable, "-c", script, str(directory)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def segments(directory: Path) -> int:
    """How many segments are stored, seen from outside."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{directory / 'study.sqlite'}?mode=ro", uri=True)) as database:
            return int(database.execute("select count(*) from segments").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet, or being written
        return 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.workers
@pytest.mark.parametrize(("tuner", "moments"), [("tpe", (1, 17)), ("nsga2", (9, 25))])
def test_killed_at_any_moment_it_ends_as_an_undisturbed_run(
    tmp_path: Path, tuner: str, moments: tuple[int, ...]
) -> None:
    content = study("slow", tuner=tuner, budget={"trials": 12, "env_steps": 1000})
    Study.load(content).run(tmp_path / "whole", jobs=1)
    # 12 trials on 2 seeds are 24 segments, baseline and default the same on 2 more seeds; the rest is tested.
    for stored in moments:
        process = start(tmp_path / "killed", tuner)
        while segments(tmp_path / "killed") < stored:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    Study.load(content).run(tmp_path / "killed", jobs=2)
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


@pytest.mark.parametrize("left", ["study.yaml", "study.sqlite"])
def test_a_study_killed_while_it_began_begins_again(tmp_path: Path, left: str) -> None:
    Study.load(study("quick")).run(tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    if left == "study.yaml":
        shutil.copy(tmp_path / "whole" / left, tmp_path / "killed")
    else:
        Truth(f"sqlite:///{tmp_path / 'killed' / left}", "toy").close()
    Study.load(study("quick")).run(tmp_path / "killed")
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


@pytest.mark.workers
def test_jobs_never_change_a_result(tmp_path: Path) -> None:
    for jobs in (1, 2):
        Study.load(study("quick", tuner="tpe")).run(tmp_path / str(jobs), jobs=jobs)
    assert numbers(tmp_path / "1") == numbers(tmp_path / "2")


def test_more_trials_extend_a_study(tmp_path: Path) -> None:
    def trials(count: int) -> dict[str, object]:
        return study("quick", tuner="tpe", budget={"trials": count, "env_steps": 1000})

    Study.load(trials(4)).run(tmp_path / "grown")
    short = numbers(tmp_path / "grown")["trials"]
    Study.load(trials(12)).run(tmp_path / "grown")
    Study.load(trials(12)).run(tmp_path / "straight")
    grown, straight = numbers(tmp_path / "grown"), numbers(tmp_path / "straight")
    assert grown["trials"][:4] == short
    assert grown["trials"] == straight["trials"]
    assert grown["best"] == straight["best"]
    # Beyond the numbers the grown study says that its test seeds were opened for different choices.
    openings = [warning for warning in grown["warnings"] if "opened 2 times" in warning]
    assert len(openings) == (grown["best"]["trial"] >= 4)


@pytest.mark.parametrize("schedule", ["racing", "halving", "rolling_halving", "hyperband", "asha"])
def test_more_trials_extend_a_study_under_every_schedule(tmp_path: Path, schedule: str) -> None:
    for count in (6, 15):  # a bracket and a batch are cut short, and then go on
        budget = {"trials": count, "env_steps": 4000}
        result = Study.load(study("quick", schedule=schedule, budget=budget)).run(tmp_path)
        assert result.complete
        assert len(result.trials) == count


def test_an_extension_from_within_a_batch_keeps_its_prefix(tmp_path: Path) -> None:
    Study.load(study("quick", tuner="tpe", budget={"trials": 6, "env_steps": 1000})).run(tmp_path)
    short = numbers(tmp_path)["trials"]
    Study.load(study("quick", tuner="tpe", budget={"trials": 9, "env_steps": 1000})).run(tmp_path)
    assert numbers(tmp_path)["trials"][:6] == short
    assert len(numbers(tmp_path)["trials"]) == 9


def test_test_seeds_may_grow(tmp_path: Path) -> None:
    Study.load(study("quick")).run(tmp_path)
    before = numbers(tmp_path)["best"]["test"]["return"]["per_seed"]
    Study.load(study("quick", seeds={"tuning": 2, "test": 5})).run(tmp_path)
    assert numbers(tmp_path)["best"]["test"]["return"]["per_seed"][:3] == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tuner_seed": 7}, "tuner_seed is 0 there and 7 here"),
        ({"budget": {"trials": 8, "env_steps": 2000}}, "budget.env_steps is 1000 there and 2000 here"),
        ({"budget": {"trials": 5, "env_steps": 1000}}, "budget.trials is 8 there and 5 here"),
        ({"seeds": {"tuning": 2, "test": [7, 8]}}, "seeds.test is"),
        ({"name": "other"}, 'name is "toy" there and "other" here'),
    ],
)
def test_another_study_is_refused_and_nothing_overwritten(tmp_path: Path, change: dict[str, object], said: str) -> None:
    Study.load(study("quick")).run(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(StudyMismatch, match=said):
        Study.load(study("quick", **change)).run(tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert before == after


def test_other_numerics_are_refused_unless_accepted(tmp_path: Path) -> None:
    Study.load(study("quick")).run(tmp_path)
    trials = numbers(tmp_path)["trials"]
    truth = Truth(f"sqlite:///{tmp_path / 'study.sqlite'}", "toy")
    stored = truth.stored()
    assert stored is not None
    # The results were made under today's stamp; the database is made to say that NumPy was another one.
    truth.store(stored.description, {**stored.numerics, "version of numpy": "1.0"})
    truth.close()
    longer = study("quick", budget={"trials": 12, "env_steps": 1000})
    with pytest.raises(StudyMismatch, match=r"version of numpy: 1\.0 -> .*--accept-new-numerics"):
        Study.load(longer).run(tmp_path)
    result = Study.load(longer).run(tmp_path, accept_new_numerics=True)
    assert numbers(tmp_path)["trials"][:8] == trials
    assert any("under other numerics" in warning for warning in result.content.warnings)


def test_numerics_that_come_back_store_under_their_own_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Study.load(study("quick")).run(tmp_path).objectives[-1].stamp
    with monkeypatch.context() as patch:
        patch.setattr("autorl.study.running.numerics_parts", lambda *_: {"version of numpy": "1.0"})
        other = Study.load(study("quick")).run(tmp_path, accept_new_numerics=True).objectives[-1].stamp
    again = Study.load(study("quick")).run(tmp_path, accept_new_numerics=True)
    assert [objective.stamp for objective in again.objectives] == [other, own]


def test_a_database_knows_whose_directory_a_study_has(tmp_path: Path) -> None:
    content = study("quick", storage=f"sqlite:///{tmp_path / 'shared.sqlite'}")
    Study.load(content).run(tmp_path / "one")
    with pytest.raises(StudyMismatch, match="begun in another directory"):
        Study.load(content).run(tmp_path / "two")
    assert not (tmp_path / "two" / "study.yaml").exists()
    # Under another name the same trainings are looked up: no time is spent on them.
    other = Study.load({**content, "name": "other"}).run(tmp_path / "two")
    assert numbers(tmp_path / "one")["trials"] == numbers(tmp_path / "two")["trials"]
    assert other.content.phases["tuning"].training == 8 * 2 * 1000


def test_a_result_is_read_without_training(tmp_path: Path) -> None:
    Study.load(study("quick")).run(tmp_path)
    whole = numbers(tmp_path)
    again = open_result(tmp_path)
    again.report()
    assert numbers(tmp_path) == whole
    assert again.complete


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InvalidInput, match="in use by another process"):
            Study.load(study("quick")).run(tmp_path)
    assert os.listdir(tmp_path) == [".lock"]


@pytest.mark.parametrize("content", ["file", "folder"])
def test_a_place_that_holds_something_else_is_refused(tmp_path: Path, content: str) -> None:
    place = tmp_path / "place"
    if content == "file":
        place.write_text("letters")
    else:
        place.mkdir()
        (place / "thesis.tex").write_text("years of work")
    with pytest.raises(InvalidInput, match=r"is a file|holds files but no study"):
        Study.load(study("quick")).run(place)
