"""Schemas: created, upgraded from every earlier one with its data, refused where they are newer or not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    create_engine,
    insert,
    select,
    text,
    update,
)

from keyhouse.store import files, schema, tables
from keyhouse.store.contract import SchemaError, Width
from keyhouse.store.migrations import Part
from keyhouse.store.opening import open_store
from keyhouse.store.sqlite import CONTROL_FILE, LEDGER_FILE, sqlite_engine
from keyhouse.store.types import Text
from keyhouse.store.upgrade import revisions, upgrade
from tests.fixtures.postgres import PostgresServer
from tests.store.makers import rollup_key, rollup_sums
from tests.store.rollup_model import added_up, folds, told

Rows = dict[str, list[dict[str, Any]]]


class Databases:
    """The one or two databases of a house, as they are below the store."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.folder = folder
        self.url = url
        both = [tables.control, tables.ledger]
        self.parts: Sequence[tuple[str, list[Part], list[MetaData]]] = (
            [("", list(Part), both)]
            if url
            else [(CONTROL_FILE, [Part.CONTROL], both[:1]), (LEDGER_FILE, [Part.LEDGER], both[1:])]
        )

    def open(self) -> None:
        open_store(self.folder, self.url).close()

    @contextmanager
    def connect(self, name: str) -> Iterator[Connection]:
        if self.url is None:
            files.make_private(self.folder, ())
            files.create_private(self.folder / name)
            engine = sqlite_engine(self.folder / name, "BEGIN IMMEDIATE", connections=1)
        else:
            user_and_database, _, host = self.url.partition("?host=")
            socket = f"{host}/.s.PGSQL.5432"
            engine = create_engine(
                user_and_database.replace("postgresql", "postgresql+pg8000"), connect_args={"unix_sock": socket}
            )
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def create(self, revision: str) -> None:
        for name, parts, _ in self.parts:
            with self.connect(name) as connection:
                upgrade(connection, parts, "here", revision)

    def versions(self) -> list[str | None]:
        return [self._version(name) for name, _, _ in self.parts]

    def rows(self) -> Rows:
        """Every row of every table but the version's."""
        found: Rows = {}
        for name, _, _ in self.parts:
            with self.connect(name) as connection:
                for table in reflected(connection).sorted_tables:
                    found[table.name] = [dict(row._mapping) for row in connection.execute(select(table))]
        return found

    def fill(self) -> None:
        for name, _, _ in self.parts:
            with self.connect(name) as connection:
                for table in reflected(connection).sorted_tables:
                    for number in (2, 3):
                        connection.execute(
                            insert(table).values({c.name: sample(c.type, number) for c in table.columns})
                        )

    def _version(self, name: str) -> str | None:
        with self.connect(name) as connection:
            return schema.version_of(connection)


@pytest.fixture
def databases(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Databases]:
    if backend == "sqlite":
        yield Databases(tmp_path / "house", None)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create()
    yield Databases(tmp_path / "house", server.url(name))
    server.drop(name)


def test_a_new_house_has_the_current_schema(databases: Databases) -> None:
    databases.open()
    assert set(databases.versions()) == {schema.HEAD}
    assert revisions()[-1] == schema.HEAD


def test_the_migrations_and_the_code_agree_on_every_table(databases: Databases) -> None:
    databases.open()
    for name, _, metadata in databases.parts:
        with databases.connect(name) as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "version_table": schema.VERSION_TABLE}
            )
            assert compare_metadata(context, metadata) == []  # type: ignore[arg-type] # it takes several, and says one


@pytest.mark.parametrize("revision", revisions())
def test_a_house_of_any_earlier_schema_is_upgraded_with_its_data(databases: Databases, revision: str) -> None:
    databases.create(revision)
    databases.fill()
    before = databases.rows()
    databases.open()
    after = databases.rows()
    assert set(databases.versions()) == {schema.HEAD}
    assert sum(map(len, before.values())) > 10
    for name, rows in before.items():
        assert [{column: row[column] for column in rows[0]} for row in after[name]] == rows


def test_the_oldest_organization_of_a_house_of_before_runs_it(databases: Databases) -> None:
    databases.create("0023")
    with databases.connect(databases.parts[0][0]) as connection:
        was = reflected(connection).tables["organizations"]
        for id_, created_at in (("org-b", 7), ("org-c", 9), ("org-a", 7)):
            connection.execute(insert(was).values(id=id_, name=id_, created_at=created_at))
    store = open_store(databases.folder, databases.url)
    with store.read() as tx:
        assert [organization.id for organization in tx.organizations.all()] == ["org-a", "org-b", "org-c"]
    store.close()


def test_roles_of_before_grant_nothing_about_the_house_any_more(databases: Databases) -> None:
    databases.create("0023")
    words = ["api.groups.read", "api.organization.prices.write", "api.organization.upstreams.read"]
    with databases.connect(databases.parts[0][0]) as connection:
        was = reflected(connection).tables
        connection.execute(insert(was["organizations"]).values(id="org-a", name="A", created_at=7))
        facts = {"organization_id": "org-a", "kind": "api.organization", "created_at": 7, "updated_at": 7}
        for name, granted in (("some", words), ("none", ["api.organization.upstreams.write"])):
            row = {**facts, "id": name, "name": name, "permissions": json.dumps(granted)}
            connection.execute(insert(was["roles"]).values(row))
    store = open_store(databases.folder, databases.url)
    with store.read() as tx:
        found = {role.id: role.words for role in tx.roles.all("org-a", None)}
    assert found == {"none": [], "some": ["api.groups.read", "api.organization.upstreams.read"]}
    store.close()


