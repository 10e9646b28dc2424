"""HTML by construction: text is escaped where it enters a page, only `Markup` is taken as it is."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta", "br", "hr", "col"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element with escaped text and attributes. `class_` is class, `_` in other names is `-`; a None child
    or attribute is left out, lists of children are taken apart."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{named}>")
    return Markup(f"<{name}{named}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Markup:
    """All children in a row, text among them escaped."""
    return Markup("".join(_flat(child) for child in children))


def _flat(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, list | tuple):
        return join(child)
    return escape(_printable(str(child)), quote=True)


def _printable(text: str) -> str:
    """Without control characters, which HTML does not allow, and marks that turn the direction of text."""
    return "".join("\ufffd" if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    code = ord(character)
    return (
        (code < 32 and character not in "\t\n")
        or 0x7F <= code < 0xA0
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
        or 0xD800 <= code <= 0xDFFF
    )
