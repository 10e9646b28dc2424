"""What the tables of `db.models` are made of: their base, and the columns that they have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Double, ForeignKey, Identity, Index, MetaData, text
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from db.columns import PlainText, RowId, UtcDateTime

_WHERE = "where"
"""In the info of an index: its condition."""

# Constraints that have names can be changed by later migrations on both databases.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of all tables, with a metadata of their own."""

    __table__: ClassVar[SqlTable]


def row_id_column() -> Any:
    return Field(default=None, sa_column=Column(RowId, Identity(), primary_key=True))


def reference_column(target: str, *, nullable: bool = False, index: bool = True) -> Any:
    column = Column(RowId, ForeignKey(target), nullable=nullable, index=index)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def part_of_column(target: str, *, primary_key: bool = True) -> Any:
    column = Column(RowId, ForeignKey(target, ondelete="CASCADE"), primary_key=primary_key, nullable=False)
    return Field(sa_column=column)


def text_column(*, primary_key: bool = False) -> Any:
    return Field(sa_type=PlainText, primary_key=primary_key)


def optional_text_column() -> Any:
    return Field(default=None, sa_type=PlainText)


def json_column() -> Any:
    return Field(sa_type=JSON, nullable=False)


def optional_json_column() -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True)))


def moment_column() -> Any:
    return Field(sa_type=UtcDateTime)


def optional_moment_column() -> Any:
    return Field(default=None, sa_type=UtcDateTime)


def number_column() -> Any:
    return Field(default=None, sa_type=Double)


def one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


def partial_index(name: str, *columns: str, unique: bool, where: str) -> Index:
    # Alembic alone reads it, after `with_conditions`: to name a dialect here is to import all of it.
    return Index(name, *columns, unique=unique, info={_WHERE: text(where)})


def with_conditions(metadata: MetaData) -> MetaData:
    """Return the metadata with the conditions of its partial indexes told to both dialects."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if (where := index.info.get(_WHERE)) is not None:
                index.dialect_kwargs.update(sqlite_where=where, postgresql_where=where)
    return metadata
