"""The fields of an upstream that a caller may give, when it is added and when it is changed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from keyhouse.control import fields
from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.upstreams import Upstream

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_KEY = 8192
_MAX_URL = 2048


@dataclass(frozen=True, slots=True)
class UpstreamFields:
    """What a face was given for an upstream, unchecked; UNSET where it was not given. `key` null: it needs none. `models` null:
    exactly those that it lists now. `project_id` null: for all projects. `ca_file` null: the system's certificates."""

    name: object = UNSET
    base_url: object = UNSET
    key: object = field(default=UNSET, repr=False)
    models: object = UNSET
    project_id: object = UNSET
    ca_file: object = UNSET


def checked(given: UpstreamFields) -> dict[str, Any]:
    """The given fields, by name, as they are kept, but for the key, which is whole. Raises for the first bad one."""
    wanted: dict[str, Any] = {}
    if given.name is not UNSET:
        wanted["name"] = _name(given.name)
    if given.base_url is not UNSET:
        wanted["base_url"] = _base_url(given.base_url)
    if given.key is not UNSET:
        wanted["key"] = None if given.key is None else _key(given.key)
    if given.models is not UNSET:
        wanted["models"] = fields.models(given.models)
    if given.project_id is not UNSET:
        wanted["project_id"] = None if given.project_id is None else _text(given.project_id, "project_id")
    if given.ca_file is not UNSET:
        wanted["ca_file"] = None if given.ca_file is None else _ca_file(_text(given.ca_file, "ca_file"))
    return wanted


def required(wanted: dict[str, Any], name: str) -> Any:
    """A field that a new upstream must have."""
    if name not in wanted:
        raise invalid(name, f"'{name}' is required.")
    return wanted[name]


def redacted(key: str | None) -> str | None:
    """How a key is shown."""
    # Of a short key even four characters would tell too much.
    return None if key is None else f"…{key[-4:]}" if len(key) >= 20 else "…"


def facts(upstream: Upstream) -> dict[str, object]:
    """What the audit tells of a new upstream."""
    return {
        "name": upstream.name,
        "base_url": upstream.base_url,
        "models": list(upstream.models),
        "project_id": upstream.project_id,
    }


def facts_of_change(wanted: dict[str, Any]) -> dict[str, object]:
    """What the audit tells of a change: the key by how it is shown."""
    key = {"redacted_key": redacted(wanted["key"])} if "key" in wanted else {}
    return {name: value for name, value in wanted.items() if name != "key"} | key


def _name(value: object) -> str:
    text = _text(value, "name")
    if not _NAME.fullmatch(text):
        raise invalid("name", "'name' must have 1 to 64 letters, digits, dots, dashes or underscores.")
    return text


def _base_url(value: object) -> str:
    """The URL without a slash at its end. Query, fragment and credentials have no place in it."""
    text = _text(value, "base_url").strip()
    try:
        url = urlsplit(text)
        port_fits = url.port is None or url.port > 0
    except ValueError:
        raise invalid("base_url", "'base_url' is not a URL.") from None
    if url.scheme not in {"http", "https"} or not url.hostname or not port_fits or len(text) > _MAX_URL:
        raise invalid("base_url", "'base_url' must be an http or https URL such as https://api.openai.com/v1.")
    if url.username is not None or url.password is not None:
        raise invalid("base_url", "'base_url' must not hold credentials; the key is given by itself.")
    if url.query or url.fragment or not text.isascii() or not text.isprintable() or " " in text:
        raise invalid("base_url", "'base_url' must not hold a query, a fragment, spaces or non-ASCII characters.")
    return text.rstrip("/")


def _key(value: object) -> str:
    key = _text(value, "key").strip()
    if not 1 <= len(key) <= _MAX_KEY or not all(33 <= ord(c) <= 126 for c in key):
        raise invalid("key", f"The upstream's key must be 1 to {_MAX_KEY:,} printable ASCII characters without spaces.")
    return key


def _ca_file(text: str) -> str:
    path = os.path.abspath(text)
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise invalid("ca_file", f"'{shown(text)}' is not a file that can be read.")
    return path


def _text(value: object, param: str) -> str:
    if not isinstance(value, str):
        raise invalid(param, f"'{param}' must be a string.")
    return value
