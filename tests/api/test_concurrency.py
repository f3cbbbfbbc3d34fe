"""A use case that waits for gateways holds up nobody else, and one whose gateways do not answer says so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from tests.api.served import serve
from tests.control.houses import open_house


def test_waiting_for_gateways_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def announce(_: int) -> None:
        waiting.set()
        assert go_on.wait(10)

    house = open_house(tmp_path / "house")
    house.control = replace(house.control, announce=announce)
    with serve(house) as api, ThreadPoolExecutor(1) as pool:
        made = api.post(f"{api.project}/api_keys", {"name": "laptop"})
        revoking = pool.submit(api.post, f"{api.project}/api_keys/{made['id']}/revoke")
        assert waiting.wait(10)
        assert api.get(f"{api.project}/api_keys/{made['id']}")["status"] == "revoked"
        assert not revoking.done()
        go_on.set()
        assert revoking.result(10)["status"] == "revoked"
    house.store.close()


def test_change_that_gateways_do_not_hear_of_is_told_and_can_be_repeated(tmp_path: Path) -> None:
    deaf = True

    def announce(_: int) -> None:
        if deaf:
            raise KeyhouseError(ErrorCode.SERVICE_BUSY, "A gateway does not answer; repeat the call.")

    house = open_house(tmp_path / "house")
    house.control = replace(house.control, announce=announce)
    with serve(house) as api:
        made = api.post(f"{api.project}/api_keys", {"name": "laptop"})
        path = f"{api.project}/api_keys/{made['id']}/revoke"
        answer = api.call("POST", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_busy")
        assert "x-should-retry" not in answer.headers
        deaf = False
        assert api.post(path)["status"] == "revoked"
    house.store.close()
