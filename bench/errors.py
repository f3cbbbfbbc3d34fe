"""What stops a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """The run cannot go on or its figures would not be true; the message is the sentence to print."""
