"""A key's own rate limits."""

from __future__ import annotations

import pytest

from keyhouse.control import keys, service_accounts
from keyhouse.control.fields import UNSET
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.limits import NO_LIMIT, RateLimits
from keyhouse.store.contract import ChangeKind
from tests.control.houses import House

FIVE: dict[str, object] = {
    "max_requests_per_1_minute": 1,
    "max_tokens_per_1_minute": 0,
    "max_images_per_1_minute": 3,
    "max_audio_megabytes_per_1_minute": 4,
    "max_requests_per_1_day": NO_LIMIT - 1,
}


def create(house: House, rate_limits: object) -> Key:
    given = KeyFields(name="a", rate_limits=rate_limits)
    return keys.create(house.control, house.caller, Holder(KeyKind.USER, house.project_id), given).view.key


def test_a_key_is_created_with_limits_and_without(house: House) -> None:
    limited = create(house, FIVE)
    assert limited.rate_limits == RateLimits(1, 0, 3, 4, NO_LIMIT - 1)
    assert house.key(limited.id) == limited
    assert house.events()[-1].details["data"]["rate_limits"] == FIVE  # type: ignore[index]
    nothing = {"max_requests_per_1_minute": NO_LIMIT, "max_tokens_per_1_minute": None}
    for unlimited in (UNSET, None, nothing):
        assert create(house, unlimited).rate_limits is None


def test_a_keys_limits_are_replaced_kept_and_lifted(house: House) -> None:
    key = create(house, FIVE)

    def changed(**given: object) -> RateLimits | None:
        keys.update(house.control, house.caller, house.project_id, key.id, KeyFields(**given))
        return house.key(key.id).rate_limits

    assert changed(name="b") == key.rate_limits
    assert changed(rate_limits={"max_requests_per_1_minute": 9}) == RateLimits(max_requests_per_1_minute=9)
    change = house.changes()[-1]
    assert (change.kind, change.object_id, house.announced[-1]) == (ChangeKind.KEY, key.id, change.seq)
    details = {"changes_requested": {"rate_limits": {"max_requests_per_1_minute": 9}}}
    assert house.events()[-1].details == details
    assert changed(rate_limits=None) is None


def test_a_service_accounts_key_has_limits_too(house: House) -> None:
    robo = service_accounts.create(house.control, house.caller, house.project_id, "robo").account
    holder = Holder(KeyKind.SERVICE_ACCOUNT, house.project_id, service_account_id=robo.id)
    made = keys.create(house.control, house.caller, holder, KeyFields(name="a", rate_limits=FIVE))
    assert house.key(made.view.key.id).rate_limits == RateLimits(1, 0, 3, 4, NO_LIMIT - 1)


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({}, "rate_limits", ErrorCode.INVALID_VALUE),
        ([], "rate_limits", ErrorCode.INVALID_VALUE),
        (5, "rate_limits", ErrorCode.INVALID_VALUE),
        ("none", "rate_limits", ErrorCode.INVALID_VALUE),
        ({"max_requests_per_1_minute": -1}, "rate_limits.max_requests_per_1_minute", ErrorCode.INVALID_VALUE),
        ({"max_requests_per_1_minute": 2**31}, "rate_limits.max_requests_per_1_minute", ErrorCode.INVALID_VALUE),
        ({"max_tokens_per_1_minute": 1.5}, "rate_limits.max_tokens_per_1_minute", ErrorCode.INVALID_VALUE),
        ({"max_tokens_per_1_minute": True}, "rate_limits.max_tokens_per_1_minute", ErrorCode.INVALID_VALUE),
        ({"max_images_per_1_minute": "3"}, "rate_limits.max_images_per_1_minute", ErrorCode.INVALID_VALUE),
        ({"requests": 3}, "rate_limits.requests", ErrorCode.INVALID_VALUE),
        ({"batch_1_day_max_input_tokens": 3}, "rate_limits.batch_1_day_max_input_tokens", ErrorCode.NOT_SUPPORTED),
    ],
    ids=str,
)
def test_bad_limits_are_refused_by_name(house: House, given: object, param: str, code: ErrorCode) -> None:
    before = house.events()
    with pytest.raises(KeyhouseError) as refused:
        create(house, given)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert house.events() == before
