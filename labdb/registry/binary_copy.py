"""Rows of numbers as PostgreSQL's COPY takes them fastest: binary, without a text that is made and read again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # no flags, no extension of the header
TRAILER = b"\xff\xff"
# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": the highest byte first.
NUMBERS = {"bigint": np.dtype(">i8"), "double precision": np.dtype(">f8")}


def rows_of_numbers(db_types: Sequence[str], block: Sequence[Any]) -> npt.NDArray[Any]:
    """Return a block of columns as rows of the binary format.

    Parameters
    ----------
    db_types : sequence of str
        PostgreSQL's type of each column: ``bigint`` or ``double precision``.
    block : sequence of array_like
        The numbers of each column; one number stands for every row.

    Raises
    ------
    ValueError
        Another type, a block without an array, or fractions for a column of whole numbers.
    """
    if unknown := set(db_types) - set(NUMBERS):
        raise ValueError(f"columns must be {' or '.join(NUMBERS)}; got {', '.join(sorted(unknown))}")
    columns = [np.asarray(column) for column in block]
    lengths = {len(column) for column in columns if column.ndim}
    if len(columns) != len(db_types) or len(lengths) != 1:
        raise ValueError(f"a block must have {len(db_types)} columns of one length; got lengths {sorted(lengths)}")
    layout: list[tuple[str, Any]] = [("n_columns", ">i2")]
    for number, db_type in enumerate(db_types):
        layout += [(f"length_{number}", ">i4"), (f"value_{number}", NUMBERS[db_type])]
    rows = np.empty(
        lengths.pop(), dtype=np.dtype(layout)
    )  # NumPy packs the fields without gaps, as the format has them
    rows["n_columns"] = len(columns)
    for number, (db_type, column) in enumerate(zip(db_types, columns, strict=True)):
        if NUMBERS[db_type].kind == "i" and column.dtype.kind not in "iu":
            raise ValueError(f"column {number + 1} holds whole numbers; got {column.dtype}")
        rows[f"length_{number}"] = NUMBERS[db_type].itemsize
        rows[f"value_{number}"] = column
    return rows
