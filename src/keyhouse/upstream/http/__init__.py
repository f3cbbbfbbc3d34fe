"""The call's path to an upstream: a small HTTP/1.1 pool of our own on llhttp and the event loop.

From the outside in: `transport` is what callers hold, `pool` bounds the connections of one origin, `dial` opens them
(`address` vets, `tls` verifies), `connection` carries one exchange at a time, `parser` reads what comes back,
`response` hands it on, `request` writes the head.
"""

from keyhouse.upstream.http.transport import HttpTransport

__all__ = ["HttpTransport"]
