"""Reading one typed line of the paper: a period, its order and its legs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tests.reference.hand_worked.arithmetic import decimal

ROOT_2 = Decimal(2).sqrt()


class Holding:
    """One asset of one leg: its weight, what it earned, and whether its price was missing."""

    def __init__(self, text: str) -> None:
        self.asset, weight, earned = text.split()
        self.weight = Fraction(weight)
        self.missing = earned.endswith("*")
        self.earned = Fraction(earned.rstrip("*"))


class Leg:
    def __init__(self, text: str) -> None:
        self.holdings = [Holding(part) for part in text.split(", ")]
        assert sum(h.weight for h in self.holdings) == 1, text
        self.result = sum((h.weight * h.earned for h in self.holdings), start=Fraction(0))
        self.assets = [h.asset for h in self.holdings]
        self.hhi = sum((h.weight**2 for h in self.holdings), start=Fraction(0))

    def on_paper(self) -> str:
        terms = []
        for h in self.holdings:
            earned = f"({h.earned})" if h.earned < 0 else f"{h.earned}"
            terms.append(f"{h.weight}·{earned}{'*' if h.missing else ''}")
        return f"{', '.join(self.assets)}: {' + '.join(terms)} = {self.result}"


class Period:
    """One typed line; `composites` are the growth z-scores by which `z` is replaced."""

    def __init__(self, line: str, unit: str, composites: dict[str, Decimal]) -> None:
        parts = [part.strip() for part in line.split("|")]
        self.date = parts[0]
        self.skipped = parts[2] == "skip"
        self.signals: dict[str, Fraction | Decimal | None] = {}
        self.signals_on_paper: dict[str, str | None] = {}
        if parts[1].startswith("unsigned"):
            self.signals = dict.fromkeys(parts[1].split()[1:])
            self.signals_on_paper = dict.fromkeys(self.signals)
        elif parts[1] != "none":
            for entry in parts[1].split(", "):
                asset, number = entry.split()
                if unit == "z":
                    self.signals[asset], self.signals_on_paper[asset] = composites[asset], None
                elif unit == "1/sqrt(2)":
                    exact = Fraction(number)
                    self.signals[asset] = decimal(exact) / ROOT_2
                    self.signals_on_paper[asset] = f"({exact})/sqrt(2)" if exact else "0"
                else:
                    self.signals[asset] = Fraction(number) * Fraction(unit)
                    self.signals_on_paper[asset] = str(self.signals[asset])
        self.order = list(self.signals)
        self.long = None if self.skipped else Leg(parts[2])
        self.short = Leg(parts[3]) if len(parts) == 4 else None

    @property
    def factor(self) -> Fraction:
        return self.long.result - (self.short.result if self.short else 0)

    @property
    def legs(self) -> list[Leg]:
        return [leg for leg in (self.long, self.short) if leg is not None]
