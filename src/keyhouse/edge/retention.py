"""Bodies of calls that nothing may be kept of: the upstream is not asked to store them."""

from __future__ import annotations

from keyhouse.edge.body import Inspected
from keyhouse.edge.watched import Watched

_FIELDS = Watched("store")


def unstored(inspected: Inspected) -> Inspected:
    """The body with its `store`, if it asks for that, made false, as OpenAI reads it under zero data retention.

    Every other byte stays. Raises `duplicate_field` where it could be read in two ways.
    """
    if not _FIELDS.may_be_in(inspected.body):
        return inspected
    text = inspected.body.decode("utf-8")
    for key, start, end in _FIELDS.members(text, text.index("{")):
        if key == "store" and text[start:end] not in {"false", "null"}:
            return inspected._replace(body=f"{text[:start]}false{text[end:]}".encode())
    return inspected
