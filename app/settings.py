"""The validated environment: every setting, its default and why it exists."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
_BASE_URL = re.compile(r"https?://[^/?#@\s]+(/[^?#@\s]*[^/?#@\s])?")


def _base_url(value: str) -> str:
    # in words, not as a pattern; and without the value, which may hold a password
    if not _BASE_URL.fullmatch(value) or not _has_host_and_port(value):
        raise PydanticCustomError(
            "base_url",
            "must be an address that begins with http:// or https://, without credentials, query or a slash "
            "at its end",
        )
    return value


def _has_host_and_port(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port that there can be, or half of an IPv6 address
        return False


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""An address without query, credentials or a slash at its end."""

LOCAL_ORIGINS = tuple(
    f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (3000, 4200, 5173, 8000, 8080)
)
"""Where the development servers of front ends usually are."""


class Settings(BaseSettings):
    """Read from the environment (`FACTORQL_...`) and `.env`; the environment wins."""

    model_config = SettingsConfigDict(
        env_prefix="FACTORQL_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    data_dir: Path = Path("data")
    database_url: SecretStr | None = None
    """SQLite inside the data directory unless given; secret because it may hold a password."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    api_token: SecretStr | None = None
    allow_anonymous_reads: bool = False
    """With a token set, whether queries and subscriptions may go without it; mutations never may."""
    allowed_hosts: CommaSeparated = ()
    cors_origins: CommaSeparated = LOCAL_ORIGINS
    """Origins whose pages may ask and change as the server's own may; empty for none but its own."""

    max_concurrent_runs: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, le=64)
    max_queued_runs: int = Field(1000, ge=1)
    run_timeout_seconds: float = Field(300.0, gt=0)
    run_memory_mb: int = Field(4096, ge=256)
    optimize_timeout_seconds: float = Field(60.0, gt=0)
    """Of one portfolio optimisation: whoever asks for it waits."""

    max_concurrent_fetches: int = Field(2, ge=1, le=16)
    fetch_timeout_seconds: float = Field(7200.0, gt=0)
    """A long span of many assets takes as long as the vendor's rate limit dictates."""
    source_cache_hours: float = Field(24.0, ge=0, le=24 * 365)
    """How long a vendor's answer is taken from disk instead of being asked for again."""
    max_response_bytes: int = Field(50_000_000, ge=1_000)
    """Of one answer of a vendor, decompressed."""

    max_json_bytes: int = Field(1_000_000, ge=1_000)
    max_upload_bytes: int = Field(25_000_000, ge=1_000)
    max_upload_files: int = Field(20, ge=1)
    max_decompressed_bytes: int = Field(500_000_000, ge=1_000)

    rest_dataset: str | None = None
    """The name of the dataset that REST computes on; unless given, the one that is the default anyway."""
    csv_log_dir: Path | None = None
    """Where each factor run that this server finishes is appended to CSV logs, as the older system did."""

    artemis_api_key: SecretStr | None = Field(None, validation_alias="ARTEMIS_API_KEY")
    artemis_base_url: BaseUrl = "https://data-svc.artemisxyz.com"
    coinbase_base_url: BaseUrl = "https://api.coinbase.com"
    coinmetrics_base_url: BaseUrl = "https://community-api.coinmetrics.io"
    yahoo_base_url: BaseUrl = "https://query1.finance.yahoo.com"
    """Where the vendors are. No request can change them: only whoever runs the server."""

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "api_token", "database_url", "artemis_api_key", "rest_dataset", "csv_log_dir", mode="before"
    )
    @classmethod
    def _empty_means_unset(cls, value: object) -> object:
        return None if value == "" else value

    @cached_property
    def store_url(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.resolve() / 'factorql.sqlite'}"

    @property
    def datasets_dir(self) -> Path:
        """Immutable snapshots, one folder a fingerprint."""
        return self.data_dir / "datasets"

    @property
    def cache_dir(self) -> Path:
        """Derived arrays that may be deleted at any time."""
        return self.data_dir / "cache"

    @property
    def artifacts_dir(self) -> Path:
        """Arrays of risk models, one folder a run, which the database refers to."""
        return self.data_dir / "artifacts"
