"""What the pages of the house have in common."""

from __future__ import annotations

HEAD_LINKS = (
    "<link rel='stylesheet' href='/docs/style.css'><link rel='icon' type='image/svg+xml' href='/docs/icon.svg'>"
)
