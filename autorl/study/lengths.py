"""Whether iterations, updates, rungs and episodes fit: what is judged before it learnt, or whose episodes rungs cut."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from autorl.errors import InvalidInput
from autorl.population import Plan
from autorl.records import Configuration

__all__ = ["check_iterations", "check_rungs", "check_updates"]


def check_iterations(
    configurations: Sequence[Configuration], plans: Sequence[Plan], first_rung: int, shown_names: Collection[str]
) -> list[str]:
    """Compares the longest iteration with the first rung (with one rung: the horizon).

    Args:
        configurations: Full configurations, the baseline first.
        plans: Their plans.
        first_rung: In env steps.
        shown_names: The names shown of a configuration: what is tuned and can make an iteration longer.

    Returns:
        A warning where an iteration is longer than a quarter of the first rung.

    Raises:
        InvalidInput: Naming a configuration whose iteration does not fit into the first rung.
    """
    known = [(plan.iteration_env_steps or 0, index) for index, plan in enumerate(plans)]
    longest, index = max(known, key=lambda entry: (entry[0], -entry[1]))
    shown = _shown(configurations, index, shown_names)
    if longest > first_rung:
        raise InvalidInput(
            f"budget.env_steps: one iteration of {shown} takes {longest} env steps, but the first rung lies at "
            f"{first_rung}, so it would never learn; raise the budget or narrow the space"
        )
    if 4 * longest > first_rung:
        return [
            f"budget.env_steps: one iteration of {shown} takes {longest} env steps, more than a quarter of the first "
            f"rung ({first_rung}); the last part of its budget stays unused"
        ]
    return []


def check_updates(
    configurations: Sequence[Configuration], plans: Sequence[Plan], first_rung: int, shown_names: Collection[str]
) -> list[str]:
    """Asks whether everybody has learnt something by the first rung (with one rung: the horizon).

    Args:
        configurations: Full configurations, the baseline first.
        plans: Theirs, of as many env steps as the first rung.
        first_rung: In env steps.
        shown_names: The names shown of a configuration.

    Returns:
        A warning where a configuration is still what it was initialised as; algorithms that do not count their
        gradient updates are not asked.
    """
    idle = [index for index, plan in enumerate(plans) if plan.gradient_updates == 0]
    if not idle:
        return []
    others = f" (and {len(idle) - 1} more)" if len(idle) > 1 else ""
    return [
        f"budget.env_steps: {_shown(configurations, idle[0], shown_names)}{others} takes no gradient update before the "
        f"first rung at {first_rung} env steps, where it is judged untrained; raise the budget or let learning start "
        "earlier"
    ]


def _shown(configurations: Sequence[Configuration], index: int, names: Collection[str]) -> str:
    if index == 0:
        return "the baseline"
    values = {name: value for name, value in configurations[index].items() if name in names}
    return f"a configuration with {values}"


def check_rungs(
    configurations: Sequence[Configuration], rungs: Sequence[int], max_episode_steps: int | None
) -> list[str]:
    """Compares the gaps between rungs with the length of an episode; one rung alone cuts no episode.

    Args:
        configurations: Full configurations; `n_envs` among them multiplies an episode's length.
        rungs: Marks in env steps, increasing.
        max_episode_steps: Steps after which an episode is truncated, or None.

    Returns:
        A warning where some gap is shorter than one full episode in every environment.

    Raises:
        InvalidInput: If even the longest gap is shorter than twice that.
    """
    if len(rungs) < 2 or max_episode_steps is None:
        return []
    counts = [entry.get("n_envs") for entry in configurations]
    environments = max((count for count in counts if isinstance(count, int)), default=1)
    episode = max_episode_steps * environments
    gaps = [last - first for first, last in zip((0, *rungs), rungs, strict=False)]
    said = f"{max_episode_steps} steps in each of {environments} environments = {episode} env steps each"
    if max(gaps) < 2 * episode:
        raise InvalidInput(
            f"schedule: the longest gap between its rungs {tuple(rungs)} is {max(gaps)} env steps, less than two full "
            f"episodes ({said}), and every rung cuts the episodes; raise budget.env_steps, or use fewer rungs or n_envs"
        )
    if min(gaps) < episode:
        return [
            f"schedule: the shortest gap between its rungs {tuple(rungs)} is {min(gaps)} env steps, less than a full "
            f"episode ({said}), and every rung cuts the episodes"
        ]
    return []
