"""The typed paper: case by case, who is eligible, who is held, at what weight, and what it earned.

Nothing here is computed. Every line was written from `tables.py` by hand; `pocket_calculator.py` only adds,
multiplies and checks. One line a period:

    period end | eligible assets with their signal, in order | long leg | short leg

A holding is `asset weight return`; a star after the return marks a missing price, whose return is the case's
`missing_return`. Caps are in millions of USD, market cap / fees in thousands.
"""

from __future__ import annotations

FILTERS = {
    "market_cap_threshold": 100_000_000,
    "liquidity_threshold": 35_000_000,
    "min_lifetime_days": 13,
    "rebalance": "WEEKLY",
    "start_date": None,
    "end_date": None,
}
SORTED_LEGS = {
    "breakpoint": 0.5,
    "min_assets": 5,
    "weighting": "equal",
    "max_weight": None,
    "missing_return": 0,
} | FILTERS

SMB_EQUAL = """
2024-01-14 | elm 120, fir 160, cedar 300, birch 400, yew 600, ash 1000 | elm 1/3 1/5, fir 1/3 -1/4, cedar 1/3 1/10 | birch 1/3 -1/10, yew 1/3 -1/10, ash 1/3 1/10
2024-01-21 | fir 120, cedar 330, birch 360, yew 500, ash 1100 | fir 1/2 1/4, cedar 1/2 0 | yew 1/2 1/3, ash 1/2 -1/10
2024-01-28 | elm 120, fir 150, birch 400, cedar 400, yew 700, ash 1000 | elm 1/3 1/3, fir 1/3 -1/5, birch 1/3 1/9 | cedar 1/3 1/11, yew 1/3 -1/6, ash 1/3 1/11
2024-02-04 | elm 150, oak 250, cedar 400, birch 450, yew 600, ash 1100 | elm 1/3 -1/4, oak 1/3 -1/4, cedar 1/3 1/4 | birch 1/3 0*, yew 1/3 1/4, ash 1/3 0
2024-02-11 | elm 120, oak 180, cedar 500, ash 1100 | skip
2024-02-18 | elm 150, fir 150, oak 200, cedar 450, birch 500, yew 600, ash 1300 | elm 1/3 -1/6, fir 1/3 1/4, oak 1/3 1/4 | birch 1/3 -1/6, yew 1/3 0*, ash 1/3 -1/5
2024-02-25 | elm 120, fir 150, oak 300, birch 400, cedar 600, ash 1000 | elm 1/3 1/5, fir 1/3 1/5, oak 1/3 -1/5 | birch 1/3 1/5, cedar 1/3 -1/4, ash 1/3 1/9
"""  # noqa: E501

SMB_CAPPED = """
2024-01-14 | elm 120, fir 160, cedar 300, birch 400, yew 600, ash 1000 | elm 3/14 1/5, fir 2/7 -1/4, cedar 1/2 1/10 | birch 1/5 -1/10, yew 3/10 -1/10, ash 1/2 1/10
2024-01-21 | fir 120, cedar 330, birch 360, yew 500, ash 1100 | fir 1/2 1/4, cedar 1/2 0 | yew 1/2 1/3, ash 1/2 -1/10
2024-01-28 | elm 120, fir 150, birch 400, cedar 400, yew 700, ash 1000 | elm 2/9 1/3, fir 5/18 -1/5, birch 1/2 1/9 | cedar 4/21 1/11, yew 1/3 -1/6, ash 10/21 1/11
2024-02-04 | elm 150, oak 250, cedar 400, birch 450, yew 600, ash 1100 | elm 3/16 -1/4, oak 5/16 -1/4, cedar 1/2 1/4 | birch 3/14 0*, yew 2/7 1/4, ash 1/2 0
2024-02-11 | elm 120, oak 180, cedar 500, ash 1100 | skip
2024-02-18 | elm 150, fir 150, oak 200, cedar 450, birch 500, yew 600, ash 1300 | elm 3/10 -1/6, fir 3/10 1/4, oak 2/5 1/4 | birch 5/22 -1/6, yew 3/11 0*, ash 1/2 -1/5
2024-02-25 | elm 120, fir 150, oak 300, birch 400, cedar 600, ash 1000 | elm 2/9 1/5, fir 5/18 1/5, oak 1/2 -1/5 | birch 1/5 1/5, cedar 3/10 -1/4, ash 1/2 1/9
"""  # noqa: E501

