"""What a gateway does with its ledger, without HTTP: recovery, then calls, each with an intent before it and a row after it.

It tells its parent what it has done, a line each, and serves until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import random
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from keyhouse.domain.money import Price, Rates
from keyhouse.ledger.intents import Intents
from keyhouse.ledger.journal import Journal
from keyhouse.ledger.pricing import PriceBook
from keyhouse.ledger.recovery import recover
from keyhouse.store.contract import Ledger
from keyhouse.store.sqlite import open_sqlite
from tests.ledger.balanced import balance_number, priced_row
from tests.ledger.makers import make_intent

RECOVERING, SERVING, BEGUN, ANSWERED = "recovering", "serving", "begun", "answered"
INTENTS_FILE = "intents"
BOOK = PriceBook([Price("price_1", "gpt-4o-mini", 0, Rates(input=10**12, output=3 * 10**12))])
"""So that calls which recovery charges cost something too."""
_CALLERS = 24


def serve(folder: Path, start: int, out: Connection) -> None:
    """`start` numbers the starts of this house, so that every request id is new."""
    store = open_sqlite(folder)
    intents = Intents(folder / INTENTS_FILE, slots=8)
    tell(out, RECOVERING)
    recover(intents, store.ledger, BOOK)
    tell(out, SERVING)
    asyncio.run(answer_calls(store.ledger, intents, start, out))


async def answer_calls(ledger: Ledger, intents: Intents, start: int, out: Connection) -> None:
    journal = Journal(ledger, asyncio.get_running_loop(), intents=intents)

    async def caller(number: int) -> None:
        n = 0
        while True:
            request_id = f"req_{start}_{number}_{n}"
            slot = intents.begin(make_intent(request_id))
            tell(out, BEGUN, request_id)
            for events in range(random.randrange(4)):  # noqa: S311
                intents.relayed(slot, events, 4 * events)
                await asyncio.sleep(0)
            if n % 5 == 0:
                await journal.in_turn(partial(ledger.open_balance, balance_number(number + start)))
            await journal.append(priced_row(request_id), slot)
            tell(out, ANSWERED, request_id)
            n += 1

    await asyncio.gather(*map(caller, range(_CALLERS)))


def tell(out: Connection, *words: str) -> None:
    os.write(out.fileno(), (" ".join(words) + "\n").encode())
