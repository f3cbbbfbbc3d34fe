"""A running gateway tells, by itself, that spending has reached a threshold: once, and signed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

from keyhouse.control import notices, spend_alerts
from tests.e2e.upstream import answers, completion, usage
from tests.edge.held import held_house


class Told(NamedTuple):
    headers: dict[str, str]
    body: bytes


async def test_a_call_that_reaches_a_threshold_is_told_once_and_signed(tmp_path: Path) -> None:
    told: list[Told] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.append(Told({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        async with held_house(tmp_path, webhook_private=True) as held:
            secret = await held.house.do(notices.new_secret)
            url = f"http://127.0.0.1:{receiver.server_port}/alerts"
            channel = {"type": "email", "recipients": ["alice@example.com"]}
            alert = {"threshold_amount": 1000, "currency": "USD", "interval": "month", "notification_channel": channel}
            project = await held.project()
            await held.house.do(spend_alerts.create, project, {**alert, "webhook_url": url})
            model = await held.model(answers(completion("Hello.", usage(5, 7))))
            key = await held.house.key(project)
            await held.ask(key.value, model)
            await asyncio.sleep(3.5)
            assert told == []  # 7 of 10 dollars
            await held.ask(key.value, model)
            await held.ask(key.value, model)
            async with asyncio.timeout(20):
                while not told:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(3.5)
    finally:
        receiver.shutdown()
        receiver.server_close()
    [(headers, body)] = told
    assert json.loads(body)["type"] == "spend_alert.reached"
    signed = b"%b.%b.%b" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
