"""What a key may do: All, Read only, or Restricted per resource to None, Read or Write.

Scopes are written `api.<resource>.<read|write>`; write includes read. On the call's path a set of scopes is one integer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from keyhouse.domain.errors import invalid, shown


class Resource(Enum):
    """The resources of OpenAI's API, alphabetical."""

    ASSISTANTS = "assistants"
    AUDIO = "audio"
    BATCHES = "batches"
    CHAT = "chat"
    CHATKIT = "chatkit"
    COMPLETIONS = "completions"
    CONTAINERS = "containers"
    CONVERSATIONS = "conversations"
    EMBEDDINGS = "embeddings"
    EVALS = "evals"
    FILES = "files"
    FINE_TUNING = "fine_tuning"
    IMAGES = "images"
    MODELS = "models"
    MODERATIONS = "moderations"
    REALTIME = "realtime"
    RESPONSES = "responses"
    SKILLS = "skills"
    THREADS = "threads"
    UPLOADS = "uploads"
    VECTOR_STORES = "vector_stores"
    VIDEOS = "videos"

    # By identity, as members compare; the one that enums bring is written in Python, and every call asks for it.
    __hash__ = object.__hash__


class Access(Enum):
    NONE = "none"
    READ = "read"
    WRITE = "write"


_INDEX = {resource: i for i, resource in enumerate(Resource)}
_READS = sum(1 << (2 * i) for i in _INDEX.values())
_EVERYTHING = (1 << (2 * len(_INDEX))) - 1


def scope(resource: Resource, access: Access) -> str:
    return f"api.{resource.value}.{access.value}"


def scope_bit(resource: Resource, access: Access) -> int:
    """The bit that an operation asks for. `Access.NONE` asks for nothing and is refused as a programming error."""
    if access is Access.NONE:
        raise ValueError("an operation needs read or write")
    return 1 << (2 * _INDEX[resource] + (access is Access.WRITE))


@dataclass(frozen=True, slots=True)
class Permissions:
    """`mode` is `all`, `read_only` or `restricted`; `grants` lists what a restricted key may do (absent: none)."""

    mode: str
    grants: tuple[tuple[Resource, Access], ...] = ()

    @property
    def mask(self) -> int:
        """Every scope that is granted, as bits of `scope_bit`."""
        if self.mode == "all":
            return _EVERYTHING
        if self.mode == "read_only":
            return _READS
        mask = 0
        for resource, access in self.grants:
            if access is not Access.NONE:
                mask |= scope_bit(resource, Access.READ)
            if access is Access.WRITE:
                mask |= scope_bit(resource, Access.WRITE)
        return mask

    @property
    def scopes(self) -> list[str]:
        """As the audit tells them: `all`, `read_only`, or each scope that is granted. Write includes read."""
        if self.mode != "restricted":
            return [self.mode]
        return [scope(resource, access) for resource, access in self.grants if access is not Access.NONE]

    def as_json(self) -> str | dict[str, str]:
        """The form of the API: `"all"`, `"read_only"`, or `{resource: access}`."""
        return self.mode if self.mode != "restricted" else {r.value: a.value for r, a in self.grants}


ALL = Permissions("all")
READ_ONLY = Permissions("read_only")


def parse_permissions(value: object, *, param: str = "permissions") -> Permissions:
    """`"all"`, `"read_only"` or `{resource: "none"|"read"|"write"}`. Raises `invalid_value`; unknown names are refused."""
    if value == "all":
        return ALL
    if value == "read_only":
        return READ_ONLY
    if not isinstance(value, Mapping):
        raise invalid(param, f'\'{param}\' must be "all", "read_only" or an object of resources.')
    grants = sorted(
        ((_resource(str(name), param), _access(str(name), access, param)) for name, access in value.items()),
        key=lambda grant: grant[0].value,
    )
    return Permissions("restricted", tuple(grants))


def _resource(name: str, param: str) -> Resource:
    try:
        return Resource(name)
    except ValueError:
        raise invalid(f"{param}.{shown(name)}", f"'{shown(name)}' is not a resource of the API.") from None


def _access(name: str, value: object, param: str) -> Access:
    try:
        return Access(value)
    except ValueError:
        raise invalid(f"{param}.{name}", f'\'{param}.{name}\' must be "none", "read" or "write".') from None


def model_allowed(model: str, patterns: tuple[str, ...] | None) -> bool:
    """Whether a model passes a list of names and globs. None does not restrict; an empty list allows nothing."""
    return patterns is None or any(model == p or fnmatchcase(model, p) for p in patterns)
