"""The results, as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measures.closed_loop import Comparison
from bench.measures.constant_rate import AtRate
from bench.measures.guarded import Guarded
from bench.measures.lists import LIMIT, Lists
from bench.measures.many_keys import ManyKeys
from bench.measures.start_up import StartUp
from bench.process_tree import Memory
from bench.results import Figure, Results

_MB = 1_000_000


def render(results: Results, figures: Sequence[Figure]) -> str:
    """All that was measured, a section for each measure, and the figures to reach last."""
    sections = [_machine(results)]
    if results.plain:
        sections.append(_comparison("Plain calls", results.plain))
    if results.stream:
        sections.append(_comparison("Streams of 100 chunks", results.stream))
    if results.rate:
        sections.append(_at_rate(results.rate))
    if results.guarded:
        sections.append(_guarded(results.guarded))
    if results.keys:
        sections.append(_many_keys(results.keys))
    if results.lists:
        sections.append(_lists(results.lists))
    if results.startup:
        sections.append(_start_up(results.startup))
    if figures:
        sections.append(_figures(figures))
    return "\n\n".join(sections)


def _machine(results: Results) -> str:
    machine = results.machine
    return (
        f"{machine.cpu}, {machine.cores} cores, Linux {machine.kernel}, Python {machine.python}, {machine.nginx}; "
        f"other processes used {results.others_cores:.2f} cores meanwhile\n"
        f"{results.calls:,} calls per target, {results.rounds} rounds in turn; medians of rounds; "
        f"× is the median of ratios to nginx's round of the same turn"
    )


def _comparison(title: str, found: Comparison) -> str:
    rows = [
        [
            "",
            f"CPU µs/{found.unit}",
            "×",
            f"{found.call}s/s",
            "×",
            "p50 ms",
            "×",
            "p99 ms",
            "×",
            "core busy",
            "RSS MB",
            "PSS MB",
        ]
    ]
    for name, series in found.series.items():
        middle = series.median
        ratios = found.ratios.get(name)
        rows.append(
            [
                name,
                f"{found.cpu_us_per_unit(name):.1f}",
                f"{ratios.cpu:.2f}" if ratios else "",
                f"{middle.calls_per_second:,.0f}",
                f"{ratios.calls_per_second:.2f}" if ratios else "",
                f"{middle.p50_ms:.2f}",
                f"{ratios.p50:.2f}" if ratios else "",
                f"{middle.p99_ms:.2f}",
                f"{ratios.p99:.2f}" if ratios else "",
                f"{middle.busy:.0%}",
                *_memory(found.memory_after[name]),
            ]
        )
    return f"{title}, {found.connections} connections\n{_aligned(rows)}"


def _at_rate(found: AtRate) -> str:
    rows = [["", "p50 ms", "p99 ms"]]
    for name, series in found.series.items():
        rows.append([name, f"{series.median.p50_ms:.2f}", f"{series.median.p99_ms:.2f}"])
    rows.append(["added", f"{found.added_p50_ms:.2f}", f"{found.added_p99_ms:.2f}"])
    rows.append(["one synced write", f"{found.disk_p50_ms:.2f}", f"{found.disk_p99_ms:.2f}"])
    return f"Constant {found.calls_per_second:,} calls a second, times from when a call was due\n{_aligned(rows)}"


def _guarded(found: Guarded) -> str:
    rows = [["", "CPU µs/call", "×", "p50 ms", "p99 ms"]]
    for what, series, ratio in (
        ("plain", found.plain, found.plain_ratio),
        ("stream", found.stream, found.stream_ratio),
    ):
        for (name, one), shown in zip(series.items(), ("1.00", f"{ratio:.2f}"), strict=True):
            middle = one.median
            figures = [f"{middle.cpu_us_per_call:.1f}", shown, f"{middle.p50_ms:.2f}", f"{middle.p99_ms:.2f}"]
            rows.append([f"{what}, {name}", *figures])
    return f"Rate limits and budgets at three levels on every call\n{_aligned(rows)}"


def _many_keys(found: ManyKeys) -> str:
    rows = [["", "CPU µs/call", "×", "p50 ms", "p99 ms", "start-up s", "RSS MB", "PSS MB"]]
    ratios = ["1.00", f"{found.cpu_ratio:.2f}"]
    starts = [found.start_up_few, found.start_up_many]
    memories = [found.memory_few, found.memory_many]
    for (name, series), ratio, start, memory in zip(found.series.items(), ratios, starts, memories, strict=True):
        middle = series.median
        figures = [f"{middle.cpu_us_per_call:.1f}", ratio, f"{middle.p50_ms:.2f}", f"{middle.p99_ms:.2f}"]
        rows.append([name, *figures, f"{start.seconds:.2f}", *_memory(memory)])
    return f"{found.keys:,} keys, {found.keys_in_use:,} in use, against {found.few_keys}\n{_aligned(rows)}"


def _lists(found: Lists) -> str:
    rows = [["", "items", "median ms", "slowest ms"]]
    for name, page in found.pages.items():
        rows.append([name, str(page.items), f"{page.median_ms:.1f}", f"{page.max_ms:.1f}"])
    title = f"Pages of {LIMIT}: {found.keys:,} keys, {found.people:,} people, {found.events:,} audit events"
    return f"{title}\n{_aligned(rows)}"


def _start_up(found: StartUp) -> str:
    each = ", ".join(f"{seconds:.2f}" for seconds in found.each)
    rss, pss = _memory(found.memory_at_rest)
    return f"Start-up to the first 200: {found.seconds:.2f} s (of {each}); at rest RSS {rss} MB, PSS {pss} MB"


def _figures(figures: Sequence[Figure]) -> str:
    rows = [["To reach", "found", "at most", "", ""]]
    for one in figures:
        verdict = "reached" if one.reached else "MISSED"
        rows += [[one.name, f"{one.value:.2f}", f"{one.limit:.2f}", one.unit, verdict]]
    return _aligned(rows)


def _memory(memory: Memory) -> tuple[str, str]:
    return f"{memory.rss / _MB:.0f}", "" if memory.pss is None else f"{memory.pss / _MB:.0f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
