"""Names: bundled ones found by looking, the user's own by `module:attribute`, options by keyword."""

from __future__ import annotations

import subprocess
import sys
from abc import ABC
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.registry import build, discover, load_attribute, module_names, options_of, resolve_class

SHAPES = """
from __future__ import annotations
from abc import ABC, abstractmethod

class Shape(ABC):
    name = ""
    @abstractmethod
    def area(self) -> float: ...
"""
SQUARES = '''
from __future__ import annotations
from autorl.errors import InvalidInput
from shapes_for_tests.base import Shape

class Square(Shape):
    name = "square"
    def __init__(
        self, unit: float, *, side: int = 1, colour: str | None = None, filled: bool = True, depth: float = 1.0
    ) -> None:
        if side < 0:
            raise InvalidInput(f"side is {side}; it must not be negative")
        self.unit, self.side, self.colour, self.filled, self.depth = unit, side, colour, filled, depth
    def area(self) -> float:
        return self.unit * self.side ** 2

class Unnamed(Square):
    """Inherits its name, so it is not found by it."""

class Abstract(Shape):
    name = "abstract"

class Needy(Square):
    name = "needy"
    def __init__(self, unit: float, *, corner: int) -> None:
        super().__init__(unit, side=corner)

def area(shape: Shape) -> float:
    return shape.area()
'''


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[ABC]]:
    """The base class of a package of another project, which is on the path for these tests."""
    folder = tmp_path_factory.mktemp("path")
    package = folder / "shapes_for_tests"
    package.mkdir()
    files = {
        "__init__": "", "base": SHAPES, "squares": SQUARES, "again": "from shapes_for_tests.squares import Square\n",
        "_private": "raise RuntimeError('never imported')\n",
    }  # fmt: skip
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    (folder / "needs_missing.py").write_text("import a_module_that_is_missing\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        base = load_attribute("shape", "shapes_for_tests.base:Shape")
        assert isinstance(base, type)
        yield base


pytestmark = pytest.mark.usefixtures("shapes")


class TestDiscovery:
    def test_public_modules_are_listed_without_importing_them(self) -> None:
        assert module_names("shapes_for_tests") == ["again", "base", "squares"]

    def test_concrete_named_classes_are_found_where_they_are_defined(self, shapes: type[ABC]) -> None:
        found = discover("shapes_for_tests", shapes)
        assert list(found) == ["needy", "square"]
        assert found["square"].__module__ == "shapes_for_tests.squares"

    def test_an_instance_is_not_a_class(self, shapes: type[ABC]) -> None:
        assert discover("shapes_for_tests", int) == {}


class TestReferences:
    def test_nested_attributes(self) -> None:
        assert load_attribute("path", "pathlib:Path.cwd") == Path.cwd

    @pytest.mark.parametrize("reference", ["no_such_module:x", "shapes_for_tests.missing:x", "no.such:x"])
    def test_a_module_that_does_not_exist(self, reference: str) -> None:
        module = reference.partition(":")[0]
        with pytest.raises(
            InvalidInput, match=f"a.yaml: shape '{reference}' names the module '{module}', which is not"
        ):
            load_attribute("shape", reference, "a.yaml")

    def test_a_module_that_lacks_the_attribute(self) -> None:
        with pytest.raises(
            UnknownName, match=r"attribute of module 'shapes_for_tests.squares' named as shape 'Sqare'; did"
        ):
            load_attribute("shape", "shapes_for_tests.squares:Sqare")

    def test_an_import_that_fails_inside_the_module_is_not_blamed_on_the_name(self) -> None:
        with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
            load_attribute("shape", "needs_missing:x")

    def test_a_class_by_name_or_reference(self, shapes: type[ABC]) -> None:
        by_name = resolve_class("shape", "square", "shapes_for_tests", shapes)
        assert by_name is resolve_class("shape", "shapes_for_tests.squares:Square", "shapes_for_tests", shapes)

    def test_an_unknown_name(self, shapes: type[ABC]) -> None:
        with pytest.raises(UnknownName, match=r"a.yaml: unknown shape 'squar'; did you mean 'square'"):
            resolve_class("shape", "squar", "shapes_for_tests", shapes, "a.yaml")

    @pytest.mark.parametrize("attribute", ["area", "InvalidInput"])
    def test_something_else_than_a_subclass(self, shapes: type[ABC], attribute: str) -> None:
        with pytest.raises(
            InvalidInput, match=rf"shape 'shapes_for_tests.squares:{attribute}' is .*no subclass of Shape"
        ):
            resolve_class("shape", f"shapes_for_tests.squares:{attribute}", "shapes_for_tests", shapes)


class TestBuilding:
    def test_options_are_the_keyword_only_arguments(self, shapes: type[ABC]) -> None:
        square = resolve_class("shape", "square", "shapes_for_tests", shapes)
        assert list(options_of(square)) == ["side", "colour", "filled", "depth"]

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("square", (1, None, True, 1.0)),
            ({"name": "square", "side": 3, "filled": False}, (3, None, False, 1.0)),
            ({"name": "shapes_for_tests.squares:Square", "depth": 2, "colour": "red"}, (1, "red", True, 2)),
            ({"name": "needy", "corner": 4}, (4, None, True, 1.0)),
        ],
    )
    def test_every_form(self, shapes: type[ABC], source: object, expected: tuple[object, ...]) -> None:
        built = vars(build("shape", source, "shapes_for_tests", shapes, (2.0,), "shape"))
        assert built["unit"] == 2.0
        assert tuple(built[name] for name in ("side", "colour", "filled", "depth")) == expected

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ({"name": "square", "sides": 3}, "unknown option of shape 'square' 'sides'; did you mean 'side'"),
            ({"name": "square", "unit": 3}, "unknown option of shape 'square' 'unit'; known: "),
            ({"name": "square", "side": 1.5}, "side is 1.5, which is not a whole number"),
            ({"name": "square", "side": "1"}, "side is '1', which is not a whole number"),
            ({"name": "square", "side": True}, "side is True, which is not a whole number"),
            ({"name": "square", "side": None}, "side is None, which is not a whole number"),
            ({"name": "square", "depth": "1e-5"}, "depth is '1e-5', which is not a number"),
            ({"name": "square", "depth": False}, "depth is False, which is not a number"),
            ({"name": "square", "filled": 1}, "filled is 1, which is not true or false"),
            ({"name": "square", "side": -1}, "a.yaml: side is -1; it must not be negative"),
            ({"name": "needy"}, "shape 'needy' needs the option 'corner'; write {name: needy, corner: ...}"),
            ({"side": 3}, "{'side': 3} is no shape; write a name"),
            ({"name": 3}, "{'name': 3} is no shape"),
            (["square"], "['square'] is no shape"),
            (None, "None is no shape"),
            ("shapes_for_tests.squares:Abstract", "shape 'shapes_for_tests.squares:Abstract' does not define area"),
        ],
    )
    def test_what_is_refused(self, shapes: type[ABC], source: object, message: str) -> None:
        with pytest.raises(InvalidInput) as raised:
            build("shape", source, "shapes_for_tests", shapes, (2.0,), "a.yaml")
        assert str(raised.value).startswith("a.yaml: ")
        assert message in str(raised.value)

    def test_the_given_mapping_is_left_alone(self, shapes: type[ABC]) -> None:
        source = {"name": "square", "side": 3}
        build("shape", source, "shapes_for_tests", shapes, (2.0,), "shape")
        assert source == {"name": "square", "side": 3}


def test_looking_for_bundled_things_loads_no_heavy_library() -> None:
    command = (
        "import sys; from autorl.tuners import bundled_tuners; from autorl.schedules import bundled_schedules\n"
        "bundled_tuners(); bundled_schedules(); assert not {'torch', 'optuna'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", command], check=True)
