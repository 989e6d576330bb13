"""Numbers by binary COPY: each in its column, to the bit, or refused."""

import numpy as np
import pytest
from django.db import connection

from labdb.registry.binary_copy import rows_of_numbers


def test_a_row_is_laid_out_as_postgresql_documents_it() -> None:
    (row,) = rows_of_numbers(["bigint", "double precision"], [3, np.array([1.0])])
    # Two columns; 8 bytes: 3; 8 bytes: 1.0 (sign 0, exponent 1023 = 3ff, fraction 0).
    assert row.tobytes().hex() == "0002000000080000000000000003000000083ff0000000000000"


@pytest.mark.django_db
def test_numbers_come_back_to_the_bit() -> None:
    numbers = np.array([0.1, -1e-300, 5e-324, 1.7976931348623157e308, -0.0])
    keys = np.array([1, -1, 2**62, 0, 7])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE numbers (key bigint, run bigint, number double precision) ON COMMIT DROP"
        )
        with cursor.copy("COPY numbers FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
            copy.write(rows_of_numbers(["bigint", "bigint", "double precision"], [keys, 9, numbers]).tobytes())
            copy.write(b"\xff\xff")
        cursor.execute("SELECT key, run, number FROM numbers ORDER BY ctid")
        found = cursor.fetchall()
    assert [row[:2] for row in found] == [(key, 9) for key in keys.tolist()]
    assert [row[2].hex() for row in found] == [number.hex() for number in numbers.tolist()]


@pytest.mark.parametrize(
    ("db_types", "block", "sentence"),
    [
        (["bigint"], [np.array([1.0])], "column 1 holds whole numbers; got float64"),
        (["text"], [np.array([1])], "columns must be bigint or double precision; got text"),
        (["bigint", "bigint"], [np.array([1]), np.array([1, 2])], r"one length; got lengths \[1, 2\]"),
        (["bigint", "bigint"], [np.array([1])], "must have 2 columns"),
        (["bigint"], [1], r"got lengths \[\]"),
    ],
)
def test_what_is_no_block_of_numbers_is_refused(db_types: list[str], block: list[object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rows_of_numbers(db_types, block)
