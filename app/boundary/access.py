"""Who may do what: the one place that knows the token and what goes without it."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from enum import Enum, auto

from strawberry.types.graphql import OperationType

from app.errors import FactorQLError, Unauthenticated
from app.settings import Settings

READS = frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION})
EVERYTHING = READS | {OperationType.MUTATION}

_HINT = "Send the header 'Authorization: Bearer TOKEN' (WebSockets: the same in the connection_init payload)."


class Caller(Enum):
    TRUSTED = auto()
    """Sent the right token, or none is configured."""
    ANONYMOUS = auto()
    """Sent no token although one is configured."""


class UnsafeBind(FactorQLError):
    """The server would be reachable from other machines without a token."""

    code = "UNSAFE_BIND"


@dataclass(frozen=True, slots=True)
class Access:
    """The configured token, kept as a digest, and whether reads may go without it."""

    token_digest: bytes | None
    allow_anonymous_reads: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Access:
        token = settings.api_token
        digest = None if token is None else _digest(token.get_secret_value().encode())
        return cls(digest, settings.allow_anonymous_reads)

    @property
    def needs_token(self) -> bool:
        return self.token_digest is not None

    def identify(self, authorization: bytes | None) -> Caller:
        """Who sent this `Authorization` value; Unauthenticated if it is not the configured token.

        A wrong token is never taken for none. The comparison takes the same time for every token.
        """
        if self.token_digest is None:
            return Caller.TRUSTED
        if authorization is None:
            return Caller.ANONYMOUS
        scheme, _, token = authorization.strip().partition(b" ")
        matches = hmac.compare_digest(_digest(token.strip()), self.token_digest)
        if scheme.lower() != b"bearer" or not matches:
            raise Unauthenticated("The token is wrong.", hint=_HINT)
        return Caller.TRUSTED

    def admit(self, authorization: bytes | None) -> Caller:
        """As `identify`, but Unauthenticated also where an anonymous caller may not even read."""
        caller = self.identify(authorization)
        if caller is Caller.ANONYMOUS and not self.allow_anonymous_reads:
            raise Unauthenticated("A token is needed.", hint=_HINT)
        return caller

    def operations(self, caller: Caller) -> frozenset[OperationType]:
        """What an admitted caller may run."""
        return EVERYTHING if caller is Caller.TRUSTED else READS

    def refusal(self, operation: OperationType) -> Unauthenticated:
        """What to tell a caller whose operation is not among theirs."""
        return Unauthenticated(f"A token is needed for a {operation.value}.", hint=_HINT)


def check_bind(host: str, settings: Settings) -> None:
    """UnsafeBind if other machines could reach the server and no token protects it."""
    if settings.api_token is None and not is_loopback(host):
        raise UnsafeBind(
            f"Refusing to listen on {host or 'every address'}: other machines could reach it and no token"
            " is set.",
            hint="Set FACTORQL_API_TOKEN, or listen on 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, is this machine's own by its very spelling."""
    name = host.lower().removeprefix("[").removesuffix("]")
    if name == "localhost":
        return True
    address = as_address(name)
    return address is not None and address.is_loopback


def as_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that is spelled here, or None for names."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
