"""Whether this machine can carry a study out, asked before any training."""

from __future__ import annotations

import os
from pathlib import Path

from autorl.errors import InvalidInput
from autorl.study.planning import StudyPlan, plan_study
from autorl.study.resolved import ResolvedStudy

__all__ = ["check_machine", "device_memory", "machine_memory"]

GIBIBYTE = 2**30
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_machine(study: ResolvedStudy, jobs: int = 1) -> StudyPlan:
    """Refuses a study that this machine cannot carry out; returns what it will cost.

    Args:
        study: The study.
        jobs: Worker processes.

    Raises:
        InvalidInput: If its device is not there, more than one worker would share it, or the agents that train at the
            same time do not fit into memory.
    """
    description = study.description
    where, device = description.where, description.device
    memory = machine_memory() if device == "cpu" else device_memory(device, where)
    if device != "cpu" and jobs > 1:
        raise InvalidInput(f"jobs: {jobs} with device: {device}; a device trains one population at a time: jobs is 1")
    plan = plan_study(study, jobs)
    if plan.memory_bytes is not None and memory is not None and plan.memory_bytes > memory:
        whose = "this machine" if device == "cpu" else f"device {device}"
        raise InvalidInput(
            f"{where}: up to {plan.group_agents} agents train at the same time and need up to "
            f"{plan.memory_bytes / GIBIBYTE:,.1f} GiB, and {whose} has {memory / GIBIBYTE:,.1f} GiB; lower "
            f"{_lowered(study)}"
        )
    return plan


def _lowered(study: ResolvedStudy) -> str:
    """What the memory depends on, by name."""
    known = study.algorithm.defaults()
    first = "buffer_size, " if "buffer_size" in known else "n_steps, " if "n_steps" in known else ""
    return f"{first}batch, the number of seeds or of jobs"


def machine_memory() -> int | None:
    """Bytes of memory this process may ever have, or None where the system does not say."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return None
    if CGROUP_LIMIT.is_file():  # a container's share
        text = CGROUP_LIMIT.read_text().strip()
        found += [int(text)] if text.isdigit() else []
    return min(found)


def device_memory(device: str, where: str = "study") -> int:
    """Bytes of memory of a CUDA device.

    Args:
        device: "cuda", or "cuda:N".
        where: The study's file, for the message.

    Raises:
        InvalidInput: If there is no such device here.
    """
    import torch

    number = int(device.partition(":")[2] or 0)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number >= count:
        raise InvalidInput(
            f"{where}: device: {device!r} is not here (torch {torch.__version__} finds {count} CUDA devices); take cpu"
        )
    return int(torch.cuda.get_device_properties(number).total_memory)
