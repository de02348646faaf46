"""Mistakes typed by hand: exit code 2, one sentence on stderr, nothing on stdout, nothing written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from autorl.cli.application import application

GOOD = "algorithm: ppo\nenvironment: CartPole-v1\nbudget: {trials: 2, env_steps: 8192}\n"


def refused(command: str, *arguments: str) -> str:
    found = CliRunner().invoke(application, [command, *arguments])
    assert found.exit_code == 2, (found.output, found.exception)
    assert not found.stdout
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1
    assert "Traceback" not in found.stderr
    return found.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILES = {
    "an unknown algorithm": ("algorithm: pop\n", ["unknown algorithm 'pop'", "did you mean 'ppo'"]),
    "an unknown environment": ("environment: CartPol-v1\n", ["'CartPol-v1'", "'CartPole-v1'"]),
    "an unknown metric": ("objectives: [retrun]\n", ["objectives[0]", "unknown metric 'retrun'", "'return'"]),
    "an unknown option": ("objectives: [{env_steps_to: {retrn: 3}}]\n", ["'retrn'", "'return'"]),
    "an unknown tuner": ("tuner: tppe\n", ["tuner", "'tppe'", "'tpe'"]),
    "an unknown schedule": ("schedule: ful\n", ["schedule", "'ful'", "'full'"]),
    "an unknown space": ("space: ppo_smal\n", ["space", "'ppo_smal'", "'ppo_small'"]),
    "an unknown key": ("buget: {trials: 2}\n", ["unknown key 'buget'", "'budget'"]),
    "an unknown hyperparameter": ("fixed: {gama: 0.9}\n", ["fixed", "'gama'", "'gamma'"]),
    "a missing module": ("algorithm: nosuchmodule:PPO\n", ["algorithm", "'nosuchmodule'", "not found"]),
    "a YAML tag": ("name: !!python/name:os.system x\n", ["tag"]),
    "a name that is no file name": ("name: a/b\n", ["name: 'a/b' is no plain file name"]),
    "a duplicate key": ("algorithm: ppo\n", ["duplicate key 'algorithm'"]),
    "a constant objective": ("objectives: [return, env_steps]\n", ["'env_steps' cannot be an objective"]),
    "seeds that overlap": ("seeds: {tuning: [1, 2], test: [2, 3]}\n", ["share seed(s) 2"]),
    "a wrong executor": ("executor: loca\n", ["executor", "'loca'", "'local'"]),
    "an endless environment": ("environment: Blackjack-v1\n", ["environment", "'Blackjack-v1' has no time limit"]),
}  # fmt: skip


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("mistake", FILES)
def test_a_mistake_in_a_study_file(here: Path, command: str, mistake: str) -> None:
    text, parts = FILES[mistake]
    key = text.partition(":")[0]
    kept = "".join(
        line + "\n" for line in GOOD.splitlines() if mistake == "a duplicate key" or not line.startswith(key)
    )
    (here / "mine.yaml").write_text(kept + text)
    message = refused(command, "mine.yaml")
    assert message.startswith("mine.yaml")
    assert all(part in message for part in parts), message
    assert [entry.name for entry in here.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize(
    ("text", "part"),
    [("", "empty"), ("- ppo\n", "list"), ("ppo\n", "'ppo'"), ("a: [\n", "broken YAML"), ("\xff: 1", "missing")],
)
def test_a_file_that_is_no_study(here: Path, text: str, part: str) -> None:
    (here / "mine.yaml").write_text(text, encoding="utf-8")
    message = refused("check", "mine.yaml")
    assert message.startswith("mine.yaml")
    assert part in message or "unknown key" in message


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["quikstart"], ["unknown study 'quikstart'", "did you mean 'quickstart'"]),
        (["../quickstart"], ["'../quickstart'", "does not exist"]),
        (["nowhere.yaml"], ["'nowhere.yaml'", "does not exist"]),
        (["./"], ["'./' is a directory"]),
        (["quickstart", "--set", "budget.trails=3"], ["unknown key 'budget.trails'", "'budget.trials'"]),
        (["quickstart", "--set", "budget.trials"], ["--set 'budget.trials' has no form key=value"]),
        (["quickstart", "--set", "budget.trials=0"], ["budget.trials: 0 must be at least 1"]),
        (["quickstart", "--set", "budget.env_steps=10"], ["env_steps", "10"]),
        (["quickstart", "--set", "seeds.tuning=[1,1]"], ["seed(s) 1 listed more than once"]),
        (["quickstart", "--set", "algorithm=sb4:PPO"], ["algorithm", "sb4"]),
    ],
)
def test_a_mistake_on_the_command_line(here: Path, arguments: list[str], parts: list[str]) -> None:
    message = refused("check", *arguments)
    assert all(part in message for part in parts), message


def test_trials_given_twice(here: Path) -> None:
    message = refused("run", "quickstart", "--trials", "3", "--set", "budget.trials=4")
    assert message == "--trials 3 and --set budget.trials=4: give only one"


@pytest.mark.parametrize("command", ["report", "status"])
def test_a_directory_that_holds_no_study(here: Path, command: str) -> None:
    assert "'nowhere'" in refused(command, "nowhere")
    (here / "empty").mkdir()
    assert "'empty'" in refused(command, "empty")
    assert sorted(entry.name for entry in here.iterdir()) == ["empty"]


def test_a_run_directory_that_is_something_else(here: Path) -> None:
    (here / "file").write_text("mine")
    assert "'file'" in refused("run", "quickstart", "--out", "file")
    (here / "folder").mkdir()
    (here / "folder" / "thesis.txt").write_text("mine")
    assert "'folder'" in refused("run", "quickstart", "--out", "folder")
    assert [entry.name for entry in (here / "folder").iterdir()] == ["thesis.txt"]


def test_show_and_list(here: Path) -> None:
    assert "did you mean 'ppo'" in refused("show", "poo")
    assert "nowhere.yaml" in refused("show", "nowhere.yaml")
