"""The wheel and the sdist hold the tracked files of the package, and site-packages gets one name."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.quality.house import CONTENT, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / ".git").exists() or shutil.which("git") is None, reason="what is tracked is known in a clone only"
    ),
    pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="built without isolation, so offline"),
]


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name]


def package_files() -> set[str]:
    """Tracked files that belong to the package, under the names they install as."""
    links = {f"autorl/{folder}" for folder in CONTENT}
    found = {name for name in tracked() if name.startswith("autorl/") and name not in links}
    return found | {f"autorl/{name}" for name in tracked() if name.split("/")[0] in CONTENT}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, built three ways: an sdist, a wheel from it, and a wheel from the files."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("out")
    for name in tracked():
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() or source.exists():
            shutil.copy2(source, target, follow_symlinks=False)
    for folder, ways in (("through_sdist", []), ("direct", ["--wheel"])):
        command = [sys.executable, "-m", "build", "--no-isolation", *ways, "--outdir", str(out / folder), str(copy)]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    return out


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.mark.parametrize("way", ["through_sdist", "direct"])
def test_a_wheel_holds_the_tracked_files_under_one_name(built: Path, way: str) -> None:
    (wheel,) = (built / way).glob("*.whl")
    names = names_in(wheel)
    assert {name for name in names if ".dist-info/" not in name} == package_files()
    (folder,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert folder.startswith("autorl-")
    assert f"{folder}/licenses/LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"autorl", folder}


def test_the_sdist_holds_what_a_build_needs(built: Path) -> None:
    (sdist,) = (built / "through_sdist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    links = {f"autorl/{folder}" for folder in CONTENT}
    own = {name for name in tracked() if name.split("/")[0] in ("autorl", *CONTENT) and name not in links}
    assert own | {"pyproject.toml", "README.md", "LICENSE"} <= names
    made = {name for name in names if name.startswith("autorl.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert names - made <= set(tracked())


def test_what_is_missing_from_a_wheel_would_show(built: Path, tmp_path: Path) -> None:
    """Negative control: the same comparison with one file taken out and a stray one put in."""
    (wheel,) = (built / "direct").glob("*.whl")
    names = names_in(wheel)
    assert "autorl/py.typed" in names
    assert {name for name in names - {"autorl/py.typed"} if ".dist-info/" not in name} != package_files()
    assert {name.split("/")[0] for name in names | {"algorithms/ppo.py"}} != {name.split("/")[0] for name in names}