def test_sums_of_a_house_that_wrote_every_width_stay_and_go_on(databases: Databases) -> None:
    """Until schema 0003 a roll-up wrote minutes, hours and days; what was late, and what comes late now, counts once."""
    databases.create("0003")
    minutes = [(rollup_key(n * 1740, key_id=f"key_{n % 3}"), rollup_sums(n)) for n in range(1, 100)]
    with databases.connect(databases.parts[0][0]) as connection:
        was = reflected(connection).tables
        for width, sums in zip(Width, added_up(minutes), strict=True):
            for key, total in sums:
                row = {"width": width.value, **key._asdict(), **total._asdict()}
                connection.execute(insert(was["rollups"]).values(row))
        connection.execute(update(was["rollup_mark"]).values(through_seq=99))
    store = open_store(databases.folder, databases.url)
    assert told(store) == added_up(minutes)
    newest = max(key.bucket for key, _ in minutes)
    for number, seconds in enumerate((0, 60, -7200, 3600, -newest, 86400, 9 * 3600, 2 * 86400)):
        minutes.append((rollup_key(newest // 60 * 60 + seconds, model="new"), rollup_sums(100 + number)))
        with store.write() as tx:
            tx.rollups.apply(100 + number, dict(minutes[-1:]))
        assert told(store) == added_up(minutes)
        folds(store, newest + seconds)
        assert told(store) == added_up(minutes)
    store.close()


def test_an_upgrade_that_fails_leaves_everything_as_it_was(databases: Databases) -> None:
    """The last step creates rollups first and then refusals, which are there already."""
    databases.create("0002")
    with databases.connect(databases.parts[0][0]) as connection:
        connection.execute(text("CREATE TABLE refusals (id INTEGER)"))
    before = databases.rows()
    with pytest.raises(SchemaError, match="left as it is"):
        databases.open()
    assert databases.rows() == before
    assert databases.versions()[0] == "0002"


def test_a_newer_schema_is_refused_with_a_sentence(databases: Databases) -> None:
    databases.open()
    databases.fill()
    before = databases.rows()
    with databases.connect(databases.parts[0][0]) as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(SchemaError, match=r"schema 9999.*newer"):
        databases.open()
    assert databases.rows() == before


def test_a_newer_ledger_is_refused_before_the_older_file_beside_it_is_touched(tmp_path: Path) -> None:
    databases = Databases(tmp_path / "house", None)
    databases.create("0002")
    with databases.connect(LEDGER_FILE) as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(SchemaError, match=LEDGER_FILE):
        databases.open()
    assert databases.versions() == ["0002", "9999"]


def test_a_foreign_database_is_refused_and_left_alone(databases: Databases) -> None:
    with databases.connect(databases.parts[0][0]) as connection:
        connection.execute(text("CREATE TABLE blog_posts (id INTEGER)"))
    with pytest.raises(SchemaError, match="blog_posts"):
        databases.open()
    assert databases.rows() == {"blog_posts": []}


def test_processes_that_start_at_once_share_one_upgrade(databases: Databases) -> None:
    databases.create("0001")
    program = "import sys; from pathlib import Path; from keyhouse.store.opening import open_store; "
    program += "open_store(Path(sys.argv[1]), sys.argv[2] or None).close()"
    command = [sys.executable, "-c", program, str(databases.folder), databases.url or ""]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, errors
    assert set(databases.versions()) == {schema.HEAD}


def test_opening_a_current_house_imports_neither_alembic_nor_the_other_driver(tmp_path: Path) -> None:
    open_store(tmp_path / "house").close()
    program = "import sys; from pathlib import Path; from keyhouse.store.opening import open_store; "
    program += "open_store(Path(sys.argv[1])).close(); print({'alembic', 'pg8000'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "house")], check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"


def test_a_database_that_cannot_hold_every_text_is_refused(postgres: PostgresServer, tmp_path: Path) -> None:
    name = postgres.create(encoding="LATIN1")
    with pytest.raises(SchemaError, match="UTF8"):
        open_store(tmp_path, postgres.url(name))
    postgres.drop(name)


def test_texts_are_ordered_alike_whatever_the_databases_locale(
    postgres: PostgresServer, postgres_template: str
) -> None:
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE collation_name = 'C'"
    ordered = {(table, column) for table, column in postgres.execute(query, postgres_template)}
    for metadata in (tables.control, tables.ledger):
        for table in metadata.sorted_tables:
            texts = {(table.name, column.name) for column in table.columns if isinstance(column.type, Text)}
            assert texts <= ordered


def reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name != schema.VERSION_TABLE)
    return metadata


def sample(type_: Any, number: int) -> Any:
    """A value of this type; the same number gives what the foreign keys of other tables refer to."""
    if isinstance(type_, Boolean):
        return True
    if isinstance(type_, (BigInteger, Integer)):
        return number
    return bytes([number]) if isinstance(type_, LargeBinary) else str(number)