SMB_NO_FILTERS = """
2024-01-14 | elm 120, fir 160, cedar 300, birch 400, yew 600, ash 1000 | elm 1 1/5 | ash 1 1/10
2024-01-21 | fir 120, elm 150, cedar 330, birch 360, yew 500, ash 1100 | fir 1 1/4 | ash 1 -1/10
2024-01-28 | elm 120, fir 150, oak 200, birch 400, cedar 400, yew 700, ash 1000 | elm 1 1/3 | ash 1 1/11
2024-02-04 | fir 100, elm 150, oak 250, cedar 400, birch 450, yew 600, ash 1100 | fir 1 1/5 | ash 1 0
2024-02-11 | fir 90, elm 120, oak 180, cedar 500, yew 750, ash 1100 | fir 1 -1/6 | ash 1 1/4
2024-02-18 | elm 150, fir 150, oak 200, cedar 450, birch 500, yew 600, ash 1300 | elm 1 -1/6 | ash 1 -1/5
2024-02-25 | elm 120, fir 150, oak 300, birch 400, cedar 600, ash 1000 | elm 1 1/5 | ash 1 1/9
"""

SMB_MONTHLY = """
2024-02-29 | elm 130, oak 220, cedar 420, birch 450, yew 650, ash 1050 | elm 1/3 1/5, oak 1/3 1/4, cedar 1/3 1/5 | birch 1/3 1/4, yew 1/3 -1/11, ash 1/3 1/5
"""  # noqa: E501

MARKET_TOP3 = """
2024-01-21 | ash 1100, yew 500, birch 360, cedar 330, fir 120 | ash 55/98 -1/10, yew 25/98 1/3, birch 9/49 1/5
2024-01-28 | ash 1000, yew 700, birch 400, cedar 400, fir 150, elm 120 | ash 10/21 1/11, yew 1/3 -1/6, birch 4/21 1/9
2024-02-04 | ash 1100, yew 600, birch 450, cedar 400, oak 250, elm 150 | ash 22/43 0, yew 12/43 1/4, birch 9/43 0*
2024-02-11 | ash 1100, cedar 500, oak 180, elm 120 | ash 55/89 1/4, cedar 25/89 -1/10, oak 9/89 1/4
2024-02-18 | ash 1300, yew 600, birch 500, cedar 450, oak 200, elm 150, fir 150 | ash 13/24 -1/5, yew 1/4 0*, birch 5/24 -1/6
2024-02-25 | ash 1000, cedar 600, birch 400, oak 300, fir 150, elm 120 | ash 1/2 1/9, cedar 3/10 -1/4, birch 1/5 1/5
"""  # noqa: E501

MARKET_CAPPED = """
2024-01-14 | ash 1000, yew 600, birch 400, cedar 300, fir 160, elm 120 | ash 2/5 1/10, yew 9/25 -1/10, birch 6/25 -1/10
2024-01-21 | ash 1100, yew 500, birch 360, cedar 330, fir 120 | ash 2/5 -1/10, yew 15/43 1/3, birch 54/215 1/5
2024-01-28 | ash 1000, yew 700, birch 400, cedar 400, fir 150, elm 120 | ash 2/5 1/11, yew 21/55 -1/6, birch 12/55 1/9
2024-02-04 | ash 1100, yew 600, birch 450, cedar 400, oak 250, elm 150 | ash 2/5 0, yew 12/35 1/4, birch 9/35 -1/2*
2024-02-11 | ash 1100, cedar 500, oak 180, elm 120 | ash 2/5 1/4, cedar 2/5 -1/10, oak 1/5 1/4
2024-02-18 | ash 1300, yew 600, birch 500, cedar 450, oak 200, elm 150, fir 150 | ash 2/5 -1/5, yew 18/55 -1/2*, birch 3/11 -1/6
2024-02-25 | ash 1000, cedar 600, birch 400, oak 300, fir 150, elm 120 | ash 2/5 1/9, cedar 9/25 -1/4, birch 6/25 1/5
"""  # noqa: E501

