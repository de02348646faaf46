"""Trains one agent of morl-baselines and prints CPU seconds, env steps and gradient steps; `morl_speed` runs it.

It imports nothing of ours, since morl-baselines lives in an environment of its own. One core, one thread, no logging
and no evaluation. The clock starts at the first gradient step after `warm` env steps.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import gymnasium
import mo_gymnasium  # noqa: F401  # registers its environments
import numpy as np
import torch

Told = Mapping[str, Any]


class Clock(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Counts what an agent does in its environment, and takes the time.

    Args:
        environment: The agent's.
        warm: Env steps that are left out.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], warm: int) -> None:
        super().__init__(environment)
        self._warm, self._steps, self._updates = warm, 0, 0
        self._begun: tuple[float, int, int] | None = None

    def step(self, action: Any) -> Any:
        self._steps += 1
        return self.env.step(action)

    def watch(self, learner: Any) -> None:
        """Counts a learner's gradient steps."""
        update = learner.update

        def counted() -> Any:
            if self._begun is None and self._steps >= self._warm:
                self._begun = time.process_time(), self._steps, self._updates
            self._updates += 1
            return update()

        learner.update = counted

    def read(self) -> dict[str, float]:
        """What happened since the clock started."""
        assert self._begun is not None, "no gradient step after the env steps left out"
        seconds, steps, updates = self._begun
        return {
            "seconds": time.process_time() - seconds, "steps": self._steps - steps, "updates": self._updates - updates
        }  # fmt: skip


def envelope(environment: Clock, told: Told) -> None:
    from morl_baselines.multi_policy.envelope.envelope import Envelope  # type: ignore[import-not-found]  # not in our environment

    agent = Envelope(environment, log=False, seed=0, device="cpu", **told["made"])
    environment.watch(agent)
    agent.train(told["steps"], **told["trained"])


def pcn(environment: Clock, told: Told) -> None:
    from morl_baselines.multi_policy.pcn.pcn import PCN  # type: ignore[import-not-found]  # not in our environment

    made = {**told["made"], "scaling_factor": np.array(told["made"]["scaling_factor"])}
    agent = PCN(environment, log=False, seed=0, device="cpu", **made)
    environment.watch(agent)
    # It evaluates and saves itself a thousand times a run, whether it logs or not.
    agent.evaluate, agent.save = lambda *_, **__: ((), (), ()), lambda: None
    agent.train(told["steps"], environment, None, **told["trained"])


def morld(environment: Clock, told: Told) -> None:
    from morl_baselines.multi_policy.morld.morld import MORLD  # type: ignore[import-not-found]  # not in our environment

    agent = MORLD(environment, log=False, seed=0, device="cpu", **told["made"])
    for policy in agent.population:
        environment.watch(policy.wrapped)
    # It evaluates all policies at every exchange, whether it logs or not; the archive of what it finds then stays
    # empty, so that weight vectors are looked at and not moved.
    nothing = [np.zeros(agent.reward_dim)] * agent.pop_size
    agent._MORLD__eval_all_policies = lambda *_: nothing
    agent.train(told["steps"], environment, None, **told["trained"])


PEERS: dict[str, Callable[[Clock, Told], None]] = {"envelope": envelope, "pcn": pcn, "morld": morld}


def main(told: Told) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # As `mo_gymnasium.make` builds environments: without checks of every step.
    environment = Clock(gymnasium.make(told["environment"], disable_env_checker=True), told["warm"])
    environment.action_space.seed(0)
    with contextlib.redirect_stdout(io.StringIO()):  # they print
        PEERS[told["peer"]](environment, told)
    print(json.dumps(environment.read()))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
