"""Where groups of agents train: worker processes, and what happens when one is lost."""
