"""The scalars of the graph: calendar days, moments in UTC, uploaded files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import strawberry
from graphql import GraphQLError
from strawberry.file_uploads import Upload
from strawberry.types.scalar import ScalarDefinition


def _parse_date(value: object) -> date:
    try:
        if isinstance(value, str) and len(value) == len("2024-01-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError(f"a Date is written as 2024-01-31, not as {value!r}")


def _parse_moment(value: object) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError(f"a DateTime is written as 2024-01-31T12:00:00Z, not as {value!r}")


SCALARS: Mapping[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="A calendar day in ISO 8601: `2024-01-31`.",
        serialize=date.isoformat,
        parse_value=_parse_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "A moment in ISO 8601. Answers are in UTC: `2024-01-31T12:00:00.250000+00:00`. "
            "As an input without an offset it is taken as UTC."
        ),
        serialize=datetime.isoformat,
        parse_value=_parse_moment,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description=(
            "A file, sent as the GraphQL multipart request specification says. Its name serves as a label "
            "and tells the format; it is never used as a path."
        ),
    ),
}
