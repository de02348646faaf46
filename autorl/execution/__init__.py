"""Where groups of agents train: worker processes, and what happens when one is lost."""

from autorl.execution.base import Done, Executor, Lost
from autorl.execution.grouping import make_groups

__all__ = ["Done", "Executor", "Lost", "make_groups"]
