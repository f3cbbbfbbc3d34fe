"""Upstreams: their keys go in and never come out, and every change reaches gateways."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyhouse.control import projects, upstreams
from keyhouse.control.upstreams import UpstreamFields
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.upstreams import seal_context
from keyhouse.store.contract import ChangeKind
from tests.control.houses import House

STORES = ("sqlite", "postgres")

URL = "https://models.example/v1"
KEY = "sk-upstream-0123456789abcdef"


def add(house: House, name: str = "main", url: str = URL, **fields: object) -> upstreams.Tested:
    given = UpstreamFields(name, url, **fields)  # type: ignore[arg-type]  # each test gives what it is about
    return upstreams.add(house.control, house.caller, given, house.list_models)


def test_key_is_sealed_and_opens_only_for_its_upstream(house: House) -> None:
    house.upstream_models[URL] = ["m1"]
    made = add(house, key=KEY).upstream
    assert made.sealed_key is not None
    assert not house.files_contain(KEY)
    assert KEY not in repr(made)
    assert made.key_redacted == "…cdef"
    sealer = house.control.sealer
    assert sealer.open(made.sealed_key, seal_context(made.id)).decode() == KEY
    assert KEY not in repr(house.events())


def test_upstream_without_globs_serves_what_it_lists(house: House) -> None:
    house.upstream_models[URL] = ["m2", "m1", "m1", "bad\nname", ""]
    made = add(house, key=KEY + "\n").upstream
    assert made.models == made.listed_models == ("m1", "m2")
    assert house.asked == [(URL, KEY, None)]


def test_upstream_with_globs_may_be_down(house: House) -> None:
    tested = add(house, models=["gpt-*"])
    assert (tested.upstream.models, tested.upstream.listed_models) == (("gpt-*",), ())
    assert tested.problem == f"No connection to {URL}."


def test_upstream_without_globs_must_answer(house: House) -> None:
    with pytest.raises(KeyhouseError, match="No connection") as refused:
        add(house)
    assert refused.value.code is ErrorCode.UPSTREAM_UNREACHABLE
    assert upstreams.list_all(house.control, house.caller) == []


def test_upstream_that_serves_nothing_is_refused(house: House) -> None:
    house.upstream_models[URL] = []
    with pytest.raises(KeyhouseError, match="the upstream lists none"):
        add(house)
    with pytest.raises(KeyhouseError, match="an empty list was given"):
        add(house, models=[])


@pytest.mark.parametrize(
    "url",
    [
        "", "models.example/v1", "ftp://models.example", "https://", "https://models.example/v1?x=1", "http://[::1",
        "https://models.example/#a", "https://bob:secret@models.example/v1", "https://models.example:99999/",
        "https://models.example/a b", "https://modèles.example/v1", "file:///etc/passwd", "https://models.example:0/",
    ],
)  # fmt: skip
def test_bad_base_url_is_refused(house: House, url: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        add(house, url=url, models=["m"])
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, "base_url")


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 65, "é"])
def test_bad_name_is_refused(house: House, name: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        add(house, name=name, models=["m"])
    assert refused.value.param == "name"


@pytest.mark.parametrize("key", ["", " ", "a b", "a\x00b", "é", "x" * 8193])
def test_bad_key_is_refused_and_not_repeated(house: House, key: str) -> None:
    with pytest.raises(KeyhouseError, match="printable ASCII") as refused:
        add(house, key=key, models=["m"])
    assert refused.value.param == "key"


def test_short_key_shows_nothing_of_itself(house: House) -> None:
    assert add(house, key="hunter2hunter2", models=["m"]).upstream.key_redacted == "…"


def test_ca_file_must_be_readable(house: House, tmp_path: Path) -> None:
    with pytest.raises(KeyhouseError) as refused:
        add(house, models=["m"], ca_file=str(tmp_path / "none.pem"))
    assert refused.value.param == "ca_file"
    (tmp_path / "ca.pem").write_text("x")
    assert add(house, models=["m"], ca_file=str(tmp_path / "ca.pem")).upstream.ca_file == str(tmp_path / "ca.pem")


def test_name_is_taken_once(house: House) -> None:
    add(house, models=["m"])
    with pytest.raises(KeyhouseError, match="There is an upstream named 'main' already") as refused:
        add(house, models=["m"])
    assert refused.value.code is ErrorCode.CONFLICT


def test_upstream_of_one_project_needs_the_project(house: House) -> None:
    gone = projects.create(house.control, house.caller, "gone")
    projects.archive(house.control, house.caller, gone.id)
    for project_id in ("proj_none", gone.id):
        with pytest.raises(KeyhouseError):
            add(house, models=["m"], project_id=project_id)
    assert add(house, models=["m"], project_id=house.project_id).upstream.project_id == house.project_id


def test_test_remembers_what_is_listed_now(house: House) -> None:
    add(house, key=KEY, models=["*"])
    house.upstream_models[URL] = ["m1", "m2"]
    tested = upstreams.test(house.control, house.caller, "main", house.list_models)
    assert tested.upstream.listed_models == ("m1", "m2")
    assert house.asked[-1] == (URL, KEY, None)
    assert upstreams.list_all(house.control, house.caller) == [tested.upstream]
    assert house.events()[-1].type is EventType.UPSTREAM_UPDATED


def test_removed_upstream_is_gone_and_its_name_is_free(house: House) -> None:
    add(house, models=["m"])
    upstreams.remove(house.control, house.caller, "main")
    assert upstreams.list_all(house.control, house.caller) == []
    with pytest.raises(KeyhouseError, match="No upstream named 'main' was found"):
        upstreams.remove(house.control, house.caller, "main")
    with pytest.raises(KeyhouseError, match="No upstream named"):
        upstreams.test(house.control, house.caller, "main", house.list_models)
    add(house, models=["m"])
    kinds = [change.kind for change in house.changes()]
    assert kinds[-3:] == [ChangeKind.UPSTREAMS] * 3
    assert house.announced == [change.seq for change in house.changes()][-3:]