VALUE_HIGH = """
2024-01-14 | birch 50, fir 80, ash 100, elm 100, yew 120, cedar 200 | elm 1/3 1/5, yew 1/3 -1/10, cedar 1/3 1/10 | birch 1/3 -1/10, fir 1/3 -1/4, ash 1/3 1/10
2024-01-21 | birch 40, fir 60, ash 100, cedar 110, yew 125 | cedar 1/2 0, yew 1/2 1/3 | birch 1/2 1/5, fir 1/2 1/4
2024-01-28 | birch 50, ash 80, elm 80, yew 140, cedar 160 | yew 1/2 -1/6, cedar 1/2 1/11 | birch 1/2 1/9, ash 1/2 1/11
2024-02-04 | yew 75, cedar 100, ash 110, elm 125, oak 125, birch 200 | elm 1/3 -1/4, oak 1/3 -1/4, birch 1/3 0* | yew 1/3 1/4, cedar 1/3 1/4, ash 1/3 0
2024-02-11 | oak 45, elm 80, cedar 100, ash 110 | skip
2024-02-18 | oak 40, fir 50, yew 60, ash 100, birch 100, cedar 150, elm 150 | birch 1/3 -1/6, cedar 1/3 1/3, elm 1/3 -1/6 | oak 1/3 1/4, fir 1/3 1/4, yew 1/3 0*
2024-02-25 | birch 50, elm 60, fir 60, ash 100, cedar 100, oak 600 | ash 1/3 1/9, cedar 1/3 -1/4, oak 1/3 -1/5 | birch 1/3 1/5, elm 1/3 1/5, fir 1/3 1/5
"""  # noqa: E501

VALUE_LOW = """
2024-01-14 | birch 50, fir 80, ash 100, elm 100, yew 120, cedar 200 | birch 1/3 -1/10, fir 1/3 -1/4, ash 1/3 1/10 | elm 1/3 1/5, yew 1/3 -1/10, cedar 1/3 1/10
2024-01-21 | birch 40, fir 60, ash 100, cedar 110, yew 125 | birch 1/2 1/5, fir 1/2 1/4 | cedar 1/2 0, yew 1/2 1/3
2024-01-28 | birch 50, ash 80, elm 80, yew 140, cedar 160 | birch 1/2 1/9, ash 1/2 1/11 | yew 1/2 -1/6, cedar 1/2 1/11
2024-02-04 | yew 75, cedar 100, ash 110, elm 125, oak 125, birch 200 | yew 1/3 1/4, cedar 1/3 1/4, ash 1/3 0 | elm 1/3 -1/4, oak 1/3 -1/4, birch 1/3 0*
2024-02-11 | oak 45, elm 80, cedar 100, ash 110 | skip
2024-02-18 | oak 40, fir 50, yew 60, ash 100, birch 100, cedar 150, elm 150 | oak 1/3 1/4, fir 1/3 1/4, yew 1/3 0* | birch 1/3 -1/6, cedar 1/3 1/3, elm 1/3 -1/6
2024-02-25 | birch 50, elm 60, fir 60, ash 100, cedar 100, oak 600 | birch 1/3 1/5, elm 1/3 1/5, fir 1/3 1/5 | ash 1/3 1/9, cedar 1/3 -1/4, oak 1/3 -1/5
"""  # noqa: E501

VALUE_WIPED_OUT = """
2024-01-14 | birch 50, fir 80, ash 100, elm 100, yew 120, cedar 200 | cedar 1 1/10 | birch 1 -1/10
2024-01-21 | birch 40, fir 60, ash 100, cedar 110, yew 125 | yew 1 1/3 | birch 1 1/5
2024-01-28 | birch 50, ash 80, elm 80, yew 140, cedar 160 | cedar 1 1/11 | birch 1 1/9
2024-02-04 | yew 75, cedar 100, ash 110, elm 125, oak 125, birch 200 | birch 1 -1* | yew 1 1/4
2024-02-11 | oak 45, elm 80, cedar 100, ash 110 | skip
2024-02-18 | oak 40, fir 50, yew 60, ash 100, birch 100, cedar 150, elm 150 | elm 1 -1/6 | oak 1 1/4
2024-02-25 | birch 50, elm 60, fir 60, ash 100, cedar 100, oak 600 | oak 1 -1/5 | birch 1 1/5
"""

