"""All sources, with the addresses and keys of the settings."""

from __future__ import annotations

from collections.abc import Mapping

from app.settings import Settings
from app.sources.artemis import Artemis
from app.sources.coinbase import Coinbase
from app.sources.coinmetrics import CoinMetrics
from app.sources.crypto import Crypto
from app.sources.names import SourceName
from app.sources.source import Source
from app.sources.yahoo import Yahoo

_NEED_THE_ARTEMIS_KEY = frozenset({SourceName.ARTEMIS, SourceName.CRYPTO})


def needed_key(name: SourceName) -> str | None:
    """The environment variable that must hold a key for this source, if it needs one."""
    return "ARTEMIS_API_KEY" if name in _NEED_THE_ARTEMIS_KEY else None


def is_configured(name: SourceName, settings: Settings) -> bool:
    """Whether the key that the source needs, if any, is set."""
    return needed_key(name) is None or settings.artemis_api_key is not None


def build_sources(settings: Settings) -> Mapping[SourceName, Source]:
    key = settings.artemis_api_key
    artemis = Artemis(settings.artemis_base_url, None if key is None else key.get_secret_value())
    coinbase = Coinbase(settings.coinbase_base_url)
    return {
        SourceName.COINMETRICS: CoinMetrics(settings.coinmetrics_base_url),
        SourceName.COINBASE: coinbase,
        SourceName.ARTEMIS: artemis,
        SourceName.YAHOO: Yahoo(settings.yahoo_base_url),
        SourceName.CRYPTO: Crypto(artemis, coinbase),
    }
