"""What an artifact's file begins with: the header of a .npy file, as numpy documents it for version 1.0.

Made here, and not by numpy, whose padding differs between its versions: what is written must be the same for
ever, because the reader compares it instead of parsing what a damaged file holds.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_ALIGNMENT: Final = 64
_KINDS: Final = "biuf"


def is_storable(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    """Whether an artifact can be of that type (numbers or truth values, little-endian) and shape."""
    return (
        dtype.kind in _KINDS
        and dtype == dtype.newbyteorder("<")
        and len(shape) > 0
        and all(length >= 0 for length in shape)
    )


def array_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The first bytes of the file of such an array in C order; the array's own follow."""
    text = repr({"descr": dtype.str, "fortran_order": False, "shape": shape}).encode("ascii")
    unpadded = len(_MAGIC) + 2 + len(text) + 1
    text += b" " * (-unpadded % _ALIGNMENT) + b"\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text