MOMENTUM_1 = """
2024-01-14 | none | skip
2024-01-21 | fir -1/4, birch -1/10, yew -1/10, ash 1/10, cedar 1/10 | ash 1/2 -1/10, cedar 1/2 0 | fir 1/2 1/4, birch 1/2 1/5
2024-01-28 | elm -1/4, ash -1/10, cedar 0, birch 1/5, fir 1/4, yew 1/3 | birch 1/3 1/9, fir 1/3 -1/5, yew 1/3 -1/6 | elm 1/3 1/3, ash 1/3 1/11, cedar 1/3 1/11
2024-02-04 | yew -1/6, ash 1/11, cedar 1/11, birch 1/9, oak 1/5, elm 1/3 | birch 1/3 0*, oak 1/3 -1/4, elm 1/3 -1/4 | yew 1/3 1/4, ash 1/3 0, cedar 1/3 1/4
2024-02-11 | elm -1/4, oak -1/4, ash 0, cedar 1/4 | skip
2024-02-18 | yew -1/5, fir -1/6, cedar -1/10, ash 1/4, oak 1/4, elm 1/3 | ash 1/3 -1/5, oak 1/3 1/4, elm 1/3 -1/6 | yew 1/3 0*, fir 1/3 1/4, cedar 1/3 1/3
2024-02-25 | ash -1/5, birch -1/6, elm -1/6, fir 1/4, oak 1/4, cedar 1/3 | fir 1/3 1/5, oak 1/3 -1/5, cedar 1/3 -1/4 | ash 1/3 1/9, birch 1/3 1/5, elm 1/3 1/5
"""  # noqa: E501

MOMENTUM_1_TOTAL_LOSS = """
2024-01-14 | none | skip
2024-01-21 | fir -1/4, birch -1/10, yew -1/10, ash 1/10, cedar 1/10 | ash 1/2 -1/10, cedar 1/2 0 | fir 1/2 1/4, birch 1/2 1/5
2024-01-28 | elm -1/4, ash -1/10, cedar 0, birch 1/5, fir 1/4, yew 1/3 | birch 1/3 1/9, fir 1/3 -1/5, yew 1/3 -1/6 | elm 1/3 1/3, ash 1/3 1/11, cedar 1/3 1/11
2024-02-04 | yew -1/6, ash 1/11, cedar 1/11, birch 1/9, oak 1/5, elm 1/3 | birch 1/3 -1*, oak 1/3 -1/4, elm 1/3 -1/4 | yew 1/3 1/4, ash 1/3 0, cedar 1/3 1/4
2024-02-11 | elm -1/4, oak -1/4, ash 0, cedar 1/4 | skip
2024-02-18 | yew -1/5, fir -1/6, cedar -1/10, ash 1/4, oak 1/4, elm 1/3 | ash 1/3 -1/5, oak 1/3 1/4, elm 1/3 -1/6 | yew 1/3 -1*, fir 1/3 1/4, cedar 1/3 1/3
2024-02-25 | ash -1/5, birch -1/6, elm -1/6, fir 1/4, oak 1/4, cedar 1/3 | fir 1/3 1/5, oak 1/3 -1/5, cedar 1/3 -1/4 | ash 1/3 1/9, birch 1/3 1/5, elm 1/3 1/5
"""  # noqa: E501

MOMENTUM_1_BOUNDED = """
2024-01-28 | elm -1/4, ash -1/10, cedar 0, birch 1/5, fir 1/4, yew 1/3 | birch 1/3 1/9, fir 1/3 -1/5, yew 1/3 -1/6 | elm 1/3 1/3, ash 1/3 1/11, cedar 1/3 1/11
2024-02-04 | yew -1/6, ash 1/11, cedar 1/11, birch 1/9, oak 1/5, elm 1/3 | birch 1/3 0*, oak 1/3 -1/4, elm 1/3 -1/4 | yew 1/3 1/4, ash 1/3 0, cedar 1/3 1/4
2024-02-11 | elm -1/4, oak -1/4, ash 0, cedar 1/4 | skip
2024-02-18 | yew -1/5, fir -1/6, cedar -1/10, ash 1/4, oak 1/4, elm 1/3 | ash 1/3 -1/5, oak 1/3 1/4, elm 1/3 -1/6 | yew 1/3 0*, fir 1/3 1/4, cedar 1/3 1/3
"""  # noqa: E501

