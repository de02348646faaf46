"""What every module of the package keeps to: names, documentation, messages, length, and no shared random state."""

from __future__ import annotations

import ast
import importlib
import statistics
from collections.abc import Iterator, Sequence

import pytest

import autorl
from tests.quality.house import Module, imports, module, modules

MISTAKES = ("ValueError", "InvalidInput", "StudyMismatch", "TypeError", "KeyError")
LONGEST, MEDIAN = 400, 150
KEEPS_GENERATORS_APART = "autorl.population.generators"
"""The one module that touches the process's generators: it saves and restores them around other people's code."""
GENERATORS = {"Generator", "Philox", "SeedSequence", "BitGenerator", "default_rng", "RandomState"}
"""What of `numpy.random` makes a generator of one's own."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def listed(source: Module) -> list[str] | None:
    """`__all__` as it stands in the source."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def defined(source: Module) -> set[str]:
    """Public classes and functions; in a package also what it takes from its own modules."""
    found = {node.name for node in source.tree.body if isinstance(node, Definition)}
    if source.package:
        for node in source.tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(source.name):
                found |= {alias.asname or alias.name for alias in node.names}
    return {name for name in found if not name.startswith("_")}


def bound(source: Module) -> set[str]:
    """Every name a module binds at its top, conditional blocks included."""
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, Definition):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def wrong_all(source: Module) -> list[str]:
    """How `__all__` differs from the public names; constants and aliases may be listed or not."""
    names = listed(source)
    if names is None:
        return [f"{source.name} has no __all__"] if defined(source) else []
    missing, unbound = defined(source) - set(names), set(names) - bound(source)
    wrong = [f"{source.name} lacks {sorted(missing)} in __all__"] if missing else []
    wrong += [f"{source.name} lists {sorted(unbound)}, which it does not bind"] if unbound else []
    return wrong + ([f"{source.name} lists a name twice"] if len(set(names)) < len(names) else [])


def shadowing(source: Sequence[Module]) -> list[str]:
    """Public names of a package that equal one of its modules; the later of the two would win."""
    return [
        f"{one.name}.{name}"
        for one in source
        if one.package
        for name in listed(one) or ()
        if f"{one.name}.{name}" in {other.name for other in source}
    ]


def undocumented(source: Module) -> Iterator[str]:
    """The module, its public classes and functions, and their public methods that have no docstring."""
    if not ast.get_docstring(source.tree):
        yield source.name
    stack = [(source.name, node) for node in source.tree.body]
    while stack:
        place, node = stack.pop()
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        if any(
            ast.unparse(one) in ("overload", "typing.overload") or ".setter" in ast.unparse(one)
            for one in node.decorator_list
        ):
            continue
        if not ast.get_docstring(node):
            yield f"{place}.{node.name}"
        if isinstance(node, ast.ClassDef):
            stack += [(f"{place}.{node.name}", child) for child in node.body]


