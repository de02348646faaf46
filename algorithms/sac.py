"""Soft actor-critic (Haarnoja et al., 2018) for a whole population of agents.

Names, defaults and the order of the updates are Stable-Baselines3's: temperature, critics, actor, targets, all from one
minibatch. The temperature is fixed or learned to hold a target entropy (Haarnoja et al., 2019), through its logarithm.
Twin critics (Fujimoto et al., 2018) and n-step returns without off-policy correction, whose entropy term stands at the
last step alone, as in Stable-Baselines3.

Deviations from the 2018 paper, all Stable-Baselines3's: its separate network of state values, with a target network of
its own, is dropped, as in the later version (Haarnoja et al., 2019, arXiv 1812.05905): targets come from the smaller of
two target critics at a draw from the policy; a temperature, learned by default, stands in for its scale of the rewards;
actions are uniformly random for 100 env steps by default (`learning_starts`); log standard deviations are cut to -20
and 2; and 1e-6 keeps the logarithm of squashing's slope finite. Deviations from Stable-Baselines3: a gradient that is
not needed (that of the critics' weights in the actor's loss) is not computed; `gradient_steps` is at least 1, and
`train_freq` no number of episodes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from autorl.agents.optimiser import Adam
from autorl.agents.population import State
from autorl.agents.replay import Transitions
from autorl.agents.squashed_actor import SquashedActorAlgorithm, SquashedActorPopulation
from autorl.checks import check_number
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["SAC", "SACPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SAC(SquashedActorAlgorithm):
    """One configuration of SAC; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size, of actor, critics and temperature.
        n_envs: Sub-environments an agent acts in at once.
        buffer_size: Transitions kept; cut to the horizon.
        learning_starts: Env steps of uniformly random actions before the first update.
        batch_size: Transitions of an update.
        tau: Share of the way the target critics move at their updates.
        gamma: Discount per env step.
        train_freq: Vector steps between updates.
        gradient_steps: Gradient steps of an update.
        n_steps: Env steps of a return before its bootstrapped rest.
        ent_coef: The temperature: a number, "auto" (learned, from 1), or "auto_0.1" (learned, from 0.1).
        target_update_interval: Gradient steps between updates of the target critics, counted anew in every update, as
            in Stable-Baselines3: without effect while `gradient_steps` is 1.
        target_entropy: What a learned temperature holds the entropy at: a number, or "auto" (minus the action's
            length).
        activation: "relu" or "tanh".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 3; 0 is linear.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "sac"
    summary: ClassVar[str] = "Soft actor-critic: twin critics, fixed or learned temperature; continuous actions"

    learning_rate: float = hyperparameter(3e-4)
    n_envs: int = hyperparameter(1, static=True)
    buffer_size: int = hyperparameter(1_000_000, static=True)
    learning_starts: int = hyperparameter(100)
    batch_size: int = hyperparameter(256, static=True)
    tau: float = hyperparameter(0.005)
    gamma: float = hyperparameter(0.99)
    train_freq: int = hyperparameter(1)
    gradient_steps: int = hyperparameter(1)
    n_steps: int = hyperparameter(1)
    ent_coef: float | str = hyperparameter("auto")
    target_update_interval: int = hyperparameter(1)
    target_entropy: float | str = hyperparameter("auto")
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(256, static=True)
    depth: int = hyperparameter(2, static=True)

    def __post_init__(self) -> None:
        self.check_shared()
        _, first = self.temperature
        check_number("ent_coef", first, 0, sys.float_info.max, above=self.temperature[0])
        if self.target_entropy != "auto":
            check_number("target_entropy", self.target_entropy, -sys.float_info.max, sys.float_info.max)

    @property
    def temperature(self) -> tuple[bool, float]:
        """Whether the temperature is learned, and its first value.

        Raises:
            InvalidInput: If `ent_coef` is neither a number nor "auto" nor "auto_NUMBER".
        """
        given = self.ent_coef
        if not isinstance(given, str):
            return False, given
        word, joint, start = given.partition("_")
        try:
            return {"auto": True}[word], float(start) if joint else 1.0
        except (KeyError, ValueError):
            raise InvalidInput(f'ent_coef: {given!r} is neither a number nor "auto" nor such as "auto_0.1"') from None

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> SACPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return SACPopulation.begin(cls, agents, environment, horizon, device)

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the actor, of all networks with targets, and operations of one update a row."""
        actor, critic = (layout.parameters for layout in self.layouts(spaces))
        # Actor: both observations forward, one backward. Critics: targets, learning (forward, backward), and forward
        # and through to the action for the actor.
        return actor, actor + 4 * critic, 2 * (4 * actor + 2 * (1 + 3 + 2) * critic)


class SACPopulation(SquashedActorPopulation[SAC]):
    """Agents that learn by SAC."""

    def __init__(
        self,
        configurations: Sequence[SAC],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.log_temperature = torch.zeros(self.size, 1, device=device)
        self.temperature_optimiser = Adam(self.log_temperature, np.full(self.size, 1e-8))
        self._read_temperatures()

    def initialise(self) -> None:
        """Draws every agent's initial weights; a temperature has its first value."""
        super().initialise()
        self.log_temperature.copy_(self._first_log_temperature)

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own; a fixed temperature changes at once."""
        super().reconfigure()
        self._read_temperatures()
        fixed = torch.from_numpy(~self._automatic[:, None]).to(self.device)
        anew = fixed | ~self.log_temperature.isfinite()  # one that was fixed at 0 has nothing to be learned from
        self.log_temperature.copy_(self._first_log_temperature.where(anew, self.log_temperature))

    def _read_temperatures(self) -> None:
        """Takes `ent_coef` and `target_entropy`, which may be texts and so are no columns, from the configurations."""
        inside = self._inside(self._configurations)
        self._automatic: Flags = np.array([one.temperature[0] for one in inside])
        with np.errstate(divide="ignore"):  # a temperature fixed at 0 has the logarithm minus infinity
            first = np.log(np.array([[one.temperature[1]] for one in inside], dtype=np.float32))
        self._first_log_temperature = torch.from_numpy(first).to(self.device)
        auto = -float(self.actions.length)
        self._target_entropy = torch.tensor(
            [[auto if one.target_entropy == "auto" else float(one.target_entropy)] for one in inside],
            device=self.device,
        )

    def learn(self, batch: Transitions, rows: Array, turn: int, learning: Flags, draws: Mapping[str, Array]) -> Flags:
        """Temperature, critics, actor and targets, once each."""
        rates, size = self.columns.numbers("learning_rate"), rows.shape[1]
        temperature = self.log_temperature.exp()
        targets = self.soft_targets(batch, draws["following"], temperature)
        now = self.policy(batch.observations, draws["current"])

        # Temperature loss: -log alpha (log pi + target entropy)
        learned = learning & self._automatic
        if learned.any():
            gradient = -(now.log_prob.mean(1, keepdim=True) + self._target_entropy)
            self.temperature_optimiser.step(gradient, rates, None, learned)

        norms = self.critics.learn(batch, targets, rates, learning, scale=0.5)

        # Policy loss: alpha log pi(a|s) - min Q(s, a)
        action_gradient = self.value_gradient(batch.observations, now.actions)
        self.actor.backward(now.gradient(temperature / size, action_gradient))
        actor_norms = self.optimiser.step(self.gradients, rates, None, learning)

        self.follow(turn, learning)
        finite: Flags = (norms + actor_norms)[:, 0].isfinite().cpu().numpy()
        return finite

    def states(self) -> dict[str, State]:
        """What all such agents keep, and the temperature."""
        return {
            **super().states(),
            "log_temperature": self.log_temperature,
            **self.temperature_optimiser.states("temperature_"),
        }
