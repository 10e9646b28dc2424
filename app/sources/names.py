"""The names of the sources, apart from their clients, which take long to import."""

from __future__ import annotations

from enum import StrEnum


class SourceName(StrEnum):
    """Where a dataset can be fetched from."""

    COINMETRICS = "COINMETRICS"
    COINBASE = "COINBASE"
    ARTEMIS = "ARTEMIS"
    YAHOO = "YAHOO"
    CRYPTO = "CRYPTO"
