"""Reads responses: llhttp's strict grammar, and the rules that llhttp leaves to its caller."""

from __future__ import annotations

from httptools import HttpParserError, HttpResponseParser

from keyhouse.upstream.contract import Header


class MalformedResponse(Exception):  # noqa: N818 - the name says what happened
    """Not a response this house accepts. The text completes the sentence "host:port …" and quotes nothing received."""


class ResponseParser:
    """One per connection, for one response after the other: `expect`, then `feed` until `complete`.

    llhttp refuses by itself: Content-Length with Transfer-Encoding, Content-Length twice, bad chunks, folded headers,
    bare line feeds, control characters. Added here: a cap on everything that is not body, no transfer coding but
    `chunked`, no switching of protocols, no byte beyond the end.
    """

    __slots__ = (
        "_chunked",
        "_framed",
        "_head_bytes",
        "_head_only",
        "_interim",
        "_llhttp",
        "_max_head_bytes",
        "_overhead",
        "_problem",
        "_until_eof",
        "complete",
        "head_done",
        "headers",
        "on_body",
        "pieces",
        "reusable",
        "status",
    )

    def __init__(self, max_head_bytes: int) -> None:
        self.pieces: list[bytes] = []
        """Body received and not yet taken; the reader joins and clears it."""
        self.on_body = self.pieces.append
        self._max_head_bytes = max_head_bytes
        self.expect(head_only=False)
        self._llhttp: HttpResponseParser | None = HttpResponseParser(self)

    def expect(self, *, head_only: bool) -> None:
        """Makes ready for the next response; `head_only` where the request was a HEAD."""
        self.status = 0
        self.headers: list[Header] = []
        self.head_done = False
        self.complete = False
        self.reusable = False
        """Whether this response lets the connection carry another; known once the head is done."""
        self._head_only = head_only
        self._head_bytes = 0
        self._overhead = 0
        self._framed = False
        self._chunked = False
        self._until_eof = False
        self._interim = False
        self._problem = ""

    def feed(self, data: bytes) -> None:
        """Takes what was received. Raises `MalformedResponse`; the pieces before the fault stay readable."""
        assert self._llhttp is not None  # noqa: S101 - a closed connection receives nothing
        if self.complete:
            raise MalformedResponse("sent more than the response")
        before = len(self.pieces)
        try:
            self._llhttp.feed_data(data)
        except HttpParserError as error:
            if not (self._head_only and self.complete):
                raise MalformedResponse(self._problem or f"sent a malformed response ({error})") from None
        if len(self.pieces) != before:
            self._overhead = 0
            if self.complete and self._framed and not data.endswith(self.pieces[-1]):
                # llhttp takes empty lines after a body for the start of the next response.
                raise MalformedResponse("sent more body than its content-length says")
        elif not self.complete:
            self._overhead += len(data)
            if self._overhead > self._max_head_bytes:
                raise MalformedResponse(f"sent more than {self._max_head_bytes} bytes of head")

    def end_of_input(self) -> None:
        """The upstream has ended the connection: that completes a body whose framing is the end itself."""
        self.complete = self.complete or (self.head_done and self._until_eof)

    def dispose(self) -> None:
        """Lets go of llhttp, whose callbacks refer back to this object."""
        self._llhttp = None

    def on_message_begin(self) -> None:
        if self.complete:
            self._refuse("sent more than the response")

    def on_status(self, reason: bytes) -> None:
        self._count(len(reason))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_done:
            return  # a trailer
        self._count(len(name) + len(value) + 4)
        name = name.lower()
        if name == b"content-length":
            self._framed = True
        elif name == b"transfer-encoding":
            if self._chunked or value.lower() != b"chunked":
                self._refuse("sent a transfer coding other than chunked")
            self._chunked = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._llhttp is not None  # noqa: S101 - called from within `feed`
        status = self._llhttp.get_status_code()
        if status < 200:
            self._skip_interim(status, has_body=self._chunked or self._framed)
            return
        self._interim = False
        self.status = status
        self.head_done = True
        bodyless = self._head_only or status in {204, 304}
        self._until_eof = not (bodyless or self._chunked or self._framed)
        self.reusable = self._llhttp.should_keep_alive() and self._llhttp.get_http_version() == "1.1"
        if self._head_only:
            # llhttp cannot know that no body follows: it is stopped here, and the connection ends with it.
            self.complete = True
            self.reusable = False
            self._refuse("")

    def on_message_complete(self) -> None:
        self.complete = not self._interim

    def _skip_interim(self, status: int, *, has_body: bool) -> None:
        if status == 101 or status < 100:
            self._refuse(f"answered with status {status}, which was not asked for")
        if has_body:
            self._refuse("sent an interim response with a body")
        self._interim = True
        self.headers = []

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._max_head_bytes:
            self._refuse(f"sent more than {self._max_head_bytes} bytes of head")

    def _refuse(self, problem: str) -> None:
        self._problem = problem
        raise MalformedResponse(problem)
