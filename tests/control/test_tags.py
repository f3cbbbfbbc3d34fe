"""Tags of projects and keys: what they may be, who has them, and what the audit says of them."""

from __future__ import annotations

import pytest

from keyhouse.control import keys, projects, tags
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from tests.control.houses import House

SIXTEEN = {f"n{i}": "v" for i in range(16)}
BAD = [
    ("red", "tags", "must be null or an object"),
    (["team"], "tags", "must be null or an object"),
    (7, "tags", "must be null or an object"),
    (SIXTEEN | {"one-more": "v"}, "tags", "more than 16 names"),
    ({"": "red"}, "tags", "is not a tag's name"),
    ({"Team": "red"}, "tags", "is not a tag's name"),
    ({"team\n": "red"}, "tags", "is not a tag's name"),
    ({"a b": "red"}, "tags", "is not a tag's name"),
    ({"équipe": "red"}, "tags", "is not a tag's name"),
    ({"x" * 65: "red"}, "tags", "is not a tag's name"),
    ({7: "red"}, "tags", "is not a tag's name"),
    ({"team": ""}, "tags.team", "1 to 128 characters"),
    ({"team": "  "}, "tags.team", "not all spaces"),
    ({"team": "x" * 129}, "tags.team", "1 to 128 characters"),
    ({"team": None}, "tags.team", "must be a string"),
    ({"team": 7}, "tags.team", "must be a string"),
    ({"team": ["red"]}, "tags.team", "must be a string"),
    ({"team": "a\x00b"}, "tags.team", "printable"),
    ({"team": "a\nb"}, "tags.team", "printable"),
    ({"team": "a\u202eb"}, "tags.team", "printable"),
    ({"team": "a\ud800b"}, "tags.team", "printable"),
]


@pytest.mark.parametrize(("given", "param", "sentence"), BAD)
def test_bad_tags_are_refused_by_name_and_change_nothing(
    house: House, given: object, param: str, sentence: str
) -> None:
    before = house.events()
    for call in (
        lambda: projects.create(house.control, house.caller, "Search", given),
        lambda: projects.update(house.control, house.caller, house.project_id, new_tags=given),
        lambda: keys.create(house.control, house.caller, _alice(house), KeyFields(name="a", tags=given)),
    ):
        with pytest.raises(KeyhouseError) as refused:
            call()
        assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, param)
        assert sentence in refused.value.message
    assert house.events() == before


@pytest.mark.parametrize("good", [SIXTEEN, {"x" * 64: "y" * 128}, {"0_.-a": "rouge é 红 🔑 "}, {"team": "'; drop"}])
def test_what_fits_is_kept_as_it_is(house: House, good: dict[str, str]) -> None:
    made = projects.create(house.control, house.caller, "Search", good)
    assert tags.of(house.control, house.caller, [made.id]) == {made.id: good}


def test_a_key_s_tags_are_given_changed_cleared_and_audited(house: House) -> None:
    control, caller = house.control, house.caller
    key = keys.create(control, caller, _alice(house), KeyFields(name="a", tags={"team": "red", "env": "prod"})).view
    assert key.tags == {"env": "prod", "team": "red"}
    assert house.events()[-1].details["data"]["tags"] == key.tags  # type: ignore[index]
    where = (house.project_id, key.key.id)
    assert keys.update(control, caller, *where, KeyFields(name="b")).tags == key.tags
    assert keys.update(control, caller, *where, KeyFields(tags={"team": "blue"})).tags == {"team": "blue"}
    event = house.events()[-1]
    assert (event.type, event.object_id) == (EventType.API_KEY_UPDATED, key.key.id)
    assert event.details == {"changes_requested": {"tags": {"team": "blue"}}}
    assert keys.show(control, caller, *where).tags == {"team": "blue"}
    nothings: tuple[object, ...] = (None, {})
    for nothing in nothings:
        keys.update(control, caller, *where, KeyFields(tags={"team": "blue"}))
        assert keys.update(control, caller, *where, KeyFields(tags=nothing)).tags == {}
        assert keys.show(control, caller, *where).tags == {}


def test_a_project_s_tags_are_given_changed_cleared_and_audited(house: House) -> None:
    control, caller = house.control, house.caller
    made = projects.create(control, caller, "Search", {"team": "red"})
    assert house.events()[-1].details == {"data": {"name": "Search", "title": "Search", "tags": {"team": "red"}}}
    projects.rename(control, caller, made.id, "Find")
    assert tags.of(control, caller, [made.id]) == {made.id: {"team": "red"}}
    assert projects.update(control, caller, made.id, new_tags={"env": "prod"}).name == "Find"
    event = house.events()[-1]
    assert (event.type, event.details) == (
        EventType.PROJECT_UPDATED,
        {"changes_requested": {"tags": {"env": "prod"}}},
    )
    assert tags.of(control, caller, [made.id]) == {made.id: {"env": "prod"}}
    projects.update(control, caller, made.id, new_tags=None)
    assert tags.of(control, caller, [made.id]) == {made.id: {}}
    with pytest.raises(KeyhouseError, match="Give something to change"):
        projects.update(control, caller, made.id)


def test_an_archived_project_and_a_revoked_key_keep_their_tags(house: House) -> None:
    control, caller = house.control, house.caller
    made = projects.create(control, caller, "Search", {"team": "red"})
    key = keys.create(control, caller, Holder(KeyKind.USER, made.id), KeyFields(name="a", tags={"team": "blue"})).view
    keys.revoke(control, caller, made.id, key.key.id)
    projects.archive(control, caller, made.id)
    for call in (
        lambda: projects.update(control, caller, made.id, new_tags={}),
        lambda: keys.update(control, caller, made.id, key.key.id, KeyFields(tags={})),
    ):
        with pytest.raises(KeyhouseError) as refused:
            call()
        assert refused.value.code is ErrorCode.CONFLICT
    found = tags.of(control, caller, [made.id, key.key.id])
    assert found == {made.id: {"team": "red"}, key.key.id: {"team": "blue"}}


def test_an_admin_key_has_no_tags(house: House) -> None:
    control, caller = house.control, house.caller
    with pytest.raises(KeyhouseError, match="An admin key has no tags") as refused:
        keys.create(control, caller, Holder(KeyKind.ADMIN), KeyFields(name="ops", tags={"team": "red"}))
    assert refused.value.param == "tags"
    made = keys.create(control, caller, Holder(KeyKind.ADMIN), KeyFields(name="ops", tags=None)).view
    with pytest.raises(KeyhouseError, match="An admin key has no tags"):
        keys.update(control, caller, None, made.key.id, KeyFields(tags={"team": "red"}))


def _alice(house: House) -> Holder:
    return Holder(KeyKind.USER, house.project_id)
