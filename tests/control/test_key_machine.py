"""The state machine of a key, walked at random beside a model of it that knows nothing of the code."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from keyhouse.control import keys, service_accounts
from keyhouse.control.context import Caller, Control
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.control.views import KeyView
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from tests.control.houses import House, open_house

Verb = Callable[[Control, Caller, str | None, str], KeyView]


@dataclass
class Expected:
    """What should be true of one key. `secrets`: value → the moment its grace ends, None without an end."""

    id: str
    project_id: str | None
    secrets: dict[str, int | None]
    expires_at: int | None
    disabled: bool = False
    revoked: bool = False

    def status(self, now: int) -> str:
        if self.revoked:
            return "revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        return "disabled" if self.disabled else "active"

    def accepted(self, value: str, now: int) -> bool:
        ends = self.secrets[value]
        return self.status(now) == "active" and (ends is None or now < ends)


class KeyLife(RuleBasedStateMachine):
    made = Bundle("made")
    house: House

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.house = open_house(Path(self.folder.name) / "house")
        robo = service_accounts.create(
            self.house.control, self.house.caller, self.house.project_id, "robo", with_key=False
        )
        project_id = self.house.project_id
        self.holders = {
            KeyKind.ADMIN: Holder(KeyKind.ADMIN),
            KeyKind.SERVICE_ACCOUNT: Holder(KeyKind.SERVICE_ACCOUNT, project_id, service_account_id=robo.account.id),
            KeyKind.USER: Holder(KeyKind.USER, project_id),
        }
        self.all: list[Expected] = []

    def teardown(self) -> None:
        self.house.store.close()
        self.folder.cleanup()

    @rule(target=made, kind=st.sampled_from(KeyKind), lifetime=st.none() | st.integers(1, 500))
    def create(self, kind: KeyKind, lifetime: int | None) -> Expected:
        given = KeyFields(name="k", expires_in_seconds=lifetime)
        created = keys.create(self.house.control, self.house.caller, self.holders[kind], given)
        key = created.view.key
        expires_at = None if lifetime is None else self.house.clock.now + lifetime
        expected = Expected(key.id, key.project_id, {created.value: None}, expires_at)
        self.all.append(expected)
        return expected

    @rule(key=made)
    def disable(self, key: Expected) -> None:
        if self.happens(key, {"active", "disabled"}, keys.disable):
            key.disabled = True

    @rule(key=made)
    def enable(self, key: Expected) -> None:
        if self.happens(key, {"active", "disabled"}, keys.enable):
            key.disabled = False

    @rule(key=consumes(made))
    def revoke(self, key: Expected) -> None:
        keys.revoke(self.house.control, self.house.caller, key.project_id, key.id)
        key.revoked = True

    @rule(key=st.sampled_from([0, 1, 2]), twice=st.booleans())
    def touch_the_dead(self, key: int, twice: bool) -> None:
        dead = [one for one in self.all if one.revoked]
        if key < len(dead):
            self.happens(dead[key], set(), keys.enable)
            self.happens(dead[key], set(), keys.disable)
            if twice:
                keys.revoke(self.house.control, self.house.caller, dead[key].project_id, dead[key].id)

    @rule(key=made, grace=st.integers(0, 300))
    def rotate(self, key: Expected, grace: int) -> None:
        now = self.house.clock.now
        if key.status(now) != "active":
            self.refused(lambda: keys.rotate(self.house.control, self.house.caller, key.project_id, key.id))
            return
        rotated = keys.rotate(self.house.control, self.house.caller, key.project_id, key.id, grace_seconds=grace)
        for value, ends in key.secrets.items():
            key.secrets[value] = now + grace if ends is None else min(ends, now + grace)
        key.secrets[rotated.value] = None

    @rule(key=made, lifetime=st.none() | st.integers(1, 500))
    def change_expiry(self, key: Expected, lifetime: int | None) -> None:
        now = self.house.clock.now
        given = KeyFields(expires_in_seconds=lifetime)
        if key.status(now) in {"revoked", "expired"}:
            self.refused(lambda: keys.update(self.house.control, self.house.caller, key.project_id, key.id, given))
            return
        keys.update(self.house.control, self.house.caller, key.project_id, key.id, given)
        key.expires_at = None if lifetime is None else now + lifetime

    @rule(seconds=st.integers(1, 200))
    def time_passes(self, seconds: int) -> None:
        self.house.clock.now += seconds

    @invariant()
    def every_key_is_as_expected(self) -> None:
        now = self.house.clock.now
        for key in self.all:
            shown = keys.show(self.house.control, self.house.caller, key.project_id, key.id)
            assert shown.status.value == key.status(now)
            for value in key.secrets:
                assert self.house.accepts(value) == key.accepted(value, now)

    def happens(self, key: Expected, allowed: set[str], verb: Verb) -> bool:
        if key.status(self.house.clock.now) in allowed:
            verb(self.house.control, self.house.caller, key.project_id, key.id)
            return True
        self.refused(lambda: verb(self.house.control, self.house.caller, key.project_id, key.id))
        return False

    def refused(self, call: Callable[[], object]) -> None:
        with pytest.raises(KeyhouseError) as refusal:
            call()
        assert refusal.value.code is ErrorCode.CONFLICT


TestKeyLife = KeyLife.TestCase
TestKeyLife.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
