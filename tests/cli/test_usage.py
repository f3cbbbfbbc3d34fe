"""`keyhouse usage` and `keyhouse costs` print the reports of the API, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyhouse.cli.usage import parse_time, register
from keyhouse.control.context import Caller, Control
from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.people import Member, OrganizationRole, Person
from keyhouse.domain.projects import Organization, Project
from keyhouse.policy.peppers import Peppers
from keyhouse.store.sqlite import SqliteStore
from tests.api.test_usage import NoSealer
from tests.fixtures.fresh import fresh_sqlite
from tests.ledger.report_house import NOW
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0, usage_row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = fresh_sqlite(tmp_path / "house")
    with opened.write() as tx:
        tx.organizations.add(Organization(ORGANIZATION, "House", T0))
        tx.projects.add(Project("proj_default", ORGANIZATION, "Default project", T0, is_default=True))
        tx.people.add(
            Person("user-alice", "alice@example.com", "Alice", T0),
            Member(ORGANIZATION, "user-alice", OrganizationRole.OWNER, T0),
        )
        tx.keys.add(
            Key("key_a", KeyKind.USER, ORGANIZATION, "proj_default", "user-alice", None, "Nightly\x1b[31m job", T0)
        )
    yield opened
    opened.close()


def run(store: SqliteStore, *arguments: str) -> str:
    """What the command prints. Raises what it refuses with."""
    control = Control(store, lambda: NOW, Peppers("p", {"p": bytes(32)}), NoSealer(), lambda _: None, lambda *_: [])

    @contextmanager
    def house() -> Iterator[tuple[Control, Caller]]:
        yield control, Caller.operator(ORGANIZATION)

    app = typer.Typer()
    register(app, house)
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def called(store: SqliteStore, *at: int) -> None:
    store.ledger.append([usage_row(at=when, costs=(60_000_000, 0, 40_000_000)) for when in at or (T0,)])


# --- tables ----------------------------------------------------------------------------------------------------------


def test_usage_is_a_table_by_day_and_model_with_its_sums(store: SqliteStore) -> None:
    called(store, T0, T0, T0 + DAY)
    assert run(store, "usage").splitlines() == [
        "Period (UTC)  Model    Kind         Requests  Input  Cached  Output",
        "-" * 67,
        "2024-10-04    m-small  completions         2    200       0      40",
        "2024-10-05    m-small  completions         1    100       0      20",
        "-" * 67,
        "Total                                      3    300       0      60",
    ]


def test_costs_is_a_table_of_line_items(store: SqliteStore) -> None:
    called(store)
    lines = run(store, "costs").splitlines()
    assert lines[0].split() == ["Period", "(UTC)", "Line", "item", "Tokens", "Cost"]
    assert lines[2].split() == ["2024-10-04", "m-small,", "input", "100", "$0.060000"]
    assert lines[-1].split() == ["Total", "$0.100000"]


def test_calls_that_no_process_has_summed_yet_are_shown(store: SqliteStore) -> None:
    called(store, NOW)
    assert "$0.100000" in run(store, "costs", "--by", "none")


def test_completions_and_embeddings_stand_side_by_side(store: SqliteStore) -> None:
    store.ledger.append([usage_row(), usage_row(operation="embeddings", output_tokens=0)])
    assert [line.split()[1] for line in run(store, "usage", "--by", "none").splitlines()[2:4]] == [
        "completions",
        "embeddings",
    ]
    assert "completions" not in run(store, "usage", "embeddings")


def test_images_have_a_table_of_their_own_by_source(store: SqliteStore) -> None:
    store.ledger.append(
        [usage_row(), *[usage_row(operation=f"images.{name}") for name in ("edits", "generations", "edits")]]
    )
    lines = run(store, "usage", "images", "--by", "source,size").splitlines()
    assert lines[0].split()[2:] == ["Source", "Size", "Kind", "Requests", "Images", "Input", "Output"]
    assert [line.split()[1:] for line in lines[2:4]] == [
        ["image.edit", "–", "images", "2", "0", "200", "40"],
        ["image.generation", "–", "images", "1", "0", "100", "20"],
    ]
    assert lines[-1].split() == ["Total", "3", "0", "300", "60"]
    page = json.loads(run(store, "usage", "images", "--source", "image.generation", "--json"))
    (found,) = [result for bucket in page["data"] for result in bucket["results"]]
    assert (found["object"], found["num_model_requests"]) == ("organization.usage.images.result", 1)
    assert run(store, "usage", "images", "--size", "512x512") == "Nothing was used in this time.\n"


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("vector_stores", "usage_bytes"), ("code_interpreter_sessions", "num_sessions"),
        ("file_search_calls", "vector_store_id"), ("web_search_calls", "context_level"),
    ],
)  # fmt: skip
def test_what_is_not_counted_yet_has_its_report(store: SqliteStore, kind: str, column: str) -> None:
    called(store)
    assert run(store, "usage", kind) == "Nothing was used in this time.\n"
    (heads,) = run(store, "usage", kind, "--csv").splitlines()
    assert column in heads.split(",")
    page = json.loads(run(store, "usage", kind, "--by", "project", "--json"))
    assert {len(bucket["results"]) for bucket in page["data"]} == {0}


def test_nothing_used_is_said_so(store: SqliteStore) -> None:
    assert run(store, "usage") == "Nothing was used in this time.\n"
    assert run(store, "costs") == "Nothing was used in this time.\n"


def test_ids_stand_behind_names_and_names_cannot_steer_the_terminal(store: SqliteStore) -> None:
    called(store)
    out = run(store, "usage", "--by", "project,key,user")
    assert "Default project (proj_default)" in out
    assert "Nightly\\u001b[31m job (key_a)" in out
    assert "alice@example.com (user-alice)" in out


@pytest.mark.parametrize("command", ["usage", "costs"])
def test_unpriced_calls_are_named_below_every_table(store: SqliteStore, command: str) -> None:
    store.ledger.append(
        [usage_row(), usage_row(model="m-new", cost_nanos=None), usage_row(model="m-new", cost_nanos=None)]
    )
    assert "Unpriced, and in no cost: m-new (2 calls)." in run(store, command)


def test_an_unpriced_line_shows_no_zero(store: SqliteStore) -> None:
    store.ledger.append([usage_row(model="m-new", cost_nanos=None)])
    line = run(store, "costs").splitlines()[2]
    assert line.split() == ["2024-10-04", "m-new,", "unpriced", "120", "unpriced"]


def test_estimated_calls_are_told(store: SqliteStore) -> None:
    store.ledger.append([usage_row(estimated=1)])
    assert "1 call had tokens counted here" in run(store, "usage")


def test_what_costs_something_never_shows_as_nothing(store: SqliteStore) -> None:
    store.ledger.append([usage_row(costs=(1, 0, 0))])
    assert run(store, "costs").splitlines()[-1].split() == ["Total", "<$0.000001"]


# --- for programs ----------------------------------------------------------------------------------------------------


def test_json_is_the_page_of_the_api(store: SqliteStore) -> None:
    called(store)
    page = json.loads(run(store, "costs", "--json", "--since", "2024-10-04", "--by", "none"))
    assert (page["object"], page["has_more"], page["next_page"], len(page["data"])) == ("page", False, None, 3)
    (result,) = page["data"][0]["results"]
    assert (result["object"], result["amount"]) == ("organization.costs.result", {"value": 0.1, "currency": "usd"})


def test_json_of_usage_holds_every_kind(store: SqliteStore) -> None:
    store.ledger.append([usage_row(), usage_row(operation="embeddings", output_tokens=0)])
    page = json.loads(run(store, "usage", "--json"))
    results = [result for bucket in page["data"] for result in bucket["results"]]
    assert [r["object"] for r in results] == [
        "organization.usage.completions.result",
        "organization.usage.embeddings.result",
    ]


def test_csv_has_a_line_for_each_result(store: SqliteStore) -> None:
    store.ledger.append([usage_row(costs=(1, 0, 0), model="=HYPERLINK()", output_tokens=0)])
    (line,) = csv.DictReader(io.StringIO(run(store, "costs", "--csv")))
    assert (line["start_time"], line["end_time"]) == ("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z")
    assert (line["line_item"], line["amount_usd"], line["quantity"]) == ("'=HYPERLINK(), input", "0.000000001", "100")
    (used,) = csv.DictReader(io.StringIO(run(store, "usage", "--csv")))
    assert (used["num_model_requests"], used["input_tokens"]) == ("1", "100")


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_projects_and_keys_are_chosen_by_name_or_id(store: SqliteStore) -> None:
    called(store)
    store.ledger.append([usage_row(project_id="proj_other", key_id="key_other")])
    for chosen in (["--project", "Default project"], ["--project", "proj_default"], ["--key", "key_a"]):
        assert json.loads(run(store, "costs", "--json", "--by", "none", *chosen))["data"]
        assert run(store, "usage", "--by", "none", *chosen).splitlines()[-1].split()[1] == "1"
    with pytest.raises(KeyhouseError, match=r"No project with id 'nowhere' was found\."):
        run(store, "usage", "--project", "nowhere")


def test_more_buckets_than_a_page_are_all_there(store: SqliteStore) -> None:
    called(store, NOW - 200 * DAY, NOW)
    page = json.loads(run(store, "usage", "--json", "--since", "200d"))
    assert len(page["data"]) == 201
    assert sum(r["num_model_requests"] for bucket in page["data"] for r in bucket["results"]) == 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - 5400),
        ("7d", NOW - 7 * DAY),
        ("2w", NOW - 14 * DAY),
        ("2024-10-04", T0),
        ("2024-10-04T00:00:30", T0 + 30),
        ("2024-10-04T02:00+02:00", T0),
        (str(T0), T0),
    ],
)
def test_times_are_distances_dates_and_unix_seconds(text: str, moment: int) -> None:
    assert parse_time("since", text, NOW, 1) == moment


def test_a_distance_begins_with_a_whole_period() -> None:
    assert parse_time("since", "7d", NOW, DAY) == T0 - 5 * DAY


@pytest.mark.parametrize(
    ("param", "arguments"),
    [
        ("since", ["usage", "--since", "yesterday"]),
        ("since", ["usage", "--since", "2024-02-31"]),
        ("by", ["usage", "--by", "colour"]),
        ("kind", ["usage", "files"]),
        ("by", ["usage", "vector_stores", "--by", "model"]),
        ("by", ["usage", "embeddings", "--by", "size"]),
        ("by", ["usage", "--by", "source"]),
        ("model", ["usage", "vector_stores", "--model", "m-small"]),
        ("source", ["usage", "--source", "image.edit"]),
        ("context-level", ["usage", "images", "--context-level", "low"]),
        ("sizes", ["usage", "images", "--size", "1x1"]),
        ("vector-store", ["usage", "web_search_calls", "--vector-store", "vs_1"]),
        ("bucket", ["usage", "--bucket", "5m"]),
        ("bucket", ["costs", "--bucket", "1h"]),
        ("bucket_width", ["usage", "--since", "2000-01-01", "--bucket", "1m"]),
        ("since", ["usage", "--until", "2000-01-01"]),
        ("since", ["usage", "--since", "2100-01-01"]),
        ("csv", ["usage", "--json", "--csv"]),
    ],
)
def test_an_option_that_means_nothing_is_refused_by_name(store: SqliteStore, param: str, arguments: list[str]) -> None:
    with pytest.raises(KeyhouseError) as refusal:
        run(store, *arguments)
    assert refusal.value.param == param
