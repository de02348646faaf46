"""Stable-Baselines3's algorithms as ours: `sb3:PPO`, `sb3:SAC` and every other class the library exports.

An algorithm's hyperparameters are its constructor's plain arguments with the library's defaults, and five of ours:
`n_envs` (training environments), `width`, `depth` and `activation` of its networks, and `anneal_learning_rate`
(linearly to 0 over the budget). Nothing is patched: training
is one call of the library's own `learn` for the whole budget, held at each mark by a callback.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput, MissingExtra, UnknownName
from autorl.population.base import Plan, hyperparameter
from autorl.population.generators import OwnGenerators
from autorl.population.one_agent import OneAgentAlgorithm, OneAgentTrainer
from autorl.records import Agent, Value

__all__ = ["SB3Algorithm", "library_algorithm", "library_classes"]

NO_HYPERPARAMETERS = {
    "self": "not an argument",
    "policy": "the multi-layer perceptron",
    "env": "ours",
    "seed": "the agent's",
    "device": "the study's",
    "verbose": "nothing is printed",
    "tensorboard_log": "nothing is logged",
    "stats_window_size": "nothing is logged",
    "optimize_memory_usage": "changes no result",
    "_init_setup_model": "internal",
}
"""Arguments of a constructor that are no hyperparameters, and what they are instead."""

NETWORKS: Mapping[str, tuple[int, int, str]] = {
    "A2C": (64, 2, "tanh"),
    "DQN": (64, 2, "relu"),
    "PPO": (64, 2, "tanh"),
    "SAC": (256, 2, "relu"),
}
"""Width, depth and activation the library takes by default, where its layers are equally wide."""

ACTIVATIONS = {"tanh": "Tanh", "relu": "ReLU", "elu": "ELU", "leaky_relu": "LeakyReLU", "silu": "SiLU", "gelu": "GELU"}


class SB3Algorithm(OneAgentAlgorithm):
    """One of the library's algorithms: `library_algorithm` makes a subclass of each.

    A width of None leaves the layers to the library (TD3 and DDPG: 400 and 300).

    Attributes:
        library_name: The class's name in the library.
    """

    library_name: ClassVar[str]
    distributions: ClassVar[tuple[str, ...]] = ("stable-baselines3",)
    counts: ClassVar[frozenset[str]] = frozenset({"gradient_updates", "parameters"})

    def __post_init__(self) -> None:
        """Checks what the library itself would not say plainly.

        Raises:
            InvalidInput: If the network or the number of environments makes no sense, or a minibatch exceeds the
                rollout.
        """
        values = self.values()
        if (values["width"] is None) != (values["depth"] is None):
            raise InvalidInput(
                f"{self.name}: width={values['width']!r} and depth={values['depth']!r} must both be given or neither"
            )
        if values["activation"] not in ACTIVATIONS:
            raise UnknownName("activation", values["activation"], ACTIVATIONS, self.name)
        for name, least in (("n_envs", 1), ("width", 1), ("depth", 0)):
            value = values[name]
            if value is not None and value < least:
                raise InvalidInput(f"{self.name}: {name}={value!r} is below {least}")
        if "sde_sample_freq" in values and values["sde_sample_freq"] != -1 and values["sde_sample_freq"] < 1:
            raise InvalidInput(
                f"{self.name}: sde_sample_freq={values['sde_sample_freq']!r} must be -1 (once a rollout) or at least 1"
            )
        if "train_freq" not in values and values.get("batch_size", 0) > self.iteration_env_steps:
            raise InvalidInput(
                f"{self.name}: batch_size={values['batch_size']!r} exceeds the rollout of n_steps * n_envs = "
                f"{values['n_steps']} * {values['n_envs']} = {self.iteration_env_steps} rows"
            )

    def values(self) -> dict[str, Any]:
        """Every hyperparameter with its value."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]  # a dataclass

    @property
    def iteration_env_steps(self) -> int:
        """Env steps between two visits to the callback: one rollout."""
        values = self.values()
        per_environment = values["train_freq"] if "train_freq" in values else values["n_steps"]
        return int(per_environment * values["n_envs"])

    def build(self, environment: Any, seed: int | None, device: str) -> Any:
        """The library's own model, in an environment or vector environment of the library's."""
        import torch

        arguments = self.values()
        del arguments["n_envs"]
        if arguments.pop("anneal_learning_rate"):
            start = arguments["learning_rate"]
            arguments["learning_rate"] = lambda remaining: start * remaining
        width, depth = arguments.pop("width"), arguments.pop("depth")
        network: dict[str, Any] = {"activation_fn": getattr(torch.nn, ACTIVATIONS[arguments.pop("activation")])}
        if width is not None:
            network["net_arch"] = [width] * depth
        made = library_classes()[self.library_name]
        with warnings.catch_warnings():
            # That the last minibatch of an epoch is shorter where the rollout is no multiple of it.
            warnings.filterwarnings("ignore", "You have specified a mini-batch size", UserWarning)
            return made("MlpPolicy", environment, policy_kwargs=network, seed=seed, device=device, **arguments)

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        """Builds the model once, without training it, and looks.

        Raises:
            InvalidInput: If the library refuses the spaces or the configuration.
        """
        from autorl.population.sb3_trainer import acting_parameters, shape_of

        if spaces.rewards != 1:
            raise InvalidInput(f"{self.name} learns from one reward; the environment gives {spaces.rewards}")
        # The replay buffer takes no part in the plan, and a full one would be reserved here for nothing.
        small = {"buffer_size": 1} if "buffer_size" in self.values() else {}
        try:
            with OwnGenerators(0).active():
                model = dataclasses.replace(self, **small).build(shape_of(spaces), 0, "cpu")  # type: ignore[type-var]  # subclasses are dataclasses
        except (AssertionError, TypeError, ValueError) as error:
            raise InvalidInput(f"{self.name}: {' '.join(str(error).split())}") from error
        return Plan(iteration_env_steps=self.iteration_env_steps, parameters=acting_parameters(model))

    @classmethod
    def default_space(cls) -> Mapping[str, object] | None:
        """The bundled space of the same name in lower case, as far as it names hyperparameters of this class."""
        from autorl.population.library_space import restricted_space

        return restricted_space(cls.library_name.lower(), cls.defaults())

    @classmethod
    def trainer(cls, agent: Agent, environment: Environment, horizon: int, device: str) -> OneAgentTrainer:
        """One model of the library."""
        from autorl.population.sb3_trainer import SB3Trainer

        return SB3Trainer(cls.configure(agent.configuration), agent, environment, horizon, device)


