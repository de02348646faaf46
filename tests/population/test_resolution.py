"""One rule for the names of algorithms."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.population import (
    Algorithm,
    OneAgentAlgorithm,
    algorithm_reference,
    bundled_algorithms,
    resolve_algorithm,
    source_digest,
)
from tests.population import population_examples as examples

EXAMPLES = "tests.population.population_examples"


def python(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_bundled_names_are_files_and_read_back() -> None:
    found = bundled_algorithms()
    assert "ppo" in found
    for name, made in found.items():
        assert resolve_algorithm(name) is made
        assert made.name == name
        assert algorithm_reference(made) == name
        assert made.summary


def test_a_bundled_name_imports_that_algorithm_alone() -> None:
    code = (
        "import sys; from autorl.population import resolve_algorithm; resolve_algorithm('ppo');"
        "print(sorted(m for m in sys.modules if m.startswith('autorl.algorithms.')))"
    )
    assert python(code).stdout.strip() == "['autorl.algorithms.ppo']"


def test_looking_at_the_package_loads_no_heavy_library() -> None:
    code = (
        "import sys, autorl; autorl.Algorithm, autorl.algorithm;"
        "print([m for m in ('torch', 'optuna', 'stable_baselines3', 'pandas') if m in sys.modules])"
    )
    assert python(code).stdout.strip() == "[]"


def test_the_wrong_import_name_is_refused() -> None:
    root = Path(__file__).parents[2]
    done = python("import algorithms", cwd=root)
    assert "import autorl.algorithms instead of 'algorithms'" in done.stderr


def test_users_own_are_named_by_module_and_attribute() -> None:
    made = resolve_algorithm(f"{EXAMPLES}:reporting")
    assert made is examples.reporting
    assert algorithm_reference(made) == f"{EXAMPLES}:reporting"
    assert resolve_algorithm(made) is made


class NoName(OneAgentAlgorithm):
    pass


@dataclass(frozen=True)
class Abstract(Algorithm):
    name = "abstract"


def test_what_no_other_process_finds_has_no_reference() -> None:
    @dataclass(frozen=True)
    class Local(Algorithm):
        name = "local"

    assert algorithm_reference(Local) is None  # type: ignore[type-abstract]  # the class itself is asked about


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("pppo", UnknownName, "study.yaml, algorithm: unknown algorithm 'pppo'; did you mean 'ppo'?"),
        ("no_such_module:X", InvalidInput, "names the module 'no_such_module', which is not found"),
        (f"{EXAMPLES}:Reporting", UnknownName, "did you mean 'reporting'"),
        (
            f"{EXAMPLES}:undecorated",
            InvalidInput,
            "is no Algorithm; decorate it with @autorl",
        ),
        (f"{EXAMPLES}:SPACE", InvalidInput, "which is no Algorithm"),
        ({"sbx": "PPO"}, UnknownName, "unknown algorithm adapter 'sbx'; did you mean 'sb3'"),
        ({"sb3": "PPO", "x": "y"}, InvalidInput, "is no single adapter with a name"),
        ({"sb3": 3}, InvalidInput, "is no single adapter with a name"),
        (3, InvalidInput, "algorithm: 3 is no Algorithm"),
        (NoName, InvalidInput, "is an Algorithm that lacks trainer"),
        (Abstract, InvalidInput, "is an Algorithm that lacks population"),
    ],
)
def test_what_is_no_algorithm_is_explained(source: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve_algorithm(source, "study.yaml, algorithm")


def test_a_source_counts_with_its_whole_file(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from autorl.population import resolve_algorithm, source_digest;"
        "print(source_digest(resolve_algorithm('mine:train')))"
    )
    text = (
        "import autorl\n@autorl.algorithm(space={'x': {'float': [0, 1], 'default': 0.5}})\n"
        "def train(config, environment, seed, env_steps, report):\n    return 1.0\n"
    )
    digests = []
    for number, source in enumerate((text, text, text + "\nHELPER = 2\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "mine.py").write_text(source)
        digests.append(python(code, str(folder)).stdout.strip())
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 16
    assert source_digest(examples.reporting) == source_digest(examples.silent)
