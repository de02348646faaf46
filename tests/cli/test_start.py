"""The command line starts fast because it loads next to nothing, and usage errors are short."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import autorl
from autorl.cli.application import application

HEAVY = ("torch", "optuna", "gymnasium", "numpy", "sqlalchemy", "pandas", "scipy")
COMMANDS = ("run", "check", "status", "report", "show", "list")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]], ids=" ".join)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom autorl.cli import main\nsys.argv = ['autorl', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n    print('loaded:', *sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.partition("loaded: ")[2].split())
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


def test_help_names_every_command() -> None:
    found = CliRunner().invoke(application, ["-h"])
    assert found.exit_code == 0
    assert all(f"\n  {name} " in found.stdout for name in COMMANDS)


def test_version() -> None:
    found = CliRunner().invoke(application, ["--version"])
    assert (found.exit_code, found.stdout) == (0, f"autorl {autorl.__version__}\n")


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "autorl", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"autorl {autorl.__version__}\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run"], "Missing argument 'STUDY'"),
        (["run", "quickstart", "--jbos", "2"], "--jobs"),
        (["run", "quickstart", "--jobs", "0"], "--jobs"),
        (["run", "quickstart", "--trials", "many"], "--trials"),
        (["list", "metric"], "'metrics'"),
    ],
)
def test_wrong_use_is_exit_code_2_without_a_trace(arguments: list[str], part: str) -> None:
    found = CliRunner().invoke(application, arguments)
    assert found.exit_code == 2
    assert part in found.stderr
    assert "Traceback" not in found.stderr
    assert not found.stdout
