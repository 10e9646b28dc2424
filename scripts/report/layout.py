"""The parts that a page is made of: sections, figures, tables, key figures, lists of facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scripts.report.markup import Markup, element, join
from scripts.report.style import CSS

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Of the page's content: nothing is fetched, nothing runs."""


LONGEST_WHOLE = 14
"""Rows of a table that is not torn between two pages of paper."""


@dataclass(frozen=True, slots=True)
class Column:
    """right: for numbers."""

    heading: str
    right: bool = True


def text(heading: str) -> Column:
    return Column(heading, right=False)


def page(title: str, *body: object) -> str:
    """The whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(CSS)),
    )
    content = element("html", head, element("body", element("main", *body)), lang="en")
    return f"<!doctype html>\n{content}\n"


def section(title: str, *children: object, lede: str | None = None) -> Markup:
    intro = None if lede is None else element("p", lede, class_="lede")
    return element("section", element("h2", title), intro, *children)


def block(title: str, *children: object, caption: str | None = None) -> Markup:
    """A table or list with its heading."""
    below = None if caption is None else element("p", caption, class_="note")
    return element("div", element("h3", title), below, *children, class_="block")


def figure(
    title: str, drawn: Markup | None, caption: str, absence: str = "Too few periods to draw."
) -> Markup:
    """A drawing with its title; where there is none, a line that says so."""
    if drawn is None:
        return block(title, absent(absence))
    return element("figure", element("h3", title), element("figcaption", caption), drawn)


def pair(*children: object) -> Markup:
    return element("div", *children, class_="pair")


def absent(reason: str) -> Markup:
    return element("p", reason, class_="absent")


def note(words: str) -> Markup:
    return element("p", words, class_="note")


def key_figure(label: str, value: str, *details: str | None) -> Markup:
    below = [element("div", detail, class_="detail") for detail in details if detail]
    value_line = element("div", value, class_="value")
    return element("div", element("dt", label), element("dd", value_line, below), class_="key")


def key_figures(keys: Iterable[Markup]) -> Markup:
    return element("dl", *keys, class_="keys")


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    chosen: frozenset[int] | set[int] = frozenset(),
) -> Markup:
    """Rows of cells; `chosen` are the numbers of rows to be marked."""
    head = element("tr", [_cell("th", column, column.heading) for column in columns])
    body = [
        element(
            "tr",
            [_cell("td", column, value) for column, value in zip(columns, row, strict=True)],
            class_="chosen" if number in chosen else None,
        )
        for number, row in enumerate(rows)
    ]
    whole = "whole" if len(body) <= LONGEST_WHOLE else None
    return scrolling(element("table", element("thead", head), element("tbody", body), class_=whole))


def grouped_table(columns: Sequence[Column], groups: Mapping[str, Sequence[Sequence[object]]]) -> Markup:
    """Rows under a heading each."""
    head = element("tr", [_cell("th", column, column.heading) for column in columns])
    body: list[Markup] = []
    for name, rows in groups.items():
        body.append(
            element("tr", element("th", name, colspan=len(columns), scope="rowgroup"), class_="group")
        )
        body += [
            element("tr", [_cell("td", column, value) for column, value in zip(columns, row, strict=True)])
            for row in rows
        ]
    return scrolling(element("table", element("thead", head), element("tbody", body)))


def scrolling(inside: Markup) -> Markup:
    """Wide content that scrolls by itself on narrow screens."""
    return element("div", inside, class_="scroll")


def facts(items: Mapping[str, object], marked: Iterable[str] = ()) -> Markup:
    """Names and values in three columns; `marked` names stand out."""
    special = set(marked)
    return element(
        "dl",
        [
            element(
                "div", element("dt", name), element("dd", value), class_="set" if name in special else None
            )
            for name, value in items.items()
        ],
        class_="facts",
    )


def plain_list(items: Mapping[str, object]) -> Markup:
    """Names and longer texts, one a line."""
    return element(
        "dl",
        [join([element("dt", name), element("dd", value)]) for name, value in items.items()],
        class_="plain",
    )


def _cell(name: str, column: Column, value: object) -> Markup:
    scope = "col" if name == "th" else None
    return element(name, value, class_="r" if column.right else None, scope=scope)
