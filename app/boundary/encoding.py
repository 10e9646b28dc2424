"""Results as JSON, and the media types they are sent under."""

from __future__ import annotations

from typing import Any

import orjson

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


def encode(data: dict[str, Any] | list[Any]) -> bytes:
    """JSON in UTF-8; numpy arrays are lists, non-finite numbers null.

    Raises TypeError for what JSON cannot hold (an unknown type, an integer beyond 64 bits, half of a
    surrogate pair), which only a custom scalar can let through.
    """
    return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)


def negotiate(accept: str | None) -> str:
    """The media type to answer with: the one the client ranks higher, `application/json` on a tie.

    A client that accepts neither is answered with `application/json` nevertheless, as the GraphQL over
    HTTP specification allows: an error that can be read serves it better than status 406.
    """
    ranks = {JSON: 0.0, GRAPHQL_JSON: 0.0}
    for part in (accept or "").split(","):
        media_type, _, parameters = part.partition(";")
        media_type = media_type.strip().lower()
        if media_type in ranks:
            ranks[media_type] = max(ranks[media_type], _quality(parameters))
    return GRAPHQL_JSON if ranks[GRAPHQL_JSON] > ranks[JSON] else JSON


def prefers_page(accept: str | None) -> bool:
    """Whether HTML is ranked above JSON, as browsers do; who takes anything prefers neither."""
    # the most specific range decides (RFC 9110, 12.5.1), wherever it stands
    ranks = {
        "text/html": {"text/html": 2, "text/*": 1, "*/*": 0},
        JSON: {JSON: 2, "application/*": 1, "*/*": 0},
    }
    found = dict.fromkeys(ranks, (-1, 0.0))
    for part in (accept or "").split(","):
        media_range, _, parameters = part.partition(";")
        for media_type, specificity in ranks.items():
            rank = specificity.get(media_range.strip().lower())
            if rank is not None:
                found[media_type] = max(found[media_type], (rank, _quality(parameters)))
    return found["text/html"][1] > found[JSON][1]


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
