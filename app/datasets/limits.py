"""How much a file may hold before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """Bounds on what is read and allocated; a small file can unpack to, or span, far more than its size.

    max_cells bounds dates x assets x fields of the panel, 8 bytes each; max_attribute_rows a file of asset
    attributes, whose rows stay text.
    """

    max_decompressed_bytes: int = 500_000_000
    max_rows: int = 20_000_000
    max_columns: int = 200
    max_cells: int = 200_000_000
    max_attribute_rows: int = 1_000_000
