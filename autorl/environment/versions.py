"""Which version of whose code decides what an environment does."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["distribution_version", "module_versions"]

BOX2D, MUJOCO = ("box2d", "box2d-py"), ("mujoco",)
FAMILIES = {
    "gymnasium.envs.box2d": BOX2D,
    "gymnasium.envs.mujoco": MUJOCO,
    "mo_gymnasium.envs.lunar_lander": BOX2D,
    "mo_gymnasium.envs.mujoco": MUJOCO,
}
"""Distributions that do the physics of environments of Gymnasium and MO-Gymnasium; the first one installed counts."""


def distribution_version(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _providers() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def module_versions(modules: Iterable[str]) -> dict[str, str]:
    """Versions of the distributions these modules belong to, by distribution.

    A module outside the installed packages, or in an editable install, is a user's own: it can change while its
    version stays, so the digest of its file stands for it. What it imports in turn is not followed.
    """
    found: dict[str, str] = {}
    for module in sorted(set(modules)):
        for distribution in _providers().get(module.partition(".")[0], ()):
            found[distribution] = distribution_version(distribution) or "unknown"
        for family, candidates in FAMILIES.items():
            if f"{module}.".startswith(f"{family}."):
                versions = {name: distribution_version(name) for name in candidates}
                found.update(next(({name: version} for name, version in versions.items() if version), {}))
        file = _own_file(module)
        if file is not None:
            found[f"module {module}"] = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return found


def _own_file(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):  # ValueError: `__main__` has no specification
        return None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    file = Path(spec.origin).resolve()
    installed = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")]
    return None if any(file.is_relative_to(folder) for folder in installed) else file
