"""The shipped space files: their source is named, they fit their algorithm, and they keep the promised size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.algorithms.ppo import PPO
from autorl.seeds import stream
from autorl.space import Float, SearchSpace, bundled_spaces

FOLDER = Path(__file__).parents[2] / "search_spaces"
PPO_SPACES = [name for name in bundled_spaces() if name.startswith("ppo")]


def load(name: str) -> SearchSpace:
    return SearchSpace.load(name, defaults=PPO.defaults())


@pytest.mark.parametrize("name", bundled_spaces())
def test_a_file_opens_with_the_source_of_its_ranges_and_is_read_alone(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    comment = " ".join(line for line in text.splitlines() if line.startswith("#"))
    assert "et al." in comment or "Eimer, Lindauer and Raileanu" in comment
    space = SearchSpace.load(name)
    assert space.decode(space.encode(space.default())) == space.default()


@pytest.mark.parametrize("name", PPO_SPACES)
def test_every_configuration_is_one_ppo_can_run(name: str) -> None:
    space = load(name)
    PPO.configure(space.default())
    generator = stream(0, "test of bundled spaces")
    for draw in range(150):
        vector: dict[str, Any] = {}
        for coordinate in space.coordinates:
            # Corners first: every number at one of its ends.
            unit = float(generator.integers(0, 2)) if draw < 50 else float(generator.random())
            index = int(generator.integers(0, max(1, coordinate.size)))
            vector[coordinate.name] = {"unit": unit, "index": index}.get(coordinate.kind, index)
            if coordinate.kind == "label":
                vector[coordinate.name] = coordinate.labels[index]
        configuration = space.decode(vector)
        PPO.configure(configuration)
        assert space.decode(space.encode(configuration)) == configuration


@pytest.mark.parametrize(
    ("name", "expected"), [("ppo", 11), ("ppo_small", 5), ("ppo_architecture", 49), ("ppo_wide", 320)]
)
def test_static_combinations_are_those_the_files_promise(name: str, expected: int) -> None:
    assert load(name).static_combinations(PPO.static_names()) == expected


def ranges(name: str) -> dict[str, tuple[Any, ...]]:
    return {one.name: tuple(one.range) for one in load(name).hyperparameters}


def test_ranges_are_the_published_ones() -> None:
    small, wide, default, architecture = map(ranges, ("ppo_small", "ppo_wide", "ppo", "ppo_architecture"))
    assert set(small) == {"learning_rate", "ent_coef", "n_epochs"}
    assert small["learning_rate"] == wide["learning_rate"] == (1e-6, 1e-2)
    assert small["ent_coef"] == wide["ent_coef"] == default["ent_coef"] == (0.0, 0.5)
    assert small["n_epochs"] == (5, 8, 10, 15, 20)
    assert wide["n_epochs"] == (5, 20)
    assert wide["batch_size"] == (16, 128)
    assert wide["n_steps"] == (256, 4096)
    assert wide["gae_lambda"] == default["gae_lambda"] == (0.8, 0.9999)
    assert wide["clip_range"] == default["clip_range"] == wide["clip_range_vf"] == (0.01, 0.5)
    assert default["learning_rate"] == (1e-6, 1e-1)
    assert default["batch_size"] == (128, 512)
    assert architecture["width"] == (2, 256)
    assert architecture["depth"] == (0, 3)


def test_defaults_are_ppos_own_where_the_range_holds_them() -> None:
    own = PPO.defaults()
    moved = {"n_envs": 8, "n_steps": 128, "batch_size": 128}  # the default space trains in eight environments
    assert load("ppo").default() == {**{name: own[name] for name in load("ppo").names}, **moved}
    assert load("ppo_wide").default() == {**{name: own[name] for name in load("ppo_wide").names}, "clip_range_vf": 0.5}
    for name in ("ppo_small", "ppo_architecture"):
        space = load(name)
        assert space.default() == {key: own[key] for key in space.names}


def test_no_float_range_reaches_a_value_that_learns_nothing() -> None:
    for name in PPO_SPACES:
        for one in load(name).hyperparameters:
            if isinstance(one, Float) and one.name in ("learning_rate", "clip_range", "clip_range_vf", "max_grad_norm"):
                assert one.lower > 0
