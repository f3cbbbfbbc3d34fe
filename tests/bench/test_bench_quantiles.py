"""Percentiles by nearest rank, and medians."""

from __future__ import annotations

import pytest

from bench.quantiles import median, percentile


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentile_is_the_smallest_value_that_enough_others_do_not_exceed(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 0.99) == 0


def test_median_lies_between_the_two_in_the_middle() -> None:
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5
    assert median([9.0, 1.0, 5.0]) == 5.0


def test_median_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        median([])
