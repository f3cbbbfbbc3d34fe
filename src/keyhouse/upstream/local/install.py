"""pip as a child that ends with its parent: `python -m keyhouse.upstream.local.install <arguments of pip>`."""

from __future__ import annotations

import runpy

from keyhouse.upstream.local.lifeline import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
