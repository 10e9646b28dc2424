import pytest
from pydantic import SecretStr
from strawberry.types.graphql import OperationType

from app.boundary.access import Access, Caller, UnsafeBind, check_bind, is_loopback
from app.errors import FactorQLError, Unauthenticated
from tests.app.boundary.live_server import settings_of

TOKEN = settings_of(api_token=SecretStr("s3cret-ü"))
READS_OPEN = settings_of(api_token=SecretStr("s3cret-ü"), allow_anonymous_reads=True)


@pytest.mark.parametrize(
    ("authorization", "caller"),
    [
        ("Bearer s3cret-ü", Caller.TRUSTED),
        ("bearer   s3cret-ü ", Caller.TRUSTED),
        (None, Caller.ANONYMOUS),
    ],
)
def test_the_right_token_is_trusted_and_none_is_anonymous(authorization, caller):
    assert Access.of(TOKEN).identify(authorization and authorization.encode()) is caller


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic s3cret-ü", "s3cret-ü", "Bearer s3cret-ü2"],
)
@pytest.mark.parametrize("settings", [TOKEN, READS_OPEN])
def test_a_wrong_token_is_never_taken_for_none(authorization, settings):
    with pytest.raises(Unauthenticated) as caught:
        Access.of(settings).identify(authorization.encode())
    assert "Authorization: Bearer" in caught.value.hint
    assert "s3cret" not in str(caught.value)


def test_tokens_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(
        "app.boundary.access.hmac.compare_digest", lambda a, b: compared.append((len(a), len(b))) or False
    )
    for presented in (b"Bearer x", b"Bearer " + b"y" * 500):
        with pytest.raises(Unauthenticated):
            Access.of(TOKEN).identify(presented)
    assert compared == [(32, 32), (32, 32)]


def test_an_anonymous_caller_may_read_only_where_the_setting_says_so_and_never_write():
    with pytest.raises(Unauthenticated):
        Access.of(TOKEN).admit(None)
    access = Access.of(READS_OPEN)
    assert access.operations(access.admit(None)) == {OperationType.QUERY, OperationType.SUBSCRIPTION}
    assert OperationType.MUTATION in access.operations(access.admit("Bearer s3cret-ü".encode()))


def test_without_a_token_every_caller_is_trusted_whatever_they_send():
    access = Access.of(settings_of())
    assert access.admit(None) is access.admit(b"Bearer anything") is Caller.TRUSTED


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback_may_be_bound_without_token(host):
    check_bind(host, settings_of())
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "example.org", "127.0.0.1.example.org"])
def test_any_other_address_needs_a_token(host):
    with pytest.raises(UnsafeBind) as caught:
        check_bind(host, settings_of())
    assert isinstance(caught.value, FactorQLError)
    assert "FACTORQL_API_TOKEN" in caught.value.hint
    check_bind(host, TOKEN)
