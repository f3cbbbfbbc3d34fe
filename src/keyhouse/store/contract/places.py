"""Places in lists, as a cursor writes them: what orders the last item of a page, so that the place outlives the item."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

BEGIN = "at_"
"""No id begins so."""


def written(values: Sequence[object]) -> str:
    """Whole numbers and texts as a cursor."""
    return BEGIN + base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def read(cursor: str) -> list[object] | None:
    """The values of a cursor that `written` made, which whoever gives it may have changed; None for any other text."""
    if not cursor.startswith(BEGIN):
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.removeprefix(BEGIN) + "=="))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None
