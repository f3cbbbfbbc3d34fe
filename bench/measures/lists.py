"""Pages of long lists over HTTP, at both ends and through filters that find little."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import house
from bench.bulk_keys import Digest
from bench.bulk_lists import fill
from bench.errors import BenchError
from bench.house import House
from bench.quantiles import median
from bench.rig import Rig

LIMIT = 100
_CONTROL_FILE = "keyhouse.db"
_TURNS = 20
_ACTORS = 50
_A_DAY = 86_400

Query = dict[str, Any]


@dataclass(frozen=True)
class PageTimes:
    """Milliseconds from the request to the last byte of the answer."""

    median_ms: float
    max_ms: float
    items: int


@dataclass(frozen=True)
class Lists:
    keys: int
    people: int
    events: int
    pages: dict[str, PageTimes]


def measure(rig: Rig, digests_of: Callable[[Path], Digest]) -> Lists:
    """One reader, one page after the other, in turns over all of them."""
    wanted = rig.options
    home = house.found("lists", rig.upstream_url, rig.work)
    control_file, first_secret = home.data / _CONTROL_FILE, home.keys_file.read_text()
    counts = {"people": wanted.list_people, "keys": wanted.list_people, "events": wanted.list_events}
    fill(control_file, first_secret, digests_of(home.data), **counts)
    pages = _pages(home)
    times: dict[str, list[float]] = {name: [] for name in pages}
    items: dict[str, int] = {}
    with house.gateway(home, rig.work, rig.cores.proxy, "lists") as target:
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
        for turn in range(_TURNS + 1):
            for name, (path, query) in pages.items():
                took, items[name] = _read(connection, home, path, query)
                times[name] += [took] if turn else []  # the first turn warms up
    found = {name: PageTimes(median(took), max(took), items[name]) for name, took in times.items()}
    return Lists(counts["keys"], counts["people"], counts["events"], found)


def _pages(home: House) -> dict[str, tuple[str, Query]]:
    """What is asked, by its name: first and last pages of the three lists, and of filters of theirs."""
    keys, people, events = f"projects/{home.project_id}/api_keys", "users", "audit_logs"
    actors = [f"user-bench{number}" for number in range(_ACTORS)]
    of_actors = "actor_user_id IN ({})".format(", ".join(f"'{actor}'" for actor in actors))
    hour = {"effective_at[gte]": int(time.time()) + _A_DAY, "effective_at[lt]": int(time.time()) + _A_DAY + 3600}
    ends = _Ends(home.data / _CONTROL_FILE)
    return {
        "keys": (keys, {}),
        "keys, last page": (keys, {"after": ends.of("keys", "created_at DESC, id DESC")}),
        "keys of who is there": (keys, {"owner_project_access": "active"}),
        "keys of who has left": (keys, {"owner_project_access": "inactive"}),
        "people": (people, {}),
        "people, last page": (people, {"after": ends.of("members", "added_at DESC, user_id DESC", "user_id")}),
        "people by email": (people, {"emails": [f"bench{number}@example.com" for number in range(20)]}),
        "events": (events, {}),
        "events, last page": (events, {"after": ends.of("audit", "at, seq")}),
        "events of a type": (events, {"event_types": "user.added"}),
        "events of a type, last page": (
            events,
            {"event_types": "user.added", "after": ends.of("audit", "at, seq", where="type = 'user.added'")},
        ),
        f"events of {_ACTORS} people": (events, {"actor_ids": actors}),
        f"events of {_ACTORS} people, last page": (
            events,
            {"actor_ids": actors, "after": ends.of("audit", "at, seq", where=of_actors)},
        ),
        "events of tenants": (events, {"tenant_only": "true"}),
        "events of tenants, last page": (events, {"tenant_only": "true", "after": ends.of("audit", "at, seq")}),
        "events of an hour": (events, hour),
    }


class _Ends:
    """The cursors behind which the last pages begin."""

    def __init__(self, control_file: Path) -> None:
        self._file = control_file

    def of(self, table: str, backwards: str, column: str = "id", where: str = "true") -> str:
        """`backwards`: the list's order, turned round."""
        asked = f"SELECT {column} FROM {table} WHERE {where} ORDER BY {backwards} LIMIT 1 OFFSET {LIMIT}"  # noqa: S608
        with closing(sqlite3.connect(self._file)) as connection:
            found: str = connection.execute(asked).fetchone()[0]
        return found


def _read(connection: http.client.HTTPConnection, home: House, path: str, query: Query) -> tuple[float, int]:
    """(milliseconds, how many items)"""
    asked = urlencode({"limit": LIMIT, **query}, doseq=True)
    headers = {"authorization": f"Bearer {home.admin_key}"}
    began = time.perf_counter()
    connection.request("GET", f"/v1/organization/{path}?{asked}", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    if answer.status != 200:
        raise BenchError(f"{path} was answered with {answer.status}: {body[:300].decode(errors='replace')}")
    return took, len(json.loads(body)["data"])
