"""`python -m bench --quick` runs to its end, and its JSON has the shape that docs/benchmarks.md describes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parent.parent.parent
_FORWARDER = Path(__file__).with_name("forwarder.py")
_NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(_NGINX is None, reason="nginx, the yardstick of the benchmarks, is not installed.")


def bench(*arguments: str, work: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bench", "--work", str(work / "rig"), "--json", str(work / "found.json"), *arguments]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(argv, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)


def found(work: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((work / "found.json").read_text())
    return content


def check_comparison(comparison: dict[str, Any], targets: set[str], calls: int) -> None:
    assert set(comparison["series"]) == targets
    for name, series in comparison["series"].items():
        assert series["target"] == name
        assert series["calls"] >= calls
        assert len(series["rounds"]) == 2
        assert series["median"]["cpu_us_per_call"] > 0
        assert 0 < series["median"]["p50_ms"] <= series["median"]["p99_ms"]
        assert comparison["memory_after"][name]["rss"] > 1_000_000
    assert set(comparison["ratios"]) == targets - {"upstream"}
    assert comparison["ratios"]["nginx"] == {"cpu": 1, "calls_per_second": 1, "p50": 1, "p99": 1}


def test_quick_run_compares_the_gateway_and_another_with_nginx(tmp_path: Path) -> None:
    """The other gateway is started from its command."""
    other = f"forwarder={sys.executable} {_FORWARDER} {{port}} {{upstream}}"
    done = bench("--quick", "--only", "plain,stream", "--other", other, work=tmp_path)
    assert done.returncode == 0, done.stderr
    results = found(tmp_path)
    check_comparison(results["plain"], {"upstream", "nginx", "keyhouse", "forwarder"}, calls=2_000)
    check_comparison(results["stream"], {"nginx", "keyhouse", "forwarder"}, calls=128)
    assert results["plain"]["ratios"]["forwarder"]["cpu"] > 1
    assert {figure["name"] for figure in results["figures"]} == {
        "CPU a plain call",
        "CPU a streamed chunk",
        "resident memory after load",
    }
    assert results["rate"] is None
    assert "Plain calls, 32 connections" in done.stdout


def test_quick_run_reads_long_lists(tmp_path: Path) -> None:
    done = bench("--quick", "--only", "lists", work=tmp_path)
    assert done.returncode == 0, done.stderr
    pages = found(tmp_path)["lists"]["pages"]
    assert {"keys", "keys, last page", "people", "people, last page", "events", "events, last page"} <= set(pages)
    for name in ("keys", "keys, last page", "people, last page", "events", "events, last page", "events of a type"):
        assert pages[name]["items"] == 100
    assert pages["people by email"]["items"] == 20
    assert all(0 < page["median_ms"] <= page["max_ms"] for page in pages.values())
    assert "Pages of 100: 2,000 keys" in done.stdout


def test_without_keyhouse_there_are_no_figures(tmp_path: Path) -> None:
    done = bench("--quick", "--only", "plain", "--calls", "200", "--without-keyhouse", work=tmp_path)
    assert done.returncode == 0, done.stderr
    results = found(tmp_path)
    check_comparison(results["plain"], {"upstream", "nginx"}, calls=200)
    assert results["figures"] == []


def test_an_answer_that_is_not_200_stops_the_run(tmp_path: Path) -> None:
    other = f"nowhere={sys.executable} {_FORWARDER} {{port}} http://127.0.0.1:1"
    done = bench("--quick", "--only", "plain", "--without-keyhouse", "--other", other, work=tmp_path)
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert not (tmp_path / "found.json").exists()


def test_an_unknown_measure_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = bench("--only", "plain,speed", work=tmp_path)
    assert done.returncode == 2
    assert "--only knows plain, stream, rate" in done.stderr
