"""Chargeback tags: names and values that people give to projects and keys, so that a report can be read by them.

A key's tag stands before its project's of the same name.
"""

from __future__ import annotations

import re

MAX_TAGS = 16
MAX_VALUE = 128
PREFIX = "tag:"
"""What a tag's name follows where reports are grouped by it: `tag:team`."""

_NAME = re.compile(r"[a-z0-9_.-]{1,64}")


def is_name(text: str) -> bool:
    """Whether this can be a tag's name: 1 to 64 of a to z, 0 to 9, `_`, `.` and `-`."""
    return _NAME.fullmatch(text) is not None
