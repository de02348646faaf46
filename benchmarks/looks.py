"""How wide an interval is where numbers were looked at several times, as often as they could not decide."""

from __future__ import annotations

__all__ = ["TAIL", "TAIL_OF_THREE", "TAIL_OF_TWO"]

TAIL, TAIL_OF_TWO, TAIL_OF_THREE = 0.025, 0.0147, 0.0104
"""Probability of each end left out of the interval, after one look, two, and three; each has twice as many as before.

Whoever looks twice has two chances. At this level all looks together err as rarely as one at 95 % (Pocock 1977, Group
sequential methods in the design and analysis of clinical trials; his third look has three times as many as the first,
0.0110, so that the last number is worked out anew for four times).
"""
