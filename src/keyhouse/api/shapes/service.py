"""The gateway itself."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Shape


class Health(Struct):
    status: Literal["ok", "unavailable"]
    reason: str | UnsetType = UNSET


GROUP = Group(
    "The gateway",
    {
        "GET /healthz": Shape("Whether the process lives", Health),
        "GET /readyz": Shape("Whether it can serve calls", Health),
        "GET /metrics": Shape("Counters in Prometheus' format", bytes, media_type="text/plain"),
        "GET /openapi.json": Shape("This document", dict[str, Any]),
        "GET /docs": Shape("This document as a page", bytes, media_type="text/html"),
    },
)
