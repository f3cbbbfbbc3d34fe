"""Percentiles and medians, as every part of the benchmarks takes them."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` (0 to 1) of the ascending values do not exceed; 0 of none."""
    if not ordered:
        return 0
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle. Raises ValueError for no values."""
    if not values:
        raise ValueError("a median needs a value")
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
