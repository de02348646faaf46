"""What changes the bits of a result: how workers are started, and the stamp results are comparable within."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from autorl.content import digest

if TYPE_CHECKING:
    from autorl.environment import Environment
    from autorl.population import Algorithm

__all__ = [
    "cpu_capability",
    "cpu_maker",
    "differing_parts",
    "numerics_parts",
    "numerics_stamp",
    "processor",
    "worker_environment",
]

MKL_MODES = {"AVX512": "AVX512,STRICT", "AVX2": "AVX2,STRICT", "DEFAULT": "COMPATIBLE"}
"""Without a strict mode a matrix product's bits depend on how many agents stand beside an agent."""


@functools.cache
def processor() -> Mapping[str, str]:
    """What Linux says of the first processor; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    lines = text.split("\n\n", 1)[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def cpu_capability() -> str:
    """The widest vector instructions of this machine that matter to torch: "AVX512", "AVX2" or "DEFAULT"."""
    flags = processor().get("flags", "").split()
    if "avx512f" in flags and "avx512bw" in flags and "avx512vl" in flags and "avx512dq" in flags:
        return "AVX512"
    return "AVX2" if "avx2" in flags else "DEFAULT"


def cpu_maker() -> str:
    """Who made this machine's processors, by the name they give; "unknown" where they give none.

    Unless it is Intel the family stands behind it: on the processors of others MKL takes "AUTO,STRICT" for the mode it
    is asked for, whose products have other bits, and nobody promises them beyond a family.
    """
    maker = processor().get("vendor_id", "unknown")
    return maker if maker == "GenuineIntel" else f"{maker} {processor().get('cpu family', '')}".strip()


def worker_environment() -> dict[str, str]:
    """Environment variables every process that trains is started with."""
    return {
        "MKL_CBWR": MKL_MODES[cpu_capability()],
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        # Or a file in the current directory that is called like a module of Python's own would be taken for it.
        "PYTHONSAFEPATH": "1",
        # A GPU's matrix products are reproducible only with a fixed workspace.
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
    }


def _source_digest(*paths: Path) -> str:
    sha = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            sha.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def numerics_parts(algorithm: type[Algorithm], environment: Environment, device: str = "cpu") -> dict[str, str]:
    """Everything that changes numbers, each part by name.

    Args:
        algorithm: Whose source and libraries count.
        environment: Whose distributions count.
        device: "cpu", or a CUDA device, whose model and CUDA version count.
    """
    from autorl.population import source_digest

    package = Path(__file__).parent
    distributions = {"torch", "numpy", "gymnasium", *algorithm.distributions}
    return {
        "source of autorl/agents": _source_digest(package / "agents"),
        "source of autorl/environment": _source_digest(package / "environment"),
        "source of autorl/pareto": _source_digest(package / "pareto.py"),
        "source of autorl/population": _source_digest(package / "population"),
        "source of autorl/seeds": _source_digest(package / "seeds.py"),
        "source of autorl/simplex": _source_digest(package / "simplex.py"),
        "source of the algorithm": source_digest(algorithm),
        **{f"version of {name}": _version(name) for name in sorted(distributions)},
        **{f"version of {name}": version for name, version in sorted(environment.versions().items())},
        "MKL mode": worker_environment()["MKL_CBWR"],
        "CPU capability": f"{platform.machine()} {cpu_capability()}",
        "CPU maker": cpu_maker(),
        **_device_parts(device),
    }


def _device_parts(device: str) -> dict[str, str]:
    if device == "cpu":
        return {}
    import torch

    if not torch.cuda.is_available():
        return {"device": "not here"}
    return {"device": f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"}


def numerics_stamp(parts: Mapping[str, str]) -> str:
    """One digest of all parts: results are promised bit by bit within it, and statistically elsewhere."""
    return digest(dict(parts))[:16]


def differing_parts(stored: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """What differs between two sets of parts, as `name: stored -> current`."""
    names = sorted({*stored, *current})
    return [
        f"{name}: {stored.get(name, 'absent')} -> {current.get(name, 'absent')}"
        for name in names
        if stored.get(name) != current.get(name)
    ]
