"""A child that never outlives its parent, however the parent ends.

The parent holds the other end of the child's standard input and never writes to it again: its end of file is the
parent's death, on every system and by every signal. On Linux the kernel is asked for the same, which also covers a
descriptor of that pipe that was inherited by somebody else.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """From here on this process ends, at once and without cleaning up, when its parent does."""
    # A terminal's Ctrl-C reaches every process of the group: how to end is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_standard_input, name="lifeline", daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_standard_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
