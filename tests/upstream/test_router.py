"""Who answers a model: the order of the rules, and what another project can never see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.upstreams import Upstream
from keyhouse.upstream.router import Endpoint, ListedModel, Router, Target, in_order, parse_base_url, target_of

ORG, OTHER_ORG = "org-house", "org-other"
ALICES, BOBS = "proj_alice", "proj_bob"


def upstream(
    name: str, *models: str, project: str | None = None, at: int = 100, listed: tuple[str, ...] = (), org: str = ORG
) -> Upstream:
    return Upstream(
        f"ups_{name}", org, name, f"http://{name}.example/v1", models, at, project_id=project, listed_models=listed
    )


def built_in(model: str) -> Target:
    async def endpoint() -> Endpoint:
        raise AssertionError("nobody asked for it")

    return Target("local", None, None, None, (model,), (ListedModel(model, 7, "keyhouse"),), endpoint)


def routed(*upstreams: Upstream, last: Target | None = None, house: str | None = None) -> Router:
    return in_order(upstreams, dict.fromkeys(u.id for u in upstreams), [last] if last is not None else [], house)


def answers(router: Router, model: str, project: str = ALICES, org: str = ORG) -> str | None:
    target = router.route(model, org, project)
    return None if target is None else target.name


def names(router: Router, project: str = ALICES, org: str = ORG) -> list[str]:
    return [listed.id for listed in router.models(org, project)]


# --- the order of the rules ---


def test_an_exact_name_goes_before_a_glob_of_an_older_upstream() -> None:
    router = routed(upstream("glob", "gpt-*", at=1), upstream("exact", "gpt-4o", at=2))
    assert answers(router, "gpt-4o") == "exact"
    assert answers(router, "gpt-4o-mini") == "glob"


@pytest.mark.parametrize("pattern", ["m", "m*"])
def test_of_several_the_upstream_that_was_added_first_answers(pattern: str) -> None:
    older, newer = upstream("older", pattern, at=1), upstream("newer", pattern, at=2)
    assert answers(routed(newer, older), "m") == "older"


def test_a_projects_dedicated_upstream_goes_before_a_shared_one_of_the_same_rank() -> None:
    router = routed(upstream("shared", "m", at=1), upstream("dedicated", "m", project=ALICES, at=2))
    assert answers(router, "m", ALICES) == "dedicated"
    assert answers(router, "m", BOBS) == "shared"


def test_an_exact_name_goes_before_a_dedicated_upstreams_glob() -> None:
    router = routed(upstream("shared", "m", at=1), upstream("dedicated", "*", project=ALICES, at=2))
    assert answers(router, "m", ALICES) == "shared"
    assert answers(router, "other", ALICES) == "dedicated"


def test_a_built_in_model_answers_only_where_no_upstream_names_it() -> None:
    assert answers(routed(last=built_in("smol")), "smol") == "local"
    assert answers(routed(upstream("mine", "smol"), last=built_in("smol")), "smol") == "mine"
    assert answers(routed(upstream("mine", "smol*"), last=built_in("smol")), "smol-2") == "mine"


def test_a_model_that_nobody_serves_goes_nowhere() -> None:
    router = routed(upstream("openai", "gpt-*"), last=built_in("smol"))
    for model in ("", "gpt", "GPT-4o", "smolx", "smol ", "*", "gpt-4o\n"[:-1].upper()):
        assert answers(router, model) is None


def test_an_upstream_without_models_serves_what_it_listed() -> None:
    router = routed(upstream("ollama", listed=("llama", "qwen")))
    assert answers(router, "qwen") == "ollama"
    assert answers(router, "gpt-4o") is None
    assert names(router) == ["llama", "qwen"]


@pytest.mark.parametrize(
    ("pattern", "model", "matches"),
    [
        ("gpt-*", "gpt-4o", True),
        ("gpt-*", "gpt-", True),
        ("gpt-*", "xgpt-4o", False),
        ("o?", "o3", True),
        ("o?", "o3-mini", False),
        ("[ab]-model", "b-model", True),
        ("[ab]-model", "[ab]-model", True),
        ("org/*", "org/a/b", True),
        ("*", "anything:at/all", True),
    ],
)
def test_globs(pattern: str, model: str, matches: bool) -> None:
    assert (answers(routed(upstream("u", pattern)), model) == "u") is matches


# --- who sees what ---


def test_a_dedicated_upstream_is_invisible_to_other_projects_and_organizations() -> None:
    router = routed(upstream("dedicated", "m", "g-*", project=ALICES, listed=("g-1",)))
    assert answers(router, "m", ALICES) == answers(router, "g-1", ALICES) == "dedicated"
    assert names(router, ALICES) == ["g-1", "m"]
    for project, org in ((BOBS, ORG), (ALICES, OTHER_ORG), ("", ORG)):
        assert answers(router, "m", project, org) is None
        assert names(router, project, org) == []


def test_an_organizations_upstream_is_invisible_to_others_and_a_built_in_model_is_everybodys() -> None:
    router = routed(upstream("shared", "m"), last=built_in("smol"))
    assert answers(router, "m", "proj_x", OTHER_ORG) is None
    assert names(router, "proj_x", OTHER_ORG) == ["smol"]


def test_what_the_house_has_is_there_for_every_organization_but_where_it_is_dedicated() -> None:
    shared, dedicated = upstream("shared", "m", "g-*", listed=("g-1",)), upstream("dedicated", "d", project=ALICES)
    router = routed(shared, dedicated, house=ORG)
    assert answers(router, "m", "proj_x", OTHER_ORG) == answers(router, "g-1", BOBS) == "shared"
    assert names(router, "proj_x", OTHER_ORG) == ["g-1", "m"]
    assert answers(router, "d", ALICES) == "dedicated"
    assert answers(router, "d", "proj_x", OTHER_ORG) is None


def test_a_further_organizations_upstream_is_its_own_and_goes_before_the_houses() -> None:
    router = routed(upstream("house", "m", "n", at=1), upstream("own", "m", org=OTHER_ORG, at=2), house=ORG)
    assert answers(router, "m", "proj_x", OTHER_ORG) == "own"
    assert answers(router, "n", "proj_x", OTHER_ORG) == "house"
    assert answers(router, "m", ALICES) == "house"


projects = st.sampled_from([None, ALICES, BOBS])
orgs = st.sampled_from([ORG, OTHER_ORG])
patterns = st.sampled_from(["m", "n", "m*", "*", "n?"])


@given(
    st.lists(st.tuples(projects, orgs, st.lists(patterns, max_size=2)), max_size=5),
    st.lists(
        st.tuples(st.sampled_from(["m", "n", "mm", "n1", "z"]), orgs, st.sampled_from([ALICES, BOBS])), max_size=8
    ),
    st.sampled_from([None, ORG]),
)
def test_a_call_never_reaches_an_upstream_of_somebody_else(
    made: list[tuple[str | None, str, list[str]]], calls: list[tuple[str, str, str]], house: str | None
) -> None:
    upstreams = [upstream(f"u{n}", *p, project=project, org=org, at=n) for n, (project, org, p) in enumerate(made)]
    owners = {f"u{n}": org for n, (_, org, _) in enumerate(made)}
    router = routed(*upstreams, house=house)
    for model, org, project in calls:
        target = router.route(model, org, project)
        if target is not None:
            is_shared = owners[target.name] == house and target.project_id is None
            assert is_shared or owners[target.name] == org
            assert target.project_id in {None, project}
        fresh = routed(*upstreams, house=house).route(model, org, project)
        assert (target and target.name) == (fresh and fresh.name), "what is remembered changes nothing"


def test_what_is_remembered_of_callers_names_is_bounded() -> None:
    router = routed(upstream("u", "m-*"))
    for n in range(25_000):
        assert answers(router, f"m-{n}") == "u"
    assert len(router._routes) <= 10_000


# --- the list of models ---


def test_models_are_listed_once_ordered_by_id_under_who_answers_them() -> None:
    router = routed(
        upstream("older", "b", "a-*", listed=("a-1", "c"), at=1), upstream("newer", "b", "c", listed=("a-1",), at=2)
    )
    assert [(listed.id, listed.owned_by, listed.created) for listed in router.models(ORG, ALICES)] == [
        ("a-1", "older", 1),
        ("b", "older", 1),
        ("c", "newer", 2),
    ]


def test_a_listed_model_that_the_upstreams_models_exclude_is_not_shown() -> None:
    assert names(routed(upstream("u", "gpt-*", listed=("gpt-4o", "whisper")))) == ["gpt-4o"]


def test_a_glob_is_no_model() -> None:
    assert names(routed(upstream("u", "gpt-*", "named"))) == ["named"]


# --- the base URL ---


@pytest.mark.parametrize(
    ("text", "authority", "path"),
    [
        ("https://api.openai.com/v1", "api.openai.com", "/v1"),
        ("https://api.openai.com/v1/", "api.openai.com", "/v1"),
        ("http://127.0.0.1:11434/v1", "127.0.0.1:11434", "/v1"),
        ("http://[::1]:8080", "[::1]:8080", ""),
        ("https://h:443//", "h", ""),
    ],
)
def test_a_base_url_names_an_origin(text: str, authority: str, path: str) -> None:
    origin = parse_base_url(text)
    assert (origin.authority, origin.base_path) == (authority, path)


@pytest.mark.parametrize(
    "text",
    [
        "", "api.openai.com/v1", "ftp://h/v1", "https://", "https:///v1", "https://key@h/v1", "https://user:key@h/v1",
        "https://h/v1?key=x", "https://h/v1#x", "https://h:99999/v1", "https://h:x/v1", "https://h/v 1", "https://h/\r\nx: y",
        "https://hä/v1", "http://[::1/v1", "javascript:alert(1)", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_by_name_and_without_repeating_it(text: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        parse_base_url(text)
    assert refused.value.param == "base_url"
    assert refused.value.message.startswith("The base URL ")
    assert "key@" not in refused.value.message


async def test_a_stored_upstreams_key_is_sent_to_it_and_shown_nowhere() -> None:
    target = target_of(upstream("openai", "gpt-4o"), "sk-upstream-secret", None)
    endpoint = await target.endpoint()
    assert endpoint.headers == ((b"authorization", b"Bearer sk-upstream-secret"),)
    assert "sk-upstream-secret" not in repr(target)
    assert (await target_of(upstream("free", "m"), None, None).endpoint()).headers == ()
