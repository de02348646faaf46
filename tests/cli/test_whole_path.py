"""The command line as a process, on a training function that costs nothing."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MODULE = '''
import time

import autorl

SPACE = {"x": {"float": [-1.0, 1.0], "default": 0.5}}


@autorl.algorithm(space=SPACE)
def parabola(config, environment, seed, env_steps, report):
    """Best at x = 0."""
    return 100.0 - 100.0 * config.x**2 + seed % 3


@autorl.algorithm(space=SPACE)
def broken(config, environment, seed, env_steps, report):
    """Always raises."""
    raise ValueError("the simulator is not plugged in")


@autorl.algorithm(space=SPACE)
def divergent(config, environment, seed, env_steps, report):
    """Never finite."""
    return float("nan")


@autorl.algorithm(space=SPACE)
def slow(config, environment, seed, env_steps, report):
    """Takes a while."""
    time.sleep(1.0)
    return 1.0
'''
STUDY = """
algorithm: mine:parabola
environment: CartPole-v1
tuner: random
budget: {trials: 4, env_steps: 1000}
seeds: {tuning: 2, test: 3}
evaluation: {episodes: 1, curve_episodes: 1, checkpoints: 2}
"""
COMMAND = [sys.executable, "-m", "autorl.cli"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def call(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=here, capture_output=True, text=True, check=False)


def test_run_again_extend_report_and_refuse(here: Path) -> None:
    first = call(here, "run", "study.yaml", "--json")
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert (found["directory"], found["complete"]) == ("runs/study", True)
    assert found["status_counts"]["complete"] == 4
    # Test seeds 20000 to 20002 leave 2, 0 and 1 by 3, so the mean over them is 1 above the parabola.
    expected = 101.0 - 100.0 * found["best"]["config"]["x"] ** 2
    assert found["best"]["test"]["return"]["mean"] == pytest.approx(expected)

    again = call(here, "run", "study.yaml", "--json", "--jobs", "2")
    assert json.loads(again.stdout) == found

    extended = call(here, "run", "study.yaml", "--json", "--trials", "8")
    assert json.loads(extended.stdout)["status_counts"]["complete"] == 8

    report = call(here, "report", "runs/study")
    assert (report.returncode, report.stdout) == (0, "runs/study/report.html\n")
    state = json.loads(call(here, "status", "runs/study", "--json").stdout)
    assert (state["trials_told"], state["running"]) == (8, False)

    before = (here / "runs/study/study.yaml").read_bytes()
    other = call(here, "run", "study.yaml", "--out", "runs/study", "--set", "tuner=tpe")
    assert other.returncode == 2
    assert "holds a different study" in other.stderr
    assert '"random" there and "tpe" here' in other.stderr
    assert (here / "runs/study/study.yaml").read_bytes() == before


def test_something_broken_shows_its_trace_and_nothing_complete_is_exit_code_1(here: Path) -> None:
    broken = call(here, "run", "study.yaml", "--set", "algorithm=mine:broken", "--out", "a")
    assert broken.returncode == 1
    assert "ValueError: the simulator is not plugged in" in broken.stderr
    assert "mine.py" in broken.stderr
    divergent = call(here, "run", "study.yaml", "--set", "algorithm=mine:divergent", "--out", "b")
    assert divergent.returncode == 1
    assert "No trial completed" in divergent.stderr
    assert divergent.stdout.splitlines()[-1] == "b/report.html"


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(here: Path) -> None:
    arguments = ["run", "study.yaml", "--set", "algorithm=mine:slow", "--out", "c"]
    command, pipe = [*COMMAND, *arguments], subprocess.PIPE
    process = subprocess.Popen(command, cwd=here, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    limit = time.monotonic() + 120
    while not (here / "c/study.sqlite").exists() and time.monotonic() < limit:
        time.sleep(0.1)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert not output
    assert errors.splitlines()[-1] == (
        "Interrupted. What is finished is kept in c; the same command goes on from there."
    )
    assert "Traceback" not in errors
    assert call(here, *arguments).returncode == 0


def test_files_called_as_modules_of_python_stay_out_of_the_way(here: Path) -> None:
    for name in ("random.py", "numpy.py"):
        (here / name).write_text("raise SystemExit('the wrong module was imported')\n")
    # The installed command has no current directory in front of its path, and neither must its workers.
    command = [str(Path(sys.executable).parent / "autorl"), "run", "study.yaml", "--quiet"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
