"""Reading a list of the store from its first page to its last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from keyhouse.store.contract import Listed, Page

T = TypeVar("T")
_PAGE = 1000


def every(list_: Callable[[Page], Listed[T]], id_of: Callable[[T], str]) -> Iterator[T]:
    """All items, read page by page as they are wanted."""
    after: str | None = None
    while True:
        listed = list_(Page(after, _PAGE))
        yield from listed.items
        if not listed.has_more:
            return
        after = id_of(listed.items[-1])
