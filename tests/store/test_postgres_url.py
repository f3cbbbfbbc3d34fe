"""URLs of PostgreSQL."""

from __future__ import annotations

import ssl

import pytest

from keyhouse.domain.errors import KeyhouseError
from keyhouse.store.postgres_url import connect_arguments, shown_url


def test_a_full_url_names_user_password_host_port_and_database() -> None:
    arguments = connect_arguments("postgresql://alice:p%40ss@db.example:6543/house?application_name=gate")
    assert arguments == {
        "user": "alice", "password": "p@ss", "host": "db.example", "port": 6543, "database": "house",
        "application_name": "gate", "ssl_context": None,
    }  # fmt: skip


def test_a_host_that_is_a_folder_is_a_unix_socket() -> None:
    arguments = connect_arguments("postgres://alice@/house?host=/run/postgresql")
    assert arguments["unix_sock"] == "/run/postgresql/.s.PGSQL.5432"
    assert "host" not in arguments


def test_sslmode_is_kept_as_libpq_means_it() -> None:
    def context(mode: str) -> object:
        return connect_arguments(f"postgresql://a@h/d?sslmode={mode}")["ssl_context"]

    assert context("disable") is False
    assert context("prefer") is None
    for mode, verified, named in (
        ("require", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ):
        made = context(mode)
        assert isinstance(made, ssl.SSLContext)
        assert (made.verify_mode, made.check_hostname) == (verified, named)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://alice:hunter2@h/d",
        "postgresql://alice:hunter2@h:port/d",
        "postgresql://alice:hunter2@h/d?sslmode=maybe",
        "postgresql://alice:hunter2@h/d?sslmode=verify-full&sslrootcert=/none.pem",
        "postgresql://alice:hunter2@h/d?target_session_attrs=any",
    ],
)
def test_what_is_not_understood_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(KeyhouseError) as caught:
        connect_arguments(url)
    assert caught.value.param == "KEYHOUSE_DATABASE_URL"
    assert "hunter2" not in caught.value.message


def test_a_url_is_shown_without_its_password() -> None:
    assert shown_url("postgresql://alice:hunter2@h:1/d?sslmode=disable") == "postgresql://h:1/d"