MOMENTUM_2 = """
2024-01-14 | none | skip
2024-01-21 | none | skip
2024-01-28 | elm -1/10, fir -1/16, ash -1/100, birch 2/25, cedar 1/10, yew 1/5 | birch 1/3 1/9, cedar 1/3 1/11, yew 1/3 -1/6 | elm 1/3 1/3, fir 1/3 -1/5, ash 1/3 1/11
2024-02-04 | ash -1/55, elm 0, cedar 1/11, yew 1/9, birch 1/3 | yew 1/2 1/4, birch 1/2 0* | ash 1/2 0, elm 1/2 -1/4
2024-02-11 | oak -1/10, elm 0, ash 1/11, cedar 4/11 | skip
2024-02-18 | oak -1/16, elm 0, fir 0, yew 0, birch 1/10, cedar 1/8, ash 1/4 | birch 1/3 -1/6, cedar 1/3 1/3, ash 1/3 -1/5 | oak 1/3 1/4, elm 1/3 -1/6, fir 1/3 1/4
2024-02-25 | ash 0, fir 1/24, elm 1/9, cedar 1/5, oak 9/16 | cedar 1/2 -1/4, oak 1/2 -1/5 | ash 1/2 1/9, fir 1/2 1/5
"""  # noqa: E501

# The signal is the number below divided by the square root of 2: with two returns a and b,
# abs(mean) / std(ddof 1) = abs(a + b) / (abs(a - b) * sqrt(2)).
MOMENTUM_2_ADJUSTED = """
2024-01-14 | none | skip
2024-01-21 | none | skip
2024-01-28 | elm -1/90, ash 0, fir 0, birch 2/75, cedar 1/10, yew 7/65 | birch 1/3 1/9, cedar 1/3 1/11, yew 1/3 -1/6 | elm 1/3 1/3, ash 1/3 1/11, fir 1/3 -1/5
2024-02-04 | ash -1/1155, elm 0, yew 1/27, cedar 1/11, birch 7/6 | cedar 1/2 1/4, birch 1/2 0* | ash 1/2 0, elm 1/2 -1/4
2024-02-11 | oak -1/90, elm 0, ash 1/11, cedar 60/77 | skip
2024-02-18 | elm 0, fir 0, oak 0, yew 0, cedar 3/56, ash 1/4 | yew 1/3 0*, cedar 1/3 1/3, ash 1/3 -1/5 | elm 1/3 -1/6, fir 1/3 1/4, oak 1/3 1/4
2024-02-25 | ash 0, oak 0, fir 1/120, elm 1/27, cedar 7/65 | elm 1/2 1/5, cedar 1/2 -1/4 | ash 1/2 1/9, oak 1/2 -1/5
"""  # noqa: E501

