"""Which name a packaged price is for: genai-prices' match clauses as an ordered list of plain patterns.

A clause of genai-prices is asked for one provider at a time; Keyhouse has one table for all of them, so a name that several
providers know goes to the first in the ranking below. Names and patterns are compared in lower case, as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["exact", "prefix", "suffix", "contains", "regex"]

# Who runs models under names of its own: the earlier wins.
OWNERS = (
    "openai",
    "anthropic",
    "google",
    "mistral",
    "groq",
    "deepseek",
    "x-ai",
    "cohere",
    "perplexity",
    "moonshotai",
    "zai",
    "zhipuai",
    "minimax",
    "meta",
    "voyageai",
    "elevenlabs",
)

# Who sells models of others, ranked after the owners and only by ids of its own, which this pattern finds: a bare
# `llama3.1-8b` may as well be somebody's own vLLM and must not get a stranger's price.
RESELLERS = {
    "aws": r"^(?:[a-z]+\.)*[a-z0-9]+\.[a-z]",
    "cloudflare": r"^@cf/",
    "fireworks": r"^accounts/fireworks/",
    "databricks": r"^(?:databricks-|system\.ai\.)",
    "cerebras": r"^cerebras/",
    "openrouter": r"/",
    "together": r"/",
    "novita": r"/",
    "arcee": r"/",
    "baseten": r"/",
    "modal": r"/",
    "doubleword": r"/",
    "avian": r"/",
}


class Matcher(NamedTuple):
    kind: Kind
    pattern: str

    def matches(self, name: str) -> bool:
        """Whether it matches the name, which is in lower case."""
        match self.kind:
            case "exact":
                return name == self.pattern
            case "prefix":
                return name.startswith(self.pattern)
            case "suffix":
                return name.endswith(self.pattern)
            case "contains":
                return self.pattern in name
            case "regex":
                return re.search(self.pattern, name) is not None


class Claim(NamedTuple):
    """A model, and whose it is."""

    provider: str
    model: Any


@dataclass
class Claims:
    """Every name and pattern with the model that it stands for. An exact name counts before all patterns; they count in order."""

    exact: dict[str, Claim] = field(default_factory=dict)
    patterns: dict[Matcher, Claim] = field(default_factory=dict)

    def by_pattern(self, name: str) -> Claim | None:
        return next((claim for matcher, claim in self.patterns.items() if matcher.matches(name)), None)


def claims_of(providers: Iterable[Any]) -> Claims:
    """Who has which name, over all ranked providers."""
    by_id = {provider.id: provider for provider in providers}
    claims = Claims()
    for provider_id in (*OWNERS, *RESELLERS):
        if provider_id in by_id:
            _claim_all(claims, by_id[provider_id])
    return claims


def _claim_all(claims: Claims, provider: Any) -> None:
    rules = [(matcher, model) for model in provider.models for matcher in matchers(model.match)]
    for name in _exact_names(rules, provider):
        first = next(model for matcher, model in rules if matcher.matches(name))
        if provider.id in RESELLERS or claims.by_pattern(name) is None:
            claims.exact.setdefault(name, Claim(provider.id, first))
    for matcher, model in rules:
        if matcher.kind != "exact" and _is_specific(matcher, provider):
            claims.patterns.setdefault(matcher, Claim(provider.id, model))


def _exact_names(rules: list[tuple[Matcher, Any]], provider: Any) -> Iterator[str]:
    named = [matcher.pattern for matcher, _ in rules if matcher.kind == "exact"]
    ids = [model.id.lower() for model in provider.models]
    matched_ids = [name for name in ids if any(matcher.matches(name) for matcher, _ in rules)]
    for name in dict.fromkeys([*named, *matched_ids]):
        if provider.id not in RESELLERS or re.search(RESELLERS[provider.id], name):
            yield name


def _is_specific(matcher: Matcher, provider: Any) -> bool:
    """Whether a pattern finds this provider's names only: a loose one must name the vendor as the provider's own rule does."""
    if provider.id in RESELLERS:
        return re.search(RESELLERS[provider.id], matcher.pattern.removeprefix("^")) is not None
    if matcher.kind in {"contains", "suffix"}:
        vendor = provider.model_match
        return vendor is not None and any(rule.matches(matcher.pattern) for rule in matchers(vendor))
    return matcher.kind == "prefix" or matcher.pattern.startswith("^")


def matchers(clause: Any) -> list[Matcher]:
    """A clause as alternatives, in order. Raises ValueError on a clause that this tool does not know."""
    fields = vars(clause)
    match next(iter(fields)):
        case "equals":
            return [Matcher("exact", fields["equals"].lower())]
        case "starts_with":
            return [Matcher("prefix", fields["starts_with"].lower())]
        case "ends_with":
            return [Matcher("suffix", fields["ends_with"].lower())]
        case "contains":
            return [Matcher("contains", fields["contains"].lower())]
        case "regex":
            return [Matcher("regex", fields["regex"])]
        case "or_":
            return [matcher for inner in fields["or_"] for matcher in matchers(inner)]
        case "and_":
            return [Matcher("regex", "^" + "".join(_lookahead(inner) for inner in fields["and_"]))]
        case unknown:
            raise ValueError(f"genai-prices has a match clause that this tool does not know: {unknown}")


def _lookahead(clause: Any) -> str:
    alternatives = matchers(clause)
    if len(alternatives) != 1:
        raise ValueError(f"an 'or' inside an 'and' cannot be written as one pattern: {clause}")
    kind, pattern = alternatives[0]
    match kind:
        case "exact":
            return f"(?={re.escape(pattern)}$)"
        case "prefix":
            return f"(?={re.escape(pattern)})"
        case "suffix":
            return f"(?=.*{re.escape(pattern)}$)"
        case "contains":
            return f"(?=.*{re.escape(pattern)})"
        case "regex":
            return f"(?=.*?(?:{pattern}))"
