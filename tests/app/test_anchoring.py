"""New heads of the audit log are appended to a file; one that cannot be does not undo what was committed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from keyhouse.app.anchoring import anchoring
from keyhouse.control.anchors import read
from keyhouse.store.contract import Anchor, Seal


def seal(number: int) -> Seal:
    return Seal(number, number, number, 5, "aud_1", bytes([number]) * 32)


def test_each_head_is_a_line_and_none_is_appended_after_a_newer_one(tmp_path: Path) -> None:
    anchor = anchoring(tmp_path / "anchors")
    for number in (1, 3, 2, 4):
        anchor(seal(number))
    lines = (tmp_path / "anchors").read_text().splitlines()
    assert list(read(lines)) == [Anchor(number, bytes([number]) * 32) for number in (1, 3, 4)]


def test_without_a_file_nothing_is_appended(tmp_path: Path) -> None:
    anchoring(None)(seal(1))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        anchoring(tmp_path)(seal(1))
    assert "seal 1 could not be appended" in caplog.text
