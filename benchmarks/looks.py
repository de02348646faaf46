"""How wide an interval is where numbers were looked at twice, and more measured because they could not decide."""

from __future__ import annotations

__all__ = ["TAIL", "TAIL_OF_TWO"]

TAIL, TAIL_OF_TWO = 0.025, 0.0147
"""Probability of each end left out of the interval, after one look and after two.

Whoever looks twice has two chances. At this level two looks together err as rarely as one at 95 % (Pocock 1977, Group
sequential methods in the design and analysis of clinical trials).
"""
