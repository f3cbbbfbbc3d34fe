"""The tables of limits and money, as the code sees them; `tables.py` says the rest, and which file each kind is in."""

from __future__ import annotations
