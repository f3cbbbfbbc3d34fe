"""The same calls with nothing set, and with rate limits at three levels and budgets at three levels on every one, turn by turn.

Nothing that is set refuses anything: what is measured is what it costs to be held to it.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench import house, rounds, workload
from bench.house import House
from bench.load import Job
from bench.rig import Rig
from bench.rounds import Series
from bench.targets import Target

_PLAIN_CONNECTIONS = 32
_STREAM_CONNECTIONS = 64
_WAVES = 4
"""Of streams in a round, at least: what one wave of them costs depends on how its chunks happen to fall together."""
_PLENTY = 2_000_000_000
"""Of requests, tokens or cents: below OpenAI's "no limit", and never reached."""


@dataclass(frozen=True)
class Guarded:
    """By target's name; `*_ratio`: CPU of the guarded house as a multiple of the other's, the median over the turns."""

    plain: dict[str, Series]
    stream: dict[str, Series]
    plain_ratio: float
    stream_ratio: float


def measure(rig: Rig) -> Guarded:
    """Two houses, open at once, take turns."""
    free = house.found("unguarded", rig.upstream_url, rig.work)
    held = house.found("guarded", rig.upstream_url, rig.work)
    with (
        house.gateway(free, rig.work, rig.cores.proxy, "nothing set") as target_free,
        house.gateway(held, rig.work, rig.cores.proxy, "limits and budgets") as target_held,
    ):
        _guard(held, target_held.port)
        pair = [target_free, target_held]
        plain = rounds.alternate(rig, pair, lambda target: _job(rig, target, stream=False))
        stream = rounds.alternate(rig, pair, lambda target: _job(rig, target, stream=True))
    return Guarded(
        plain=plain,
        stream=stream,
        plain_ratio=_ratio(plain, target_held, target_free),
        stream_ratio=_ratio(stream, target_held, target_free),
    )


def _guard(home: House, port: int) -> None:
    """Requests and tokens a minute, and a monthly budget, for the organization, the project and the key."""
    limits = {"max_requests_per_1_minute": _PLENTY, "max_tokens_per_1_minute": _PLENTY}
    spend = {"threshold_amount": _PLENTY, "currency": "USD", "interval": "month"}
    project = f"projects/{home.project_id}"
    [key] = _api(home, port, "GET", f"{project}/api_keys", None)["data"]
    for scope in ("", f"{project}/"):
        rules = _api(home, port, "GET", f"{scope}rate_limits", None)["data"]
        [rule] = [rule for rule in rules if rule["model"] == workload.MODEL]
        _api(home, port, "POST", f"{scope}rate_limits/{rule['id']}", limits)
        _api(home, port, "POST", f"{scope}spend_limit", spend)
    _api(home, port, "POST", f"{project}/api_keys/{key['id']}", {"rate_limits": limits, "spend_limit": spend})


def _api(home: House, port: int, method: str, path: str, body: object) -> dict[str, list[dict[str, str]]]:
    url = f"http://127.0.0.1:{port}/v1/organization/{path}"
    headers = {"Authorization": f"Bearer {home.admin_key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        found: dict[str, list[dict[str, str]]] = json.load(answer)
    return found


def _job(rig: Rig, target: Target, *, stream: bool) -> Job:
    calls, connections = rig.options.calls_a_round, _PLAIN_CONNECTIONS
    warm_up = max(500, calls // 10)
    if stream:
        connections = warm_up = _STREAM_CONNECTIONS
        calls = max(_WAVES, -(-calls // (workload.CHUNKS * connections))) * connections
    return Job(target.port, target.path, _keys(target.keys_file), stream, connections, calls, warm_up)


def _keys(file: Path | None) -> str | None:
    return None if file is None else str(file)


def _ratio(series: dict[str, Series], held: Target, free: Target) -> float:
    return rounds.median_ratio(series[held.name], series[free.name], lambda one: one.cpu_us_per_call)
