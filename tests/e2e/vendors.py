"""Stand-ins of all vendors, and what a real process needs to know to ask them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date

from tests.app.sources.stand_ins import artemis, coinbase, coinmetrics, yahoo
from tests.app.sources.stand_ins.faults import Faults, serve_in_thread

UNTIL = date(2026, 6, 30)


@dataclass(frozen=True, slots=True)
class Vendors:
    """The faults of each stand-in, by name, and the settings that lead to them."""

    faults: dict[str, Faults] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


@contextmanager
def vendors(*, coins: int | None = None) -> Iterator[Vendors]:
    """coins: that many plain products at Coinbase instead of its odd ones."""
    found = Vendors(settings={"ARTEMIS_API_KEY": artemis.KEY})
    listings = coinbase.LISTINGS if coins is None else coinbase.many(coins)
    with ExitStack() as stack:
        for name in ("coinmetrics", "coinbase", "artemis", "yahoo"):
            faults = found.faults[name] = Faults()
            if name == "coinmetrics":
                application = coinmetrics.application(faults)
            elif name == "coinbase":
                application = coinbase.application(faults, listings=listings)
            elif name == "artemis":
                application = artemis.application(faults)
            else:
                application = yahoo.application(faults)
            found.settings[f"{name}_base_url"] = stack.enter_context(serve_in_thread(application))
        yield found