# Week-on-week growth W[t-1] / W[t-2] - 1, before and after clipping, one line a metric: `asset raw clipped`.
GROWTH_RATES = {
    "2024-01-21": """
fees    | -4/25 33/40 | ash 1/10 1/10, birch 1/8 1/8, cedar 1 33/40, fir 0 0, yew -1/5 -4/25
dau     | 0 0         | ash 0 0, birch 0 0, cedar 0 0, fir 0 0, yew 0 0
revenue | -1/4 17/20  | ash 1/4 1/4, birch -1/4 -1/4, cedar 1 17/20, fir -1/4 -1/4, yew -1/5 -1/5
""",
    "2024-01-28": """
fees    | -7/45 9/20    | ash 3/22 3/22, birch -1/9 -1/9, cedar -1/6 -7/45, elm 1/2 9/20, yew 1/4 1/4
dau     | -6/25 11/25   | ash 1/5 1/5, birch -1/5 -1/5, cedar 1/2 11/25, elm -1/5 -1/5, yew -1/4 -6/25
revenue | -22/25 71/80  | ash -1/5 -1/5, birch 1 71/80, cedar -1 -22/25, yew 1/4 1/4
""",
    "2024-02-04": """
fees    | -85/128 3/5   | ash -1/5 -1/5, birch -23/32 -85/128, cedar 3/5 3/5, elm -1/5 -1/5, oak -1/2 -1/2, yew 3/5 3/5
dau     | -19/80 11/24  | ash -1/4 -19/80, birch 1/4 1/4, cedar -1/5 -1/5, elm 1/4 1/4, oak 1/3 1/3, yew 1/2 11/24
revenue | -7/30 1/2     | ash 1/2 1/2, birch -1/3 -7/30, oak 1/2 1/2, yew 1/3 1/3
""",  # noqa: E501
    "2024-02-18": """
fees    | -29/75 43/50  | ash 3/10 3/10, cedar -2/5 -29/75, elm -1/3 -1/3, oak 1/4 1/4, yew 1 43/50
dau     | -23/75 1/2    | ash 1/2 1/2, cedar -1/3 -23/75, elm 1/2 1/2, oak 1/2 1/2, yew -1/5 -1/5
revenue | -91/200 1/2   | ash -1/5 -1/5, cedar -1/2 -91/200, oak 1/2 1/2, yew 1/2 1/2
""",
    "2024-02-25": """
fees    | -17/78 1      | ash -3/13 -17/78, birch 3/5 3/5, cedar 1 1, elm 1 1, fir -1/6 -1/6
dau     | -19/60 9/10   | ash -1/3 -19/60, birch -1/4 -1/4, cedar 1 9/10, elm 1/3 1/3, fir 1/2 1/2
revenue | -73/400 37/80 | ash 1/4 1/4, birch 1/5 1/5, cedar 1/2 37/80, fir -1/4 -73/400
""",
}
# The 5th and 95th percentiles, as interpolated from the sorted growth rates at 0.05 (n-1) and 0.95 (n-1).
GROWTH_PERCENTILES = {
    "2024-01-21": """
fees    | -1/5 + 1/5 * 1/5 | 1/8 + 4/5 * 7/8
dau     | 0 | 0
revenue | -1/4 + 1/5 * 0 | 1/4 + 4/5 * 3/4
""",
    "2024-01-28": """
fees    | -1/6 + 1/5 * 1/18 | 1/4 + 4/5 * 1/4
dau     | -1/4 + 1/5 * 1/20 | 1/5 + 4/5 * 3/10
revenue | -1 + 3/20 * 4/5 | 1/4 + 17/20 * 3/4
""",
    "2024-02-04": """
fees    | -23/32 + 1/4 * 7/32 | 3/5 + 3/4 * 0
dau     | -1/4 + 1/4 * 1/20 | 1/3 + 3/4 * 1/6
revenue | -1/3 + 3/20 * 2/3 | 1/2 + 17/20 * 0
""",
    "2024-02-18": """
fees    | -2/5 + 1/5 * 1/15 | 3/10 + 4/5 * 7/10
dau     | -1/3 + 1/5 * 2/15 | 1/2 + 4/5 * 0
revenue | -1/2 + 3/20 * 3/10 | 1/2 + 17/20 * 0
""",
    "2024-02-25": """
fees    | -3/13 + 1/5 * 5/78 | 1 + 4/5 * 0
dau     | -1/3 + 1/5 * 1/12 | 1/2 + 4/5 * 1/2
revenue | -1/4 + 3/20 * 9/20 | 1/4 + 17/20 * 1/4
""",
}
# In the growth cases `z` stands for the composite, which is not rational.
GROWTH_ALL = """
2024-01-14 | none | skip
2024-01-21 | yew z, fir z, birch z, ash z, cedar z | ash 1/2 -1/10, cedar 1/2 0 | yew 1/2 1/3, fir 1/2 1/4
2024-01-28 | cedar z, birch z, yew z, ash z, elm z | ash 1/2 1/11, elm 1/2 1/3 | cedar 1/2 1/11, birch 1/2 1/9
2024-02-04 | birch z, ash z, cedar z, elm z, oak z, yew z | elm 1/3 -1/4, oak 1/3 -1/4, yew 1/3 1/4 | birch 1/3 -1/4*, ash 1/3 0, cedar 1/3 1/4
2024-02-11 | unsigned ash cedar elm oak | skip
2024-02-18 | cedar z, elm z, ash z, yew z, oak z | yew 1/2 -1/4*, oak 1/2 1/4 | cedar 1/2 1/3, elm 1/2 -1/6
2024-02-25 | ash z, fir z, birch z, elm z, cedar z | elm 1/2 1/5, cedar 1/2 -1/4 | ash 1/2 1/9, fir 1/2 1/5
"""  # noqa: E501

