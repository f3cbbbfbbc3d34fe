"""Upstreams: their keys go in and never come out, and every change reaches gateways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keyhouse.control import projects, upstreams
from keyhouse.control.context import Caller
from keyhouse.control.fields import UNSET
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.upstreams import Upstream, seal_context
from keyhouse.store.contract import ChangeKind
from tests.control.houses import House

STORES = ("sqlite", "postgres")

URL = "https://models.example/v1"
KEY = "sk-upstream-0123456789abcdef"


def add(house: House, name: str = "main", url: str = URL, **fields: object) -> upstreams.Tested:
    given = UpstreamFields(name, url, **fields)
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
    assert (refused.value.code, refused.value.param) == (ErrorCode.UPSTREAM_UNLISTED, "base_url")
    assert listed(house) == []


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
    made = add(house, key=KEY, models=["*"]).upstream
    house.upstream_models[URL] = ["m1", "m2"]
    tested = upstreams.test(house.control, house.caller, made.id, house.list_models)
    assert tested.upstream.listed_models == ("m1", "m2")
    assert house.asked[-1] == (URL, KEY, None)
    assert listed(house) == [tested.upstream]
    assert house.events()[-1].type is EventType.UPSTREAM_UPDATED


def test_removed_upstream_is_gone_and_its_name_is_free(house: House) -> None:
    made = add(house, models=["m"]).upstream
    upstreams.remove(house.control, house.caller, made.id)
    assert listed(house) == []
    for verb in (
        lambda: upstreams.remove(house.control, house.caller, made.id),
        lambda: upstreams.show(house.control, house.caller, made.id),
        lambda: upstreams.test(house.control, house.caller, made.id, house.list_models),
        lambda: upstreams.update(house.control, house.caller, made.id, UpstreamFields(name="b"), house.list_models),
    ):
        with pytest.raises(KeyhouseError, match=f"No upstream with id '{made.id}' was found"):
            verb()
    add(house, models=["m"])
    kinds = [change.kind for change in house.changes()]
    assert kinds[-3:] == [ChangeKind.UPSTREAMS] * 3
    assert house.announced == [change.seq for change in house.changes()][-3:]


def test_upstreams_are_another_organizations_own(house: House) -> None:
    made = add(house, models=["m"]).upstream
    stranger = Caller.operator("org-other")
    assert upstreams.list_page(house.control, stranger).items == ()
    with pytest.raises(KeyhouseError, match="was found"):
        upstreams.show(house.control, stranger, made.id)


def test_fields_change_alone_and_the_key_stays(house: House) -> None:
    made = add(house, key=KEY, models=["m"]).upstream
    asked = len(house.asked)
    renamed = change(house, made, name="second", project_id=house.project_id).upstream
    assert renamed == replace(made, name="second", project_id=house.project_id)
    assert len(house.asked) == asked, "what does not change how it is asked is not asked"
    assert listed(house) == [renamed]
    assert change(house, made, project_id=None).upstream.project_id is None
    event = house.events()[-2]
    assert (event.type, event.details) == (
        EventType.UPSTREAM_UPDATED,
        {"changes_requested": {"name": "second", "project_id": house.project_id}},
    )
    assert house.changes()[-1].kind is ChangeKind.UPSTREAMS
    assert house.announced[-1] == house.changes()[-1].seq


def test_another_key_is_sealed_shown_by_its_end_and_told_to_nobody(house: House) -> None:
    made = add(house, key=KEY, models=["m"]).upstream
    other = "sk-another-0123456789vwxyz"
    changed = change(house, made, key=other).upstream
    assert changed.key_redacted == "…wxyz"
    assert changed.sealed_key is not None
    assert house.control.sealer.open(changed.sealed_key, seal_context(made.id)).decode() == other
    assert house.asked[-1] == (URL, other, None)
    assert house.events()[-1].details == {"changes_requested": {"redacted_key": "…wxyz"}}
    assert not house.files_contain(other)
    bare = change(house, made, key=None).upstream
    assert (bare.sealed_key, bare.key_redacted) == (None, None)
    assert house.asked[-1][1] is None


def test_a_key_goes_to_no_other_server_than_it_was_given_for(house: House) -> None:
    made = add(house, key=KEY, models=["m"]).upstream
    before, elsewhere = house.events(), "https://elsewhere.example/v1"
    with pytest.raises(KeyhouseError, match="The key was given for another server") as refused:
        change(house, made, base_url=elsewhere)
    assert refused.value.param == "key"
    assert (house.events(), listed(house)) == (before, [made])
    assert change(house, made, base_url=URL + "/").upstream == made
    moved = change(house, made, base_url=elsewhere, key=KEY).upstream
    assert (moved.base_url, house.asked[-1]) == (elsewhere, (elsewhere, KEY, None))
    assert change(house, made, base_url=URL, key=None).upstream.sealed_key is None
    assert change(house, made, base_url=elsewhere).upstream.base_url == elsewhere


def test_models_are_named_again_or_listed_again(house: House) -> None:
    made = add(house, models=["m"]).upstream
    assert change(house, made, models=["a", "b-*"]).problem == f"No connection to {URL}."
    with pytest.raises(KeyhouseError, match="No connection"):
        change(house, made, models=None)
    with pytest.raises(KeyhouseError, match="an empty list was given"):
        change(house, made, models=[])
    house.upstream_models[URL] = ["m2", "m1"]
    changed = change(house, made, models=None).upstream
    assert changed.models == changed.listed_models == ("m1", "m2")


def test_a_name_of_another_upstream_is_a_conflict_and_its_own_is_none(house: House) -> None:
    add(house, "first", models=["m"])
    second = add(house, "second", models=["m"]).upstream
    assert change(house, second, name="second").upstream == second
    with pytest.raises(KeyhouseError, match="There is an upstream named 'first' already"):
        change(house, second, name="first")


def test_a_change_at_the_same_time_is_a_conflict(house: House) -> None:
    made = add(house, key=KEY, models=["m"]).upstream

    def slow(*_: object) -> list[str]:
        upstreams.remove(house.control, house.caller, made.id)
        add(house, models=["m"])
        return []

    with pytest.raises(KeyhouseError, match="was found"):
        upstreams.update(house.control, house.caller, made.id, UpstreamFields(key=KEY), slow)
    other = listed(house)[0]

    def renamed(*_: object) -> list[str]:
        change(house, other, name="other")
        return []

    with pytest.raises(KeyhouseError, match="was changed at the same time") as refused:
        upstreams.update(house.control, house.caller, other.id, UpstreamFields(models=["x"]), renamed)
    assert refused.value.code is ErrorCode.CONFLICT
    assert [upstream.models for upstream in listed(house)] == [("m",)]


@pytest.mark.parametrize("field", ["name", "base_url", "key", "models", "project_id", "ca_file"])
@pytest.mark.parametrize("value", [7, True, 1.5, {}, {"a": 1}])
def test_wrong_types_are_refused_by_name(house: House, field: str, value: object) -> None:
    made = add(house, models=["m"]).upstream
    with pytest.raises(KeyhouseError) as refused:
        change(house, made, **{field: value})
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, field)
    assert listed(house) == [made]


def test_what_a_new_upstream_needs_and_a_change_of_nothing_are_told(house: House) -> None:
    for given, param in ((UpstreamFields(base_url=URL), "name"), (UpstreamFields(name="a"), "base_url")):
        with pytest.raises(KeyhouseError, match=f"'{param}' is required"):
            upstreams.add(house.control, house.caller, given, house.list_models)
    made = add(house, models=["m"]).upstream
    with pytest.raises(KeyhouseError, match="Give something to change"):
        change(house, made)


def change(house: House, made: Upstream, **fields: object) -> upstreams.Tested:
    given = UpstreamFields(**{name: fields.get(name, UNSET) for name in UpstreamFields.__dataclass_fields__})
    return upstreams.update(house.control, house.caller, made.id, given, house.list_models)


def listed(house: House) -> list[Upstream]:
    return list(upstreams.list_page(house.control, house.caller).items)
