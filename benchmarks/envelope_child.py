"""Trains one agent of morl-baselines' Envelope and prints CPU seconds; `morl_speed` runs it.

It imports nothing of ours, since morl-baselines lives in an environment of its own. One core, one thread, no logging
and no evaluation. The first `warm` env steps are left out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def main(row: dict[str, Any]) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import gymnasium
    import mo_gymnasium  # noqa: F401  # registers its environments
    import torch
    from morl_baselines.multi_policy.envelope.envelope import (  # type: ignore[import-not-found]  # not in our environment
        Envelope,
    )

    torch.set_num_threads(1)
    environment = gymnasium.make(row["environment"])
    agent = Envelope(environment, log=False, seed=0, device="cpu", **row["theirs"])
    agent.train(row["warm"], num_eval_weights_for_front=2)
    started = time.process_time()
    agent.train(row["warm"] + row["steps"], reset_num_timesteps=False, num_eval_weights_for_front=2)
    print(json.dumps({"seconds": time.process_time() - started, "steps": agent.global_step - row["warm"]}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
