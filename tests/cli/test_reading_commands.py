"""`list`, `show` and `check`: tables for people, JSON for programs; nothing is trained or written."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from autorl.cli.application import application
from autorl.cli.listing import Kind

KNOWN = {
    "algorithms": {"ppo"},
    "tuners": {"random", "tpe", "nsga2"},
    "schedules": {"full"},
    "metrics": {"return", "auc", "parameters", "env_steps_to"},
    "studies": {"quickstart", "cartpole_ppo", "cartpole_pareto"},
    "spaces": {"ppo", "ppo_small", "ppo_wide"},
}


def invoke(*arguments: str) -> Any:
    found = CliRunner().invoke(application, list(arguments))
    assert found.exit_code == 0, (found.output, found.exception)
    return found


@pytest.mark.parametrize("kind", list(Kind))
def test_list(kind: Kind) -> None:
    content = json.loads(invoke("list", kind.value, "--json").stdout)
    assert set(content) >= KNOWN[kind.value]
    assert all(summary for summary in content.values()), content
    table = invoke("list", kind.value).stdout
    for name, summary in content.items():
        assert name in table
        assert summary.split()[0] in table


def test_metrics_are_listed_with_their_options() -> None:
    content = json.loads(invoke("list", "metrics", "--json").stdout)
    assert content["hypervolume_share"].endswith("[maximize; options: last_checkpoints, front, reference_point, floor]")
    assert content["env_steps_to"].endswith("[minimize; options: return]")
    assert content["return"].endswith("[maximize; options: last_checkpoints]")
    assert content["auc"].endswith("[maximize]")


@pytest.mark.parametrize("name", ["ppo", "ppo_small"])
def test_show(name: str) -> None:
    content = json.loads(invoke("show", name, "--json").stdout)
    assert content["algorithm"] == "ppo"
    assert set(content["static"]) <= set(content["space"])
    table = invoke("show", name).stdout
    for word in ("name", "kind", "range", "scale", "default", "static", "condition", "learning_rate"):
        assert word in table


def test_show_a_file_with_the_algorithms_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("gamma: {float: [0.9, 0.9999], reverse_log: true}\n")
    content = json.loads(invoke("show", str(path), "--algorithm", "ppo", "--json").stdout)
    from autorl.algorithms.ppo import PPO

    assert content["space"]["gamma"]["default"] == PPO.defaults()["gamma"]


def test_check_prints_the_plan_and_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    changes = ["--set", "budget.trials=6", "--set", "seeds.tuning=2", "--set", "seeds.test=10"]
    changes += ["--set", "budget.env_steps=10000"]
    text = invoke("check", "quickstart", *changes).stdout
    for word in ("tuning", "test", "baseline", "total", "env steps", "evaluation steps", "Memory"):
        assert word in text
    content = json.loads(invoke("check", "quickstart", *changes, "--json").stdout)
    phases = {phase["name"]: phase for phase in content["phases"]}
    assert content["valid"] is True
    assert (phases["tuning"]["agents"], phases["tuning"]["env_steps"]) == (12, 120_000)
    assert (phases["baseline"]["agents"], phases["test"]["agents"]) == (12, 20)
    assert not list(tmp_path.iterdir())


def test_check_says_what_is_bounded_and_who_looks_at_it() -> None:
    changes = ["--set", "constraints=[{metric: parameters, at_most: 1}]", "--set", "tuner=random"]
    found = invoke("check", "quickstart", *changes)
    assert "Constraints: parameters at most 1" in found.stdout.splitlines()
    assert "Warning: constraints: tuner 'random' does not use constraints; selection does" in found.stderr
    assert "'parameters at most 1' holds for none of" in found.stderr
    assert "Constraints" not in invoke("check", "quickstart").stdout
