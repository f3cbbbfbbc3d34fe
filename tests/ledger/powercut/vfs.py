"""A SQLite VFS that writes down, in order, what a disk is told: every write with its bytes, truncation, sync and deletion.

It is registered with the very library that the `sqlite3` module uses, as the default, so that the code under test is opened as
ever. It is the former default with two of its entries replaced: `xDelete`, and `xOpen`, which gives every file in the watched
folder a method table in which `xWrite`, `xTruncate` and `xSync` first do the real thing and then record it. An event stands in
the record when its effect is complete.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any, NamedTuple

_OK = 0
# SQLITE_OPEN_MAIN_JOURNAL, _SUPER_JOURNAL and _WAL. The unix VFS syncs the folder with the first sync of such a file
# (UNIXFILE_DIRSYNC in os_unix.c), out of our sight.
_OPEN_CREATE = 0x4
_OPEN_JOURNAL = 0x800 | 0x4000 | 0x80000


class Write(NamedTuple):
    file: str
    offset: int
    data: bytes


class Truncate(NamedTuple):
    file: str
    size: int


class Sync(NamedTuple):
    """Made durable what the file was told in events before the one numbered `began_at`."""

    file: str
    began_at: int


class SyncFolder(NamedTuple):
    """Made durable which names the folder has, as events before the one numbered `began_at` left them."""

    began_at: int


class Delete(NamedTuple):
    file: str


class Acknowledged(NamedTuple):
    """Not the disk's: the driver's note that the caller of this request was told that its row is durable."""

    request_id: str


Event = Write | Truncate | Sync | SyncFolder | Delete | Acknowledged

_Open = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Delete = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_Write = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = ctypes.CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = ctypes.CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    """`sqlite3_vfs`, version 3: https://www.sqlite.org/c3ref/vfs.html"""

    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("xDelete", c_void_p),
        ("others", c_void_p * 14),
    )


class _Methods(Structure):
    """`sqlite3_io_methods`, version 3: https://www.sqlite.org/c3ref/io_methods.html"""

    _fields_ = (
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", c_void_p),
        ("xTruncate", c_void_p),
        ("xSync", c_void_p),
        ("others", c_void_p * 13),
    )


class RecordingVfs:
    """The default while the `with` block runs; connections opened in it must be closed before it ends.

    `fault` is asked before each write, truncation, sync and deletion, by that name: what it returns but 0 is SQLite's error.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.events: list[Event] = []
        self.fault: Callable[[str], int] = lambda _: _OK
        self._library = ctypes.CDLL(_sqlite3.__file__)
        self._library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        self._default: _Vfs = self._library.sqlite3_vfs_find(None).contents
        self._kept: list[Any] = []
        self._names: dict[int, str] = {}
        self._new_names: set[int] = set()
        self._tables: dict[int, _Methods] = {}
        self._own = self._derived()

    def __enter__(self) -> RecordingVfs:
        assert self._library.sqlite3_vfs_register(ctypes.byref(self._own), 1) == _OK
        return self

    def __exit__(self, *_: object) -> None:
        assert self._library.sqlite3_vfs_unregister(ctypes.byref(self._own)) == _OK

    def _derived(self) -> _Vfs:
        own = _Vfs.from_buffer_copy(self._default)
        own.zName = b"recording"
        open_file = _Open(own.xOpen)
        delete_file = _Delete(own.xDelete)

        def x_open(vfs: int, name: int | None, file: int, flags: int, flags_out: int | None) -> int:
            result: int = open_file(vfs, name, file, flags, flags_out)
            if result == _OK and (watched := self._watched(name)):
                self._names[file] = watched
                if flags & _OPEN_CREATE and flags & _OPEN_JOURNAL:
                    self._new_names.add(file)
                methods = c_void_p.from_address(file)
                methods.value = ctypes.addressof(self._table_for(methods.value or 0))
            return result

        def x_delete(vfs: int, name: int, sync_folder: int) -> int:
            result: int = (self._watched(name) and self.fault("delete")) or delete_file(vfs, name, sync_folder)
            if result == _OK and (watched := self._watched(name)):
                began_at = len(self.events) + 1
                self.events.append(Delete(watched))
                if sync_folder:
                    self.events.append(SyncFolder(began_at))
            return result

        own.xOpen = self._pointer(_Open, x_open)
        own.xDelete = self._pointer(_Delete, x_delete)
        return own

    def _table_for(self, base_address: int) -> _Methods:
        """The recording twin of a method table of the default VFS, which has one per way of locking."""
        if base_address in self._tables:
            return self._tables[base_address]
        own = _Methods.from_buffer_copy(_Methods.from_address(base_address))
        write, truncate, sync = _Write(own.xWrite), _Truncate(own.xTruncate), _Sync(own.xSync)

        def x_write(file: int, data: int, size: int, offset: int) -> int:
            result: int = self.fault("write") or write(file, data, size, offset)
            if result == _OK:
                self.events.append(Write(self._names[file], offset, ctypes.string_at(data, size)))
            return result

        def x_truncate(file: int, size: int) -> int:
            result: int = self.fault("truncate") or truncate(file, size)
            if result == _OK:
                self.events.append(Truncate(self._names[file], size))
            return result

        def x_sync(file: int, flags: int) -> int:
            began_at = len(self.events)
            result: int = self.fault("sync") or sync(file, flags)
            if result == _OK:
                self.events.append(Sync(self._names[file], began_at))
                if file in self._new_names:
                    self._new_names.remove(file)
                    self.events.append(SyncFolder(began_at))
            return result

        own.xWrite = self._pointer(_Write, x_write)
        own.xTruncate = self._pointer(_Truncate, x_truncate)
        own.xSync = self._pointer(_Sync, x_sync)
        self._tables[base_address] = own
        return own

    def _pointer(self, prototype: Any, function: Callable[..., int]) -> int | None:
        callback = prototype(function)
        self._kept.append(callback)
        return ctypes.cast(callback, c_void_p).value

    def _watched(self, name: int | None) -> str | None:
        """The name of a file in the folder; None of one elsewhere, and of a temporary file."""
        path = Path(ctypes.string_at(name).decode()) if name else None
        return path.name if path is not None and path.parent == self._folder else None
