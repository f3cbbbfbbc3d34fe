"""Secrets as canaries: none is found in what a house says, logs, counts or stores, however it is written."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import (
    KEY,
    Exchange,
    FakeUpstream,
    answers,
    completion,
    delta,
    last_chunk,
    reply,
    says,
    streams,
    usage,
)


def test_no_secret_is_found_anywhere_but_where_it_was_shown_once(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house(log_level="debug", log_format="json")
    house.start()
    key = house.new_key("canary")
    rotated = house.key_verb(key["id"], "rotate", grace_seconds=60)
    account = house.do_json("service-accounts", "create", "robo")
    secrets = [
        *_shown_once(house),
        key["value"].encode(),
        rotated["value"].encode(),
        account["api_key"]["value"].encode(),
        KEY.encode(),
        *_material(house.data),
    ]
    heard = b"\n".join(_everything_heard(house, upstream, key["value"], rotated["value"]))
    heard += house.do("upstreams", "list", "--json").encode() + house.do("audit", "list", "--json").encode()
    assert house.stop() == 0

    stored = {
        path: path.read_bytes() for path in house.data.rglob("*") if path.is_file() and path.parent.name != "secrets"
    }
    assert {"keyhouse.db", "ledger.db", "inflight.bin"} <= {path.name for path in stored}
    places = {"heard": heard, "log": house.log.read_bytes(), **{path.name: data for path, data in stored.items()}}
    found = [
        (where, form)
        for secret in secrets
        for form in _forms(secret)
        for where, content in places.items()
        if form in content
    ]
    assert found == []
    assert len(heard) > 10_000


def _shown_once(house: House) -> Iterator[bytes]:
    for name in ("admin_key", "api_key", "owner_password"):
        yield house.facts[name].encode()


def _material(data: Path) -> Iterator[bytes]:
    """The bytes of peppers and master keys."""
    for file in (data / "secrets").glob("*.json"):
        for text in json.loads(file.read_text())["by_id"].values():
            yield base64.b64decode(text)


def _forms(secret: bytes) -> set[bytes]:
    """The secret as it is, its secret part alone, and both in base64 (at any offset) and hex."""
    forms = set()
    for plain in {secret, secret[-38:]}:
        forms |= {plain, plain.hex().encode(), plain.hex().upper().encode()}
        for offset in range(3):
            encoded = base64.b64encode(bytes(offset) + plain)
            forms.add(encoded[4 if offset else 0 : -4])
    return forms


def _everything_heard(house: House, upstream: FakeUpstream, old: str, new: str) -> Iterator[bytes]:
    """Answers of all kinds: good ones, refusals, failures, an upstream that repeats what it was sent."""

    async def repeats(exchange: Exchange) -> None:
        sent = b"".join(
            name + b": " + value + b"\n" for name, value in exchange.request.headers if name != b"authorization"
        )
        await exchange.say(reply(completion("".join(map(chr, sent + exchange.request.body)), usage(1, 1))))

    models = [
        upstream.model(repeats),
        upstream.model(streams([delta("Hi"), last_chunk(usage(1, 1))])),
        upstream.model(answers(b'{"error":{"message":"Incorrect API key provided: %b"}}' % KEY.encode(), 401)),
        upstream.model(says(b"nonsense", then_close=True)),
        upstream.model(answers(completion(), more=b"set-cookie: k=%b\r\nx-key: %b\r\n" % (KEY.encode(), KEY.encode()))),
        "nobody-has-it",
    ]
    for model in models:
        for stream in (True, False):
            answer = wire.post(house, wire.chat(model, stream=stream), key=old if stream else new)
            yield answer.body + str(answer.headers).encode()
    for header in (f"Bearer {old}x", f"Basic {old}", old, f"Bearer {old[:-1]}", f"Bearer {old}, Bearer {new}"):
        for path in ("/v1/chat/completions", "/v1/organization/projects", "/metrics"):
            yield httpx.post(house.url + path, headers={"authorization": header}, trust_env=False, verify=False).content
    # People paste keys where names belong.
    yield wire.post(house, wire.chat(old), key=new).body
    yield wire.post(house, wire.chat(f"{old}-model", user=old), key=new, path=f"/v1/{old}").body
    for key in (new, house.facts["admin_key"]):
        headers = {"authorization": f"Bearer {key}"}
        for path in (f"/v1/models/{old}", f"/v1/x/{old}", f"/{old}", "/v1/organization/projects", "/metrics"):
            yield httpx.get(house.url + path, headers=headers, trust_env=False, verify=False).content
    yield json.dumps(house.admin("GET", f"/projects/{house.facts['project_id']}/api_keys")).encode()
    until(house.rows, 10)
