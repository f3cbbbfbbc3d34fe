"""Deny by default: a verb of control that asks for no permission is listed here, with the reason."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator

from keyhouse import control
from keyhouse.control.context import Caller, Control

OPEN = {
    "house_settings.remember": "what the settings are is told by the house itself, at its start",
    "naming.default_project": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_group": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_holder": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_key": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_person": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_project": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_service_account": "the command line's way from names to ids; the verb that is then called asks",
    "naming.find_upstream": "the command line's way from names to ids; the verb that is then called asks",
    "projects.exists": "whether a header names a project of the caller's own organization",
    "tags.of": "of objects that the caller was shown",
    "usage.names": "of what stands in a report that the caller was shown",
}


def verbs() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every public function of control that acts for a caller."""
    for module_info in pkgutil.iter_modules(control.__path__):
        module = importlib.import_module(f"keyhouse.control.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            mine = function.__module__ == module.__name__ and not name.startswith("_")
            names = [str(p.annotation) for p in inspect.signature(function).parameters.values()][:2] if mine else []
            if names == [Control.__name__, Caller.__name__]:
                yield f"{module_info.name}.{name}", function


def test_every_verb_asks_for_a_permission_or_is_open_for_a_reason() -> None:
    open_verbs = {name for name, verb in verbs() if "needs" not in verb.__dict__}
    assert sorted(open_verbs) == sorted(OPEN)


def test_verbs_are_found_at_all() -> None:
    found = dict(verbs())
    assert {"keys.create", "projects.archive", "usage.report"} <= set(found)
