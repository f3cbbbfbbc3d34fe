"""The first run: a house is made, and its secrets are told once."""

from __future__ import annotations

from keyhouse.app.house import Opened
from keyhouse.app.local import free_prices
from keyhouse.control.setup import FirstFacts
from keyhouse.control.setup import initialise as initialise_house
from keyhouse.ledger.pricing import packaged_prices
from keyhouse.upstream.local import MODELS


def initialise(house: Opened) -> FirstFacts:
    """Fills the empty house, with the packaged prices and free built-in models. Raises `already_initialised`."""
    now = house.control.clock()
    return initialise_house(house.control, [*packaged_prices(now), *free_prices(now)])


def told(facts: FirstFacts, url: str, *, local_model: bool) -> str:
    """The first facts for a person, ending in a request that works when it is pasted."""
    return f"""
  A new house. Its secrets are shown this once: keep them in a password manager.

    organization      {facts.organization_id}
    project           {facts.project_id}
    owner             {facts.owner_email}
    owner's password  {facts.owner_password}
    admin key         {facts.admin_key}
    API key           {facts.api_key}

  The first request:

{first_request(facts.api_key, url, local_model=local_model)}
"""


def first_request(api_key: str, url: str, *, local_model: bool) -> str:
    """Shell lines for a first call."""
    export = f"export OPENAI_API_KEY={api_key}\n"
    authorization = '-H "Authorization: Bearer $OPENAI_API_KEY"'
    if not local_model:
        return export + f"curl {url}/v1/models {authorization}"
    # Bounded: so small a model may ramble on, and a first answer that takes a minute looks like none.
    messages = '[{"role": "user", "content": "Say hello."}]'
    body = f'{{"model": "{MODELS[0].id}", "max_tokens": 50, "temperature": 0, "messages": {messages}}}'
    return (
        export + f"curl {url}/v1/chat/completions {authorization} \\\n  -H 'Content-Type: application/json' -d '{body}'"
    )
