"""Numbers and texts as a reader wants them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autorl.report.content import Quantity
    from autorl.statistics import Difference, Estimate

__all__ = ["better", "estimate", "finite", "gap", "integers", "number", "printable", "value"]

MISSING = "–"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def finite(number: float | None) -> float | None:
    """The number as a plain float, or None where strict JSON has no word for it."""
    return float(number) if number is not None and math.isfinite(number) else None


def number(quantity: float | None) -> str:
    """Four significant digits, thousands separated: `0.01234`, `12.35`, `12,346`, `1.235e+08`."""
    if quantity is None or not math.isfinite(quantity):
        return MISSING if quantity is None or math.isnan(quantity) else ("∞" if quantity > 0 else "-∞")
    if float(quantity).is_integer() and abs(quantity) < 1e9:
        return f"{int(quantity):,}"
    if 1e3 <= abs(quantity) < 1e7:
        return f"{quantity:,.0f}"
    return f"{quantity:.4g}"


def value(entry: object) -> str:
    """A hyperparameter's value: floats short, everything else as written in YAML."""
    if entry is None:
        return "null"
    if isinstance(entry, bool):
        return "true" if entry else "false"
    if isinstance(entry, float):
        return f"{entry:.4g}"
    return printable(str(entry))


def printable(text: str) -> str:
    """The text without the control characters that neither HTML nor XML may carry (tracebacks are full of them)."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def estimate(entry: Estimate | Difference | None) -> str:
    """`mean [low, high]`, or the mean alone where there is no interval or it has no width."""
    if entry is None:
        return MISSING
    low, high = finite(entry.low), finite(entry.high)
    if low is None or high is None or low == high:
        return number(entry.mean)
    return f"{number(entry.mean)} [{number(low)}, {number(high)}]"


def gap(quantity: Quantity, tuning: Estimate | None, test: Estimate | None) -> float | None:
    """How much better the tuning score looks than the test score; positive is optimism."""
    if tuning is None or test is None:
        return None
    difference = tuning.mean - test.mean
    return finite(difference if quantity.direction == "maximize" else -difference)


def better(quantity: Quantity) -> str:
    """Which way is better, for an axis."""
    return "higher is better" if quantity.direction == "maximize" else "lower is better"


def integers(numbers: Sequence[int] | Iterable[int]) -> str:
    """A list of integers with runs joined: `0–4, 7, 9–11`."""
    runs: list[list[int]] = []
    for entry in numbers:
        if runs and entry == runs[-1][1] + 1:
            runs[-1][1] = entry
        else:
            runs.append([entry, entry])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs) or "none"
