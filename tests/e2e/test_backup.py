"""A backup of a running house under load, restored elsewhere."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, answers, completion, usage

PASSPHRASE = "correct horse battery staple\n"


def test_backup_of_a_house_under_load_is_a_house(new_house: NewHouse, upstream: FakeUpstream, tmp_path: Path) -> None:
    house = new_house()
    house.start()
    model = upstream.model(answers(completion("Hi", usage(10, 5))))
    key = house.new_key("before the backup")
    stopping = threading.Event()
    answered: list[str] = []

    def load() -> None:
        while not stopping.is_set():
            answer = wire.post(house, wire.chat(model), key=key["value"])
            assert answer.status == 200
            answered.append(answer.request_id)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(answered) >= 50, 30)
    before = list(answered)
    copy = tmp_path / "house.backup"
    house.do("backup", str(copy), "--passphrase-stdin", given=PASSPHRASE)
    stopping.set()
    for thread in threads:
        thread.join()
    revoked_since = house.new_key("after the backup")
    assert house.stop() == 0

    assert [path.stat().st_mode & 0o077 for path in (copy, tmp_path / "house.backup.secrets")] == [0, 0]
    restored = House(tmp_path / "restored", house.facts)
    wrong = restored.run("restore", str(copy), "--passphrase-stdin", given="not the passphrase\n")
    assert (wrong.returncode, "passphrase is wrong" in wrong.stderr) == (1, True)
    restored.do("restore", str(copy), "--passphrase-stdin", given=PASSPHRASE)
    try:
        restored.start()
        kept = {row.request_id for row in restored.rows()}
        assert set(before) <= kept <= set(answered)
        # Its keys work, and so does the upstream's, which only the master key opens.
        assert wire.post(restored, wire.chat(model), key=key["value"]).status == 200
        assert wire.post(restored, wire.chat(model), key=revoked_since["value"]).status == 401
        assert restored.admin("GET", "/projects")["data"]
        results: list[Any] = [
            result
            for bucket in restored.client().admin.organization.usage.completions(start_time=key["created_at"]).data
            for result in bucket.results
        ]
        used = sum(result.num_model_requests for result in results)
        assert len(kept) <= used <= len(kept) + 1
        again = restored.run("restore", str(copy), "--passphrase-stdin", given=PASSPHRASE)
        assert (again.returncode, "Traceback" in again.stderr) == (1, False)
    finally:
        restored.close()
