"""TLS as a client: verified always, against the system's CAs or one given bundle."""

from __future__ import annotations

import asyncio
import os
import ssl

from keyhouse.upstream.contract import TlsFailed

_contexts: dict[tuple[str | None, int], ssl.SSLContext] = {}


async def client_context(ca_file: str | None) -> ssl.SSLContext:
    """The context for `ca_file` (None: the system's CAs), built once per version of the file.

    Raises `TlsFailed` where the bundle cannot be read.
    """
    try:
        changed_at = os.stat(ca_file).st_mtime_ns if ca_file else 0
        context = _contexts.get((ca_file, changed_at))
        if context is None:
            # Parsing the system's bundle takes milliseconds, which every other call would wait for.
            context = await asyncio.get_running_loop().run_in_executor(None, _build, ca_file)
            _contexts[ca_file, changed_at] = context
    except OSError as error:
        raise TlsFailed(
            f"the CA bundle {ca_file} cannot be used ({error.strerror or 'no certificate in it'})"
        ) from None
    return context


def _build(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