@functools.cache
def library_classes() -> dict[str, Any]:
    """The algorithms the library exports, by name.

    Raises:
        MissingExtra: If it is not installed.
    """
    try:
        import stable_baselines3
        from stable_baselines3.common.base_class import BaseAlgorithm
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "stable_baselines3":
            raise
        raise MissingExtra("stable_baselines3, which algorithms named 'sb3:...' come from,", extra="sb3") from error
    members = vars(stable_baselines3).items()
    return {name: made for name, made in members if inspect.isclass(made) and issubclass(made, BaseAlgorithm)}


def library_algorithm(name: str, where: str = "algorithm") -> type[SB3Algorithm]:
    """The algorithm made of one of the library's; the same class every time.

    Args:
        name: The class's name in the library ("PPO").
        where: The file and key, for messages.

    Raises:
        MissingExtra: If the library is not installed.
        UnknownName: If it exports no such algorithm.
    """
    known = library_classes()
    if name not in known:
        raise UnknownName("Stable-Baselines3 algorithm", name, known, where)
    return _made(name)


@functools.cache
def _made(name: str) -> type[SB3Algorithm]:
    width, depth, activation = NETWORKS.get(name, (None, None, "relu"))
    own = {"n_envs": 1, "width": width, "depth": depth, "activation": activation, "anneal_learning_rate": False}
    entries = {**_hyperparameters(library_classes()[name]), **own}
    made: type[SB3Algorithm] = dataclasses.make_dataclass(
        name,
        [(entry, type(default), hyperparameter(default)) for entry, default in entries.items()],
        bases=(SB3Algorithm,),
        namespace={
            "__doc__": f"{name} of Stable-Baselines3; see `SB3Algorithm`.",
            "name": f"sb3:{name}",
            "summary": f"{name} of Stable-Baselines3, its agents one after another",
            "library_name": name,
        },
        frozen=True,
        kw_only=True,
    )
    made.__module__ = __name__  # with __getattr__ below, pickle finds the class by name
    return made


def _hyperparameters(made: Any) -> dict[str, Value]:
    """The plain arguments of a constructor with their defaults: numbers, switches and words, or None for a number."""
    found: dict[str, Value] = {}
    for name, parameter in inspect.signature(made.__init__).parameters.items():
        default = parameter.default
        if name in NO_HYPERPARAMETERS or default is parameter.empty:
            continue
        numeric = {bool, int, float, str} & {parameter.annotation, *typing.get_args(parameter.annotation)}
        if isinstance(default, (bool, int, float, str)) or (default is None and numeric):
            found[name] = default
    return found


def __getattr__(name: str) -> type[SB3Algorithm]:
    if name.startswith("_") or name not in library_classes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _made(name)
