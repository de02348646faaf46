"""Who stands before the contract: everything bundled, one function, one library's trainer, and broken ones."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

import autorl
from autorl.agents.distributions import SeveralCategoricalActions
from autorl.agents.rollout import Batch
from autorl.agents.training import TrainingEnvironments
from autorl.algorithms.dqn import DQN
from autorl.algorithms.mdpo import MDPO
from autorl.algorithms.mo_dqn import MODQN
from autorl.algorithms.ppo import PPO, PPOPopulation
from autorl.environment import Environment
from autorl.population import bundled_algorithms
from autorl.records import Value

SPACE = {
    "step_size": {"float": [0.01, 1.0], "log": True, "default": 0.1},
    "noise": {"float": [0.01, 1.0], "default": 0.3},
}


class Linear:
    """Acts by a matrix."""

    def __init__(self, weights: npt.NDArray[Any], discrete: bool) -> None:
        self.weights, self.discrete = weights.copy(), discrete

    def act(self, observation: npt.NDArray[Any]) -> Any:
        scores = observation.astype(np.float64) @ self.weights
        return int(scores.argmax()) if self.discrete else np.clip(scores, -0.5, 0.5).astype(np.float32)


@autorl.algorithm(space=SPACE)
def climbing(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
    """Random search on a linear policy: keeps a perturbation that scored at least as well over 8 steps."""
    generator = np.random.default_rng(seed)
    made = environment.make(seed)
    space: Any = made.action_space
    discrete = hasattr(space, "n")
    shape = (3, int(space.n) if discrete else space.shape[0])
    best, weights = -np.inf, config.step_size * generator.normal(size=shape)
    for done in range(8, env_steps + 1, 8):
        tried = weights + config.step_size * config.noise * generator.normal(size=shape)
        policy, total = Linear(tried, discrete), 0.0
        observation, _ = made.reset()
        for _ in range(8):
            observation, reward, over, cut, _ = made.step(policy.act(observation))
            total += float(reward)
            if over or cut:
                observation, _ = made.reset()
        if total >= best:
            best, weights = total, tried
        report(done, Linear(weights, discrete))
    made.close()
    return Linear(weights, discrete)


def references() -> list[str]:
    """Names of everything that must keep the contract; a new bundled algorithm joins by being there."""
    library = ["sb3:PPO"] if importlib.util.find_spec("stable_baselines3") else []
    return [*bundled_algorithms(), "tests.contract.contract_algorithms:climbing", *library]


@dataclass(frozen=True)
class Prioritised(DQN):
    """DQN with all that is switched off by default."""

    name: ClassVar[str] = "prioritised"
    double_q: bool = autorl.hyperparameter(True)
    dueling: bool = autorl.hyperparameter(True, static=True)
    prioritized_replay: bool = autorl.hyperparameter(True, static=True)


@dataclass(frozen=True)
class PrioritisedMO(MODQN):
    """Weight-conditioned Q-learning with priorities."""

    name: ClassVar[str] = "prioritised_mo"
    prioritized_replay: bool = autorl.hyperparameter(True, static=True)


@dataclass(frozen=True)
class Undivided(PPO):
    """PPO whose minibatch is the whole rollout, the same one in every epoch."""

    name: ClassVar[str] = "undivided"
    small: ClassVar[Mapping[str, Value]] = {"n_envs": 1, "n_steps": 15, "batch_size": 15}


@dataclass(frozen=True)
class UndividedMDPO(MDPO):
    """MDPO likewise."""

    name: ClassVar[str] = "undivided_mdpo"
    small: ClassVar[Mapping[str, Value]] = {"n_envs": 1, "n_steps": 15, "batch_size": 15}


VARIANTS = tuple(
    f"tests.contract.contract_algorithms:{one.__name__}"
    for one in (Prioritised, PrioritisedMO, Undivided, UndividedMDPO)
)
"""Bundled algorithms under settings that the small configuration lacks; they keep the costly half of the contract."""


class _Broken(PPOPopulation):
    """Made by `Broken.population`."""


@dataclass(frozen=True)
class Broken(PPO):
    """PPO with a defect; subclasses name theirs."""

    name: ClassVar[str] = "broken"
    made: ClassVar[type[PPOPopulation]] = _Broken

    @classmethod
    def population(cls, agents: Any, environment: Environment, horizon: int, device: str = "cpu") -> PPOPopulation:
        made = cls.made([cls.configure(agent.configuration) for agent in agents], agents, environment, horizon, device)
        made.initialise()
        return made


class _Coupled(PPOPopulation):
    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        sound = super().iterate(training)
        self.network.parameters.add_(1e-9 * self.network.parameters.mean(0, keepdim=True))
        return sound


class _CoupledImages(_Coupled):
    """Only images tell."""

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        return super().iterate(training) if self.normalizer.images else PPOPopulation.iterate(self, training)


class _CoupledChoices(_Coupled):
    """Only actions of several choices tell."""

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        several = isinstance(self.actions, SeveralCategoricalActions)
        return super().iterate(training) if several else PPOPopulation.iterate(self, training)


class _CopyAlone(PPOPopulation):
    """Rounds once more where it has no company, as other kernels do."""

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        sound = super().iterate(training)
        if len(self.agents) == 1:
            self.network.parameters.mul_(1 + 2**-23)
        return sound


class _Forgetful(PPOPopulation):
    def load_state_dict(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        super().load_state_dict({**state, "adam_mean": np.zeros_like(state["adam_mean"])})


class _Spreading(PPOPopulation):
    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        sound = super().iterate(training)
        return np.full_like(sound, sound.all())


class _Thawed(PPOPopulation):
    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        super().iterate(training)
        return np.ones(self.size, dtype=np.bool_)


class _GlobalNoise(PPOPopulation):
    def learn(self, data: Batch) -> None:
        data.advantages.add_(torch.rand(()))
        super().learn(data)


class _Seedless(PPOPopulation):
    @property
    def inside(self) -> Any:
        return [type(agent)(agent.configuration, 0) for agent in super().inside]

    def initialise(self) -> None:
        one = self.shape.initial(0, "", ortho_init=True)
        self.network.parameters.copy_(torch.from_numpy(one).expand_as(self.network.parameters))

    def restart(self, mark: int) -> None:
        self.close()
        self._training = TrainingEnvironments(self.environment, self.inside[: len(self.agents)], 3, 0)


class _Deaf(PPOPopulation):
    def reconfigure(self) -> None:
        super().reconfigure()

    def learn(self, data: Batch) -> None:
        self.columns._tensors["vf_coef"] = torch.full_like(self.columns.vf_coef, 0.5)
        super().learn(data)


class _LearnsFromLooking(PPOPopulation):
    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        self.normalizer.mean += 1e-6
        return super().act(observations)


class _Overshooting(PPOPopulation):
    def advance(self, to_env_steps: int) -> None:
        super().advance(to_env_steps + self.iteration_env_steps - 1)


def _broken(population: type[PPOPopulation]) -> type[Broken]:
    name = population.__name__.strip("_")
    made = type(name, (Broken,), {"made": population, "name": name.lower(), "__module__": __name__})
    return dataclass(frozen=True)(made)


Coupled, CoupledImages, CoupledChoices = _broken(_Coupled), _broken(_CoupledImages), _broken(_CoupledChoices)
CopyAlone, Forgetful = _broken(_CopyAlone), _broken(_Forgetful)
Spreading, Thawed, GlobalNoise = _broken(_Spreading), _broken(_Thawed), _broken(_GlobalNoise)
Seedless, Deaf = _broken(_Seedless), _broken(_Deaf)
LearnsFromLooking, Overshooting = _broken(_LearnsFromLooking), _broken(_Overshooting)

DEFECTS = {
    "Coupled": "company",
    "CoupledImages": "images",
    "CoupledChoices": "several_choices",
    "CopyAlone": "company",
    "Forgetful": "stop_and_continue",
    "Spreading": "divergence",
    "Thawed": "divergence",
    "GlobalNoise": "own_random_numbers",
    "Seedless": "seeds",
    "Deaf": "hyperparameters",
    "LearnsFromLooking": "looking",
    "Overshooting": "marks",
}
"""Broken algorithm -> the check that must find it."""
