"""Writes docs/reference/ from the code: `python -m tools.reference`. A test holds the pages to what this would write."""