def mute_raises(source: Module) -> list[str]:
    """Places that refuse a value without showing it: a message that is one fixed text without a number, or none."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        name = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc).split(".")[-1]
        message = node.exc.args[:1] if isinstance(node.exc, ast.Call) else []
        shown = any(_shows(part) for one in message for part in _operands(one))
        if name in MISTAKES and not shown:
            found.append(f"{source.name}:{node.lineno}")
    return found


def _shows(part: ast.expr) -> bool:
    """A number in fixed text is the value of a count that is always the same: "0 agents cannot train"."""
    return not isinstance(part, ast.Constant) or any(character.isdigit() for character in str(part.value))


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        return list(node.values)
    if isinstance(node, ast.BinOp):
        return [*_operands(node.left), *_operands(node.right)]
    return [node]


def prints(source: Module) -> list[str]:
    """Calls of `print`."""
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    return [f"{source.name}:{call.lineno}" for call in calls if ast.unparse(call.func) in ("print", "builtins.print")]


def shared_random_state(source: Module) -> list[str]:
    """Uses of a global generator."""
    found = [f"{source.name}:{line.line}" for line in imports(source, ()) if line.target == "random"]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            legacy = text.startswith(("np.random.", "numpy.random.")) and text.split(".")[2] not in GENERATORS
            if legacy or text in ("torch.manual_seed", "torch.seed"):
                found.append(f"{source.name}:{node.lineno}")
    return found


def test_all_lists_the_public_names() -> None:
    assert [wrong for one in modules() for wrong in wrong_all(one)] == []


def test_no_public_name_equals_a_module() -> None:
    assert shadowing(modules()) == []


def test_the_face_of_the_package_is_exact() -> None:
    assert sorted(autorl.__all__) == autorl.__all__ == sorted(autorl._HOMES)
    for name in autorl.__all__:
        home = importlib.import_module(autorl._HOMES[name])
        assert name in home.__all__, f"{autorl._HOMES[name]} does not list {name}"
        assert getattr(autorl, name) is getattr(home, name)
    assert dir(autorl) == sorted([*autorl.__all__, "__version__"])
    with pytest.raises(AttributeError, match="no attribute 'tuen'"):
        autorl.tuen  # noqa: B018  # the access is the point
    (face,) = (one for one in modules() if one.name == "autorl")
    typed = {
        alias.name
        for node in ast.walk(face.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autorl.")
        for alias in node.names
    }
    assert typed == set(autorl.__all__)


def test_everything_public_is_documented() -> None:
    assert [name for one in modules() for name in undocumented(one)] == []


def test_a_refusal_shows_what_it_refuses() -> None:
    assert [place for one in modules() for place in mute_raises(one)] == []


def test_only_the_command_line_prints() -> None:
    assert [place for one in modules() if one.part != "cli" for place in prints(one)] == []


def test_no_random_state_is_shared() -> None:
    others = [one for one in modules() if one.name != KEEPS_GENERATORS_APART]
    assert len(others) == len(modules()) - 1
    assert [place for one in others for place in shared_random_state(one)] == []


def test_modules_are_short() -> None:
    assert {one.name: one.lines for one in modules() if one.lines > LONGEST} == {}
    assert statistics.median(one.lines for one in modules()) < MEDIAN


class TestNegativeControls:
    def test_names(self) -> None:
        assert wrong_all(module("m", "def f(): ...")) == ["m has no __all__"]
        assert wrong_all(module("m", "__all__ = []\ndef f(): ...")) == ["m lacks ['f'] in __all__"]
        assert wrong_all(module("m", "__all__ = ['f', 'g']\ndef f(): ...")) == ["m lists ['g'], which it does not bind"]
        assert wrong_all(module("p", "from p.m import f\n__all__ = []", package=True)) == ["p lacks ['f'] in __all__"]
        assert wrong_all(module("m", "__all__ = ['f', 'LIMIT']\nLIMIT = 3\ndef f(): ...\ndef _g(): ...")) == []

    def test_shadowing(self) -> None:
        package = module("p", "from p.m import tune\n__all__ = ['tune']", package=True)
        assert shadowing([package, module("p.tune", "")]) == ["p.tune"]
        assert shadowing([package, module("p.m", "")]) == []

    def test_documentation(self) -> None:
        text = "'''M.'''\nclass A:\n    def f(self): ...\n    def _g(self): ...\n"
        text += "def h():\n    '''H.'''\n    def inner(): ..."
        assert sorted(undocumented(module("m", text))) == ["m.A", "m.A.f"]
        assert list(undocumented(module("m", ""))) == ["m"]

    def test_messages(self) -> None:
        for text in (
            "raise ValueError",
            "raise ValueError('no')",
            "raise e.InvalidInput('a' 'b')",
            "raise ValueError(f'a' + 'b')",
        ):
            assert mute_raises(module("m", text)) == ["m:1"], text
        for text in (
            "raise ValueError(f'{x} is wrong')",
            "raise ValueError('a' f'{x}')",
            "raise ValueError(message)",
            "raise",
        ):
            assert mute_raises(module("m", text)) == [], text

    def test_printing_and_random_state(self) -> None:
        assert prints(module("m", "def f():\n    print(1)\nconsole.print(2)")) == ["m:2"]
        for text in ("import random", "from random import choice", "np.random.rand(3)", "torch.manual_seed(0)"):
            assert shared_random_state(module("m", text)) == ["m:1"], text
        assert shared_random_state(module("m", "np.random.Generator(np.random.Philox(key=3))")) == []
