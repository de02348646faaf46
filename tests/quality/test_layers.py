"""Imports point down the design's layers, run in no circle, and each optimiser is imported in one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tests.quality.house import CONTENT, LAYER_OF, Module, cycle, imports, module, modules, ours

OPTIMISERS = ("optuna", "smac", "pymoo", "nevergrad", "syne_tune", "cma", "botorch", "openbox", "hebo")
NO_OPTIMISERS = ("pymoo.util.ref_dirs",)
"""Modules of such a library that others use: points on a simplex."""


def upward(source: Sequence[Module]) -> list[str]:
    """Imports that point up, the ones inside functions and for types included."""
    known = {one.name for one in source}
    found = []
    for one in source:
        for line in imports(one, known):
            if not ours(line.target) or line.target == "autorl":
                continue
            target = line.target.split(".")[1]
            if one.part in CONTENT:
                allowed = target == one.part or LAYER_OF.get(target, 9) <= 1
            elif target in CONTENT:
                allowed = False
            elif one.part == "":
                allowed = line.typing_only  # the face of the package; what it shows is fetched on first use
            else:
                allowed = LAYER_OF.get(target, 9) <= LAYER_OF.get(one.part, -1)
            if not allowed:
                found.append(f"{one.name}:{line.line} imports {line.target}")
    return found


def module_circle(source: Sequence[Module]) -> list[str]:
    """A circle of modules that need each other while they load."""
    known = {one.name for one in source}
    edges: dict[str, set[str]] = {one.name: set() for one in source}
    for one in source:
        for line in imports(one, known):
            if line.target in known and line.target != one.name and not (line.nested or line.typing_only):
                edges[one.name].add(line.target)
    return cycle(edges)


def package_circle(source: Sequence[Module]) -> list[str]:
    """A circle of the parts below `autorl`, imports inside functions included."""
    known = {one.name for one in source}
    edges: dict[str, set[str]] = defaultdict(set)
    for one in source:
        for line in imports(one, known):
            parts = line.target.split(".")
            if ours(line.target) and len(parts) > 1 and one.part not in ("", parts[1]) and not line.typing_only:
                edges[one.part].add(parts[1])
    return cycle(edges)


def optimiser_files(source: Sequence[Module]) -> dict[str, set[str]]:
    """The modules that import each optimiser library."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in source:
        for line in imports(one, ()):
            if (library := line.target.split(".")[0]) in OPTIMISERS and line.target not in NO_OPTIMISERS:
                found[library].add(one.name)
    return dict(found)


def test_every_part_has_a_layer() -> None:
    parts = {one.part for one in modules()} - {"", *CONTENT}
    assert parts <= set(LAYER_OF), "a new part belongs into the design's table, then here"


def test_imports_point_down_the_layers() -> None:
    assert upward(modules()) == []


def test_modules_load_in_no_circle() -> None:
    assert module_circle(modules()) == []


def test_parts_import_each_other_in_no_circle() -> None:
    assert package_circle(modules()) == []


def test_each_optimiser_is_imported_in_one_file() -> None:
    found = optimiser_files(modules())
    assert {library: names for library, names in found.items() if len(names) > 1} == {}
    assert found["optuna"] == {"autorl.tuners._optuna"}


class TestNegativeControls:
    def test_an_import_that_points_up_is_found_wherever_it_stands(self) -> None:
        for text in (
            "from autorl.study import Study",
            "import autorl.study",
            "def f():\n    from autorl.study.loop import run",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from autorl.study import Study",
            "from ..study import Study",
            "from autorl import study",
            "from autorl.algorithms.ppo import PPO",
        ):
            source = [module("autorl.study", "", package=True), module("autorl.tuners.mine", text)]
            assert len(upward(source)) == 1, text

    def test_a_sideways_and_a_downward_import_pass(self) -> None:
        text = "from autorl.schedules import Full\nfrom autorl.space import SearchSpace\nimport numpy"
        assert upward([module("autorl.tuners.mine", text)]) == []

    def test_an_algorithm_may_not_import_a_study_nor_the_face_anything(self) -> None:
        assert upward([module("autorl.algorithms.mine", "from autorl.study import Study")])
        assert not upward([module("autorl.algorithms.mine", "from autorl.population import Algorithm")])
        assert upward([module("autorl", "from autorl.space import SearchSpace", package=True)])

    def test_circles(self) -> None:
        first = module("autorl.space.one", "from autorl.space.two import x")
        second = module("autorl.space.two", "from autorl.space import one")
        later = module("autorl.space.two", "def f():\n    from autorl.space import one")
        assert module_circle([first, second]) == ["autorl.space.one", "autorl.space.two", "autorl.space.one"]
        assert module_circle([first, later]) == []
        assert package_circle(
            [
                module("autorl.metrics.a", "import autorl.agents"),
                module("autorl.agents", "def f():\n    import autorl.metrics"),
            ]
        ) == ["agents", "metrics", "agents"]

    def test_an_optimiser_imported_twice(self) -> None:
        twice = [
            module("autorl.a", "import optuna"),
            module("autorl.b", "def f():\n    from optuna.trial import Trial"),
        ]
        assert optimiser_files(twice) == {"optuna": {"autorl.a", "autorl.b"}}
