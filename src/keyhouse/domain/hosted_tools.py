"""Hosted tools: what an upstream runs by itself while it answers. A project may deny them to its keys."""

from __future__ import annotations

from enum import Enum


class HostedTool(Enum):
    """In OpenAI's words, alphabetical."""

    CODE_INTERPRETER = "code_interpreter"
    FILE_SEARCH = "file_search"
    IMAGE_GENERATION = "image_generation"
    MCP = "mcp"
    WEB_SEARCH = "web_search"

    # By identity, as members compare; see `operations.Metering`.
    __hash__ = object.__hash__


def hosted_tool(type_: str) -> HostedTool | None:
    """Which one a tool's `type` in a body stands for: its name, or a version of it (`web_search_preview_2025_03_11`). None for
    what the caller runs itself, and for types that nobody has named yet."""
    folded = type_.strip().casefold()
    for tool in HostedTool:
        if folded == tool.value or folded.startswith(f"{tool.value}_"):
            return tool
    return None
