"""Settings are refused in words, and without what they hold."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.settings import Settings


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080",
        "https://vendor.example",
        "https://proxy.example:443/yahoo/v1",
        "http://[::1]:80",
    ],
)
def test_addresses_of_vendors_are_taken_as_they_are(address):
    assert Settings(_env_file=None, yahoo_base_url=address).yahoo_base_url == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vendor.example",
        "ftp://vendor.example",
        "https://",
        "https://vendor.example/",
        "https://vendor.example/api/",
        "https://vendor.example?key=hidden",
        "https://vendor.example#hidden",
        "https://user:hidden@vendor.example",
        "https://vendor.example:99999",
        "https://vendor.example:https",
        "https://:443",
        "https://[::1",
        "https://vendor.example\n",
        "https://vendor.example/a\u00a0b",
    ],
)
def test_what_cannot_be_a_vendors_address_is_refused_in_words(address):
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, yahoo_base_url=address)
    (fault,) = caught.value.errors()
    assert fault["loc"] == ("yahoo_base_url",)
    assert fault["msg"].startswith("must be an address that begins with http:// or https://")
    assert "hidden" not in fault["msg"]
