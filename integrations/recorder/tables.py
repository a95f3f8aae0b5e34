"""What the records look like, and how an older file becomes one of today.

Times are seconds since the epoch. Contexts stand in the rows as text; ``contexts`` has those that say more than
"something of its own accord": the ones with a cause, a user, or somebody who acted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from nanobot.errors import StorageError

metadata = MetaData()

Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts by itself in a column of just this type

entities = Table(
    "entities",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("entity_id", String(255), nullable=False, unique=True),
)

attributes = Table(
    "attributes",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("hash", BigInteger, nullable=False, index=True),
    Column("json", Text, nullable=False),
)

states = Table(
    "states",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entity", Id, nullable=False),
    Column("state", String(255)),  # NULL: the entity was removed
    Column("old", String(255)),  # NULL: it was new
    Column("attributes", Id),  # NULL: it has none
    Column("changed", Double),  # NULL: the same as ``updated``
    Column("updated", Double, nullable=False),
    Column("context", String(64)),
    Index("ix_states_entity_updated", "entity", "updated"),
    Index("ix_states_updated", "updated"),
    Index("ix_states_attributes", "attributes"),
    Index("ix_states_context", "context"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("data", Text, nullable=False),
    Column("time", Double, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("context", String(64)),
    Index("ix_events_time", "time"),
    Index("ix_events_type_time", "type", "time"),
    Index("ix_events_context", "context"),
)

contexts = Table(
    "contexts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("parent", String(64)),
    Column("user_id", String(255)),
    Column("actor", String(32)),
    Column("time", Double, nullable=False),
    Index("ix_contexts_parent", "parent"),
    Index("ix_contexts_time", "time"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("direction", String(8), nullable=False),  # in, out, failed
    Column("channel", String(255)),
    Column("session", String(255)),
    Column("chat", String(255)),
    Column("sender", String(255)),
    Column("text", Text, nullable=False),
    Column("time", Double, nullable=False),
    Column("context", String(64)),
    Column("details", Text),  # JSON of what else was told of it; NULL: nothing
    Index("ix_messages_time", "time"),
    Index("ix_messages_context", "context"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("item", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("started", Double, nullable=False),
    Column("finished", Double),
    Column("outcome", String(64)),
    Column("source", Text),
    Column("error", Text),
    Column("context", String(64)),
    Column("trace", Text),
    Index("ix_runs_item_started", "item", "started"),
    Index("ix_runs_started", "started"),
    Index("ix_runs_context", "context"),
)

series = Table(
    "series",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("entity_id", String(255), nullable=False, unique=True),
    Column("unit", String(255)),
    Column("kind", String(16), nullable=False),  # mean, angle, sum
)


def _statistics(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("series", Id, nullable=False),
        Column("start", Integer, nullable=False),
        Column("mean", Double),
        Column("min", Double),
        Column("max", Double),
        Column("state", Double),
        Column("sum", Double),
        PrimaryKeyConstraint("series", "start"),
        Index(f"ix_{name}_start", "start"),
        sqlite_with_rowid=False,
    )


short_statistics = _statistics("statistics_5minute")
statistics = _statistics("statistics_hour")

meta = Table(
    "meta", metadata, Column("key", String(64), primary_key=True), Column("value", String(255), nullable=False)
)

Migration = Callable[[Connection], None]


def _details_of_messages(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE messages ADD COLUMN details TEXT"))


MIGRATIONS: Sequence[Migration] = (_details_of_messages,)
"""The n-th leads from version n to n + 1, within one transaction."""


def prepare(connection: Connection) -> None:
    """Make the tables of a new file, or bring those of an older one up to date.

    Raises ``StorageError`` for records of a newer nanobot.
    """
    newest = len(MIGRATIONS) + 1
    if not inspect(connection).has_table("meta"):
        metadata.create_all(connection)
        connection.execute(insert(meta), {"key": "version", "value": str(newest)})
        return
    version = int(connection.execute(select(meta.c.value).where(meta.c.key == "version")).scalar_one())
    if version > newest:
        raise StorageError(
            f"the records were written by a newer nanobot (format {version}, this one knows {newest}); update nanobot, "
            "or move them away to begin anew"
        )
    for migrate in MIGRATIONS[version - 1 :]:
        migrate(connection)
    if version < newest:
        connection.execute(update(meta).where(meta.c.key == "version").values(value=str(newest)))
