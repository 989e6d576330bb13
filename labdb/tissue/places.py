"""Positions of a box: the row's letter and the column's number."""

from collections.abc import Iterator

POSITION = "[A-Z][1-9][0-9]?"


def lies_in(position: str, n_rows: int, n_columns: int) -> bool:
    """Whether a position such as ``A1`` lies in a box of this size."""
    return ord(position[0]) - ord("A") < n_rows and int(position[1:]) <= n_columns


def positions(n_rows: int, n_columns: int) -> Iterator[str]:
    """Yield every position, row by row, as a box is filled."""
    for row in range(n_rows):
        for column in range(1, n_columns + 1):
            yield f"{chr(ord('A') + row)}{column}"