GROWTH_FEES = """
2024-01-14 | none | skip
2024-01-21 | yew z, fir z, ash z, birch z, cedar z | birch 1/2 1/5, cedar 1/2 0 | yew 1/2 1/3, fir 1/2 1/4
2024-01-28 | cedar z, birch z, ash z, yew z, elm z | yew 1/2 -1/6, elm 1/2 1/3 | cedar 1/2 1/11, birch 1/2 1/9
2024-02-04 | birch z, oak z, ash z, elm z, cedar z, yew z | elm 1/3 -1/4, cedar 1/3 1/4, yew 1/3 1/4 | birch 1/3 -1/4*, oak 1/3 -1/4, ash 1/3 0
2024-02-11 | unsigned ash cedar elm oak | skip
2024-02-18 | cedar z, elm z, oak z, ash z, yew z | ash 1/2 -1/5, yew 1/2 -1/4* | cedar 1/2 1/3, elm 1/2 -1/6
2024-02-25 | ash z, fir z, birch z, cedar z, elm z | cedar 1/2 -1/4, elm 1/2 1/5 | ash 1/2 1/9, fir 1/2 1/5
"""  # noqa: E501

MARKET_CONFIG = {"top_n": 3, "weighting": "market_cap", "max_weight": None, "missing_return": 0} | FILTERS
MOMENTUM_CONFIG = SORTED_LEGS | {"lookback_periods": 1, "volatility_adjusted": False}
GROWTH_CONFIG = SORTED_LEGS | {"growth_window": 1, "missing_return": -0.25}
VALUE_CONFIG = SORTED_LEGS | {"long_side": "HIGH"}

