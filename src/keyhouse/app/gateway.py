"""A running gateway, put together: what serves calls, what follows control, and the order in which they start and end."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import structlog

from keyhouse.app import announce, local
from keyhouse.app.house import Opened
from keyhouse.control import authority
from keyhouse.control.context import Caller, Control, KnownCallerError
from keyhouse.domain.audit import Actor
from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.networks import Networks
from keyhouse.domain.upstreams import seal_context
from keyhouse.domain.usage import Outcome
from keyhouse.edge import health
from keyhouse.edge.counters import Counters
from keyhouse.edge.exchange import Exchange
from keyhouse.edge.gate import Gate
from keyhouse.edge.inflight import Inflight
from keyhouse.edge.lobby import Lobby
from keyhouse.edge.relay import Relay
from keyhouse.ledger.balances import LedgerBalances
from keyhouse.ledger.context_windows import ContextWindows
from keyhouse.ledger.intents import INTENTS_FILE, Intents
from keyhouse.ledger.journal import Journal
from keyhouse.ledger.pricing import PriceBook
from keyhouse.ledger.recovery import recover
from keyhouse.ledger.refusals import RefusalLog
from keyhouse.ledger.rollup import Rollup, catch_up
from keyhouse.policy.authn import Authenticator, EndedKeyError
from keyhouse.policy.authz import require_admin_key
from keyhouse.policy.changes import ChangeFollower
from keyhouse.policy.client_certificates import ClientTrust, load_anchors
from keyhouse.policy.day_limits import restore_day_limits
from keyhouse.policy.grants import Grants
from keyhouse.policy.idempotency import Idempotency
from keyhouse.policy.keyring import Credential, Keyring
from keyhouse.policy.money import MemoryReservations
from keyhouse.policy.network import require_network
from keyhouse.policy.rules import Rules
from keyhouse.policy.windows import WindowCounters
from keyhouse.settings import Settings
from keyhouse.store.contract import ChangeKind
from keyhouse.store.contract import KeyRing as StoredSecret
from keyhouse.upstream.contract import Timeouts
from keyhouse.upstream.http import HttpTransport
from keyhouse.upstream.local import LocalModels
from keyhouse.upstream.local.catalog import MODELS
from keyhouse.upstream.router import Router, in_order
from keyhouse.watch.audit_notes import AuditNotes
from keyhouse.watch.notices import Watch, outbox

_log = structlog.get_logger(__name__)
ANNOUNCE_SECONDS = 10.0


def recovered_intents(data: Path, opened: Opened) -> Intents:
    """Takes the data directory for this gateway alone, and settles what the last one left. Raises `conflict` if another runs."""
    intents = Intents(data / INTENTS_FILE)
    charged = recover(intents, opened.store.ledger, PriceBook.load(opened.store))
    if charged:
        _log.warning("calls that a crash had cut were charged", calls=charged)
    return intents


class Gateway:
    """Everything of a gateway that lives on one event loop. Build it there; `start`, serve, `stop`."""

    def __init__(self, settings: Settings, opened: Opened, intents: Intents, local_models: LocalModels | None) -> None:
        self._settings = settings
        self._opened = opened
        self._store = opened.store
        self._intents = intents
        self._local = local_models
        self._loop = asyncio.get_running_loop()
        self._background: list[asyncio.Task[None]] = []
        self._reads = ThreadPoolExecutor(4, thread_name_prefix="keyhouse-read")
        # Claims wait for control's writer: they must not keep the keyring waiting.
        self._claims = ThreadPoolExecutor(2, thread_name_prefix="keyhouse-claim")
        self._estimator = ThreadPoolExecutor(1, thread_name_prefix="keyhouse-estimate")
        self.counters = Counters()
        self._inflight = Inflight()
        self._rollup = Rollup(self._store)
        self._refusals = RefusalLog(self._store)
        self._audit_notes = AuditNotes(self._store, opened.control.clock)
        self._journal = Journal(
            self._store.ledger, self._loop, intents=intents, on_committed=lambda _: self._rollup.wake()
        )
        self._transport = HttpTransport(max_connections_per_origin=settings.upstream_connections)
        self._keyring = Keyring(self._find_secret, settings.keyring_size, self._reads)
        self._authenticator = Authenticator(self._keyring, opened.peppers)
        self._reservations = MemoryReservations(LedgerBalances(self._journal, self._store))
        self._counters = WindowCounters()
        self._grants = Grants(self._read_rules(), self._counters, self._reservations)
        self._idempotency = Idempotency(
            self._store, opened.sealer, self._claims, max_bytes=settings.idempotency_max_bytes
        )
        head = self._change_head()
        self._watch = self._build_watch()
        self.trust = ClientTrust(load_anchors(self._store))
        self._relay = self._build_relay()
        self._follower = ChangeFollower(
            self._store,
            {
                ChangeKind.BUDGETS: self._rules_changed,
                ChangeKind.CERTIFICATES: self._certificates_changed,
                ChangeKind.KEY: self._key_changed,
                ChangeKind.LIMITS: self._rules_changed,
                ChangeKind.ORGANIZATION: self._organization_changed,
                ChangeKind.PRICES: self._prices_changed,
                ChangeKind.PROJECT: self._project_changed,
                ChangeKind.UPSTREAMS: self._upstreams_changed,
            },
            self._reads,
            head,
        )
        self.control = Control(
            store=self._store,
            clock=opened.control.clock,
            peppers=opened.peppers,
            sealer=opened.sealer,
            announce=self._announce,
            list_models=opened.control.list_models,
            public_url=settings.reached_at,
        )
        self.lobby = self._build_lobby()

    async def start(self) -> None:
        """Begins the background work. Calls may be served as soon as this returns."""
        await asyncio.to_thread(self._take_up)
        self._rollup.start()
        self._watch.start()
        if self._local is not None:
            await self._local.start()
        self._control_socket = await announce.listen(self._settings.data, self._follower)
        works = (
            self.lobby.keep_time(),
            self._inflight.expire(self.control.clock),
            self._follower.follow(),
            self._idempotency.tend(),
        )
        for work in works:
            self._background.append(self._loop.create_task(work))

    def _take_up(self) -> None:
        """What the last gateway left is taken up before the first call: claims, and what limits of a day have counted."""
        self._idempotency.release_of_others()
        catch_up(self._store)
        restore_day_limits(self._counters, self._store, self.control.clock())

    def cut_calls(self) -> None:
        """Ends the calls that are running: each is told and settled as interrupted."""
        self._inflight.cut_all(Outcome.INTERRUPTED)

    async def stop(self) -> None:
        """Ends everything in order: the last rows are durable and rolled up before the store closes."""
        self._control_socket.close()
        announce.socket_path(self._settings.data).unlink(missing_ok=True)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._local is not None:
            await self._local.stop()
        await self._transport.aclose()
        await self._journal.close()
        pools = (self._claims, self._estimator, self._reads)
        for close in (
            self._refusals.close,
            self._audit_notes.close,
            self._rollup.close,
            self._watch.close,
            *(pool.shutdown for pool in pools),
        ):
            await asyncio.to_thread(close)
        self._intents.close()

    def authenticate_admin(self, authorization: str | None, address: str | None) -> Caller:
        """Who calls the administration API from this address (None: unknown). Blocks; for worker threads. Raises 401, and 403
        for a project key; `KnownCallerError` where the key is known."""
        raw = None if authorization is None else authorization.encode("latin-1", "replace")
        waiting = self._authenticator.authenticate(raw, self.control.clock())
        try:
            credential = asyncio.run_coroutine_threadsafe(waiting, self._loop).result(ANNOUNCE_SECONDS)
        except EndedKeyError as error:
            raise KnownCallerError(error, _caller(error.credential, address)) from None
        caller = _caller(credential, address)
        try:
            require_network(credential, address or "")
            require_admin_key(credential)
        except KeyhouseError as error:
            raise KnownCallerError(error, caller) from None
        with self._store.read() as tx:
            return replace(caller, authority=authority.of_admin_key(tx, credential.key))

    def note_refusal(self, caller: Caller, error: KeyhouseError, method: str, path: str) -> None:
        """Remembers, for the audit, a call of the administration API that a known key was refused."""
        self._audit_notes.refused_call(caller.organization_id, caller.actor, error, method, path)

    async def serve(self, exchange: Exchange) -> None:
        """Answers one exchange of the short way."""
        if exchange.path in health.PATHS:
            health.answer(exchange, self._problem)
        else:
            await self._relay.serve(exchange)

    def _problem(self) -> str | None:
        return None if self._journal.available else "usage cannot be recorded"

    # --- building ---

    def _build_relay(self) -> Relay:
        settings = self._settings
        return Relay(
            authenticator=self._authenticator,
            trust=self.trust,
            gate=Gate(self._grants, _context_windows, settings.budget_slice_tokens, self._estimator),
            router=self._read_router(),
            price_book=PriceBook.load(self._store),
            transport=self._transport,
            journal=self._journal,
            intents=self._intents,
            refusals=self._refusals,
            inflight=self._inflight,
            idempotency=self._idempotency,
            counters=self.counters,
            estimator=self._estimator,
            timeouts=Timeouts(
                pool=settings.upstream_pool_timeout,
                connect=settings.upstream_connect_timeout,
                first_byte=settings.upstream_first_byte_timeout,
                idle=settings.upstream_idle_timeout,
            ),
            max_body_bytes=settings.max_body_bytes,
            max_response_bytes=settings.max_response_bytes,
            on_ended_key=lambda credential, address: self._audit_notes.used_after_revocation(
                credential.key, address or None
            ),
        )

    def _build_watch(self) -> Watch:
        settings = self._settings
        letters = outbox(
            self._store,
            self._opened.sealer,
            self._opened.control.clock,
            smtp_url=settings.smtp_url,
            mail_from=settings.mail_from,
            webhook_private=settings.webhook_private,
        )
        return Watch(self._store, letters, self._opened.control.clock)

    def _build_lobby(self) -> Lobby:
        settings = self._settings
        return Lobby(
            self.serve,
            self.counters.refused,
            head_timeout=settings.head_timeout,
            keep_alive=settings.keep_alive,
            max_headers=settings.max_headers,
            max_header_bytes=settings.max_header_bytes,
            body_min_rate=settings.body_min_rate,
            max_connections=settings.max_connections,
            max_connections_per_address=settings.max_connections_per_address,
            proxies=Networks(settings.trusted_proxies) if settings.trusted_proxies else None,
        )

    # --- reading the store, in a worker thread ---

    def _find_secret(self, public_id: str) -> StoredSecret | None:
        with self._store.read() as tx:
            return tx.keys.find_secret(public_id)

    def _read_router(self) -> Router:
        with self._store.read() as tx:
            upstreams, house = tx.upstreams.all(), tx.organizations.first()
        keys = {
            upstream.id: self._opened.sealer.open(upstream.sealed_key, seal_context(upstream.id)).decode("latin-1")
            if upstream.sealed_key is not None
            else None
            for upstream in upstreams
        }
        built_in = local.targets(self._local) if self._local is not None else []
        return in_order(upstreams, keys, built_in, None if house is None else house.id)

    def _read_rules(self) -> Rules:
        rules = Rules.load(self._store)
        if rules.budget_ids():
            _context_windows()  # in this thread, not in the loop's
        return rules

    def _change_head(self) -> int:
        with self._store.read() as tx:
            return tx.changes.head()

    # --- what changes do ---

    def _announce(self, seq: int) -> None:
        """For the administration API, which runs in this process: blocks its worker thread, never the loop."""
        asyncio.run_coroutine_threadsafe(self._follower.through(seq), self._loop).result(ANNOUNCE_SECONDS)

    async def _key_changed(self, key_id: str) -> None:
        self._keyring.evict_key(key_id)
        for public_id in self._inflight.public_ids(key_id):
            fresh = await self._keyring.load(public_id)
            now = self.control.clock()
            ended = fresh is None or (fresh.valid_until is not None and fresh.valid_until <= now)
            if fresh is None or ended or not (fresh.usable and fresh.may_have_keys) or fresh.project_archived:
                self._inflight.cut(key_id, Outcome.REVOKED, public_id)
            else:
                self._inflight.renew(key_id, fresh)

    async def _project_changed(self, project_id: str) -> None:
        self._keyring.evict_project(project_id)
        for key_id in self._inflight.keys_of_project(project_id):
            await self._key_changed(key_id)

    async def _organization_changed(self, organization_id: str) -> None:
        self._keyring.evict_organization(organization_id)
        for key_id in self._inflight.keys_of_organization(organization_id):
            await self._key_changed(key_id)

    async def _prices_changed(self, _: str) -> None:
        self._relay.price_book = await self._loop.run_in_executor(self._reads, PriceBook.load, self._store)

    async def _upstreams_changed(self, _: str) -> None:
        self._relay.router = await self._loop.run_in_executor(self._reads, self._read_router)

    async def _certificates_changed(self, _: str) -> None:
        self.trust.anchors = await self._loop.run_in_executor(self._reads, load_anchors, self._store)

    async def _rules_changed(self, _: str) -> None:
        before = self._grants.rules
        self._grants.rules = await self._loop.run_in_executor(self._reads, self._read_rules)
        for budget_id in before.budget_ids() - self._grants.rules.budget_ids():
            self._reservations.forget(budget_id)


def _caller(credential: Credential, address: str | None) -> Caller:
    key = credential.key
    actor = Actor("api_key", key.user_id, key.id, address, service_account_id=key.service_account_id)
    return Caller(key.organization_id, actor, networks=key.ip_allowlist)


@functools.cache
def _context_windows() -> ContextWindows:
    """Read when the first budget needs them."""
    return ContextWindows.load({model.id: model.context_window for model in MODELS})
