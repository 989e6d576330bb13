"""What is appended comes back from the file, which is gone when nobody reads it any more."""

import gc
import mmap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labdb.sequencing.count_cells import MAX_COUNT, CountFileError
from labdb.sequencing.count_spool import Spool, drop_pages

needs_proc = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is mapped is told by Linux alone")


@settings(deadline=None)
@given(st.lists(arrays(np.int32, (3,), elements=st.integers(0, MAX_COUNT)), max_size=20))
def test_rows_come_back_in_their_order_one_by_one_or_together(rows):
    expected = np.array(rows, dtype=np.int32).reshape(-1, 3)
    with Spool(3) as one_by_one, Spool(3) as together:
        for row in rows:
            one_by_one.append(row)
        together.append(expected.astype(np.int64))
        np.testing.assert_array_equal(one_by_one.array(), expected)
        np.testing.assert_array_equal(together.array(), expected)
        assert one_by_one.array().dtype == np.int32


def test_samples_appended_one_by_one_are_the_columns_of_the_turned_array():
    with Spool(4) as spool:
        for sample in ([1, 2, 3, 4], [5, 6, 7, 8]):
            spool.append(sample)
        counts = pd.DataFrame(spool.array().T, columns=["S1", "S2"], copy=False)
    assert counts["S2"].tolist() == [5, 6, 7, 8]


@needs_proc
def test_the_file_has_no_name_and_is_closed_with_the_last_array(settings):
    open_files = Path("/proc/self/maps")
    with Spool(2) as spool:
        spool.append([1, 2])
        counts = spool.array()
        assert not any((settings.DATA_DIR / "uploads").iterdir())
    assert counts.tolist() == [[1, 2]]
    assert str(settings.DATA_DIR) in open_files.read_text()
    del counts
    gc.collect()
    assert str(settings.DATA_DIR) not in open_files.read_text()


@needs_proc
def test_dropped_pages_are_read_from_the_file_again():
    with Spool(1024) as spool:
        for number in range(4096):
            spool.append(np.full(1024, number))
        counts = spool.array()
    before = resident_kb()
    assert counts.sum() == 1024 * 4096 * 4095 // 2
    looked_at = resident_kb()
    drop_pages(counts.T[:, :3])
    if hasattr(mmap, "MADV_DONTNEED"):
        assert looked_at - before > 12_000  # 16 MB of counts
        assert resident_kb() < looked_at - 12_000
    assert counts[4095, 0] == 4095
    drop_pages(np.zeros(3, dtype=np.int32))  # an array in memory has nothing to give back


def resident_kb() -> int:
    """Return the memory of files that this process has mapped."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssFile:")[1].split()[0]) + int(status.split("RssShmem:")[1].split()[0])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([1, 2, 3], r"2 columns; got an array of shape \(3,\)"),
        ([[[1, 2]]], r"got an array of shape \(1, 1, 2\)"),
        ([1.0, 2.0], "must be integers; got float64"),
        ([0, MAX_COUNT + 1], "must fit in int32; got 0 to 2147483648"),
    ],
)
def test_what_is_no_row_of_counts_is_refused_and_adds_nothing(rows, words):
    with Spool(2) as spool:
        with pytest.raises(ValueError, match=words):
            spool.append(rows)
        assert spool.array().shape == (0, 2)


def test_a_disk_that_takes_no_file_is_a_sentence(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "a file"
    settings.DATA_DIR.write_text("not a folder")
    with pytest.raises(
        CountFileError, match=r"cannot be kept on the server's disk \(Not a directory\); tell a manager"
    ):
        Spool(2).__enter__()


def test_a_spool_is_used_inside_its_block():
    spool = Spool(1)
    with pytest.raises(ValueError, match="inside its with block"):
        spool.append([1])