# name: (factor, config, lines, the number a typed signal is multiplied by, which side is long, what it shows)
MILLIONS, THOUSANDS = "1000000", "1000"
CASES = {
    "smb_equal": (
        "smb",
        SORTED_LEGS,
        SMB_EQUAL,
        MILLIONS,
        "low",
        "Equal weights. Birch and cedar tie at 400 across the cut of 2024-01-28: birch is the smaller id and "
        "goes to the long leg.",
    ),
    "smb_market_cap_capped": (
        "smb",
        SORTED_LEGS | {"weighting": "market_cap", "max_weight": 0.5},
        SMB_CAPPED,
        MILLIONS,
        "low",
        "Capitalisation weights, none above 1/2. On 2024-01-21 k = 2, so the cap makes both weights 1/2.",
    ),
    "smb_no_filters": (
        "smb",
        SORTED_LEGS
        | {
            "breakpoint": 0.2,
            "market_cap_threshold": None,
            "liquidity_threshold": None,
            "min_lifetime_days": None,
        },
        SMB_NO_FILTERS,
        MILLIONS,
        "low",
        "Every filter off, one asset a leg: k = floor(6/5) = floor(7/5) = 1. Oak is in as soon as it has a "
        "price, fir stays in at a cap of 100 and 90, no week is skipped.",
    ),
    "smb_monthly": (
        "smb",
        SORTED_LEGS | {"rebalance": "MONTHLY"},
        SMB_MONTHLY,
        MILLIONS,
        "low",
        "January forms, February earns; the data reaches 2024-02-29, so February counts. The liquidity "
        "threshold is 35 * 31/7 = 155 for January: fir traded 36 + 36 + 36 + 36 + 11 = 155 exactly and is "
        "out. Yew's last price in February is that of 2024-02-11, so it is not missing.",
    ),
    "market_top3": (
        "market",
        MARKET_CONFIG | {"start_date": "2024-01-15"},
        MARKET_TOP3,
        MILLIONS,
        "top",
        "The three largest by capitalisation, from a Monday on: the week that ends the day before is not "
        "reported (its 1/2·1/10 - 3/10·1/10 - 1/5·1/10 would be 0, a gain or a loss only by rounding). "
        "On 2024-01-28 birch and cedar tie for the third place: birch. "
        "Four are eligible on 2024-02-11, which is enough for three.",
    ),
    "market_top3_capped": (
        "market",
        MARKET_CONFIG | {"max_weight": 0.4, "missing_return": -0.5},
        MARKET_CAPPED,
        MILLIONS,
        "top",
        "No weight above 2/5. On 2024-02-11 the cap takes two steps: 55/89 is cut to 2/5, cedar's share of "
        "the rest, 3/5 * 500/680 = 15/34, is above it again and is cut too, oak is left with 1/5.",
    ),
    "value_high": (
        "value",
        VALUE_CONFIG,
        VALUE_HIGH,
        THOUSANDS,
        "high",
        "Long the expensive. Fir collected no fees in the week to 2024-01-21 and has no signal on "
        "2024-01-28.",
    ),
    "value_low": (
        "value",
        VALUE_CONFIG | {"long_side": "LOW"},
        VALUE_LOW,
        THOUSANDS,
        "low",
        "Long the cheap: the legs of value_high change places, each factor return changes its sign.",
    ),
    "value_high_wiped_out": (
        "value",
        VALUE_CONFIG | {"breakpoint": 0.2, "missing_return": -1},
        VALUE_WIPED_OUT,
        THOUSANDS,
        "high",
        "One asset a leg and a missing price is a total loss: -1 - 1/4 = -5/4 on 2024-02-04 ends the wealth.",
    ),
    "momentum_1": (
        "momentum",
        MOMENTUM_CONFIG,
        MOMENTUM_1,
        "1",
        "high",
        "The signal is last week's return. Ties: birch and yew at -1/10 across the cut of 2024-01-21.",
    ),
    "momentum_1_total_loss": (
        "momentum",
        MOMENTUM_CONFIG | {"missing_return": -1},
        MOMENTUM_1_TOTAL_LOSS,
        "1",
        "high",
        "As momentum_1 with a missing price as a total loss: it hurts in the long leg and pays in the short.",
    ),
    "momentum_1_bounded": (
        "momentum",
        MOMENTUM_CONFIG | {"start_date": "2024-01-28", "end_date": "2024-02-18"},
        MOMENTUM_1_BOUNDED,
        "1",
        "high",
        "Both bounds fall on a period end and include it; the signal of 2024-01-28 looks back beyond the "
        "start.",
    ),
    "momentum_2": (
        "momentum",
        MOMENTUM_CONFIG | {"lookback_periods": 2},
        MOMENTUM_2,
        "1",
        "high",
        "Two weeks. On 2024-02-18 birch has P[t-1] and P[t-3]; the gap between them does not matter here.",
    ),
    "momentum_2_volatility_adjusted": (
        "momentum",
        MOMENTUM_CONFIG | {"lookback_periods": 2, "volatility_adjusted": True},
        MOMENTUM_2_ADJUSTED,
        "1/sqrt(2)",
        "high",
        "Both returns of the window are needed, so birch is out on 2024-02-18, where elm, fir, oak and yew "
        "tie at 0 across the cut (oak's 0 is a negative number times 0). Oak's returns of 1/4 and 1/4 have "
        "no deviation: 0 on 2024-02-25.",
    ),
    "growth_1": (
        "growth",
        GROWTH_CONFIG | {"growth_metrics": ["fees", "dau", "revenue"]},
        GROWTH_ALL,
        "z",
        "high",
        "Mean of the z-scores of fees, dau and revenue; elm never has revenue, cedar has none to grow from "
        "on 2024-02-04, dau does not move on 2024-01-21 and is dropped.",
    ),
    "growth_1_fees": (
        "growth",
        GROWTH_CONFIG | {"growth_metrics": ["fees"]},
        GROWTH_FEES,
        "z",
        "high",
        "Fees only; dau > 100 still applies. Ties: ash and elm at -1/5 across the cut of 2024-02-04.",
    ),
}
ERRORS = {
    "smb_infeasible_max_weight": (
        "smb",
        SORTED_LEGS | {"weighting": "market_cap", "max_weight": 0.4},
        "InfeasibleMaxWeight",
        "On 2024-01-21 five are eligible, k = floor(5/2) = 2, and 2 * 0.4 < 1.",
        {"date": "2024-01-21", "leg_size": 2},
    ),
    "smb_no_periods": (
        "smb",
        SORTED_LEGS | {"min_assets": 8},
        "NoPeriods",
        "Never more than seven assets are eligible (2024-02-18).",
        {"largest_eligible": 7},
    ),
}
