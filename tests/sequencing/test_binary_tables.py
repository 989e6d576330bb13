"""h5ad and Parquet files of counts; the files are written as anndata and pandas lay them out."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import sparse

from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_files import CountTable, read_counts

SAMPLES, GENES = ["L1", "L2", "L3"], ["Actb", "Gapdh", "Xist", "Ddx3y"]
COUNTS = np.array([[4, 0, 7, 1], [0, 0, 9, 2], [5, 1, 0, 0]])  # samples x genes
NORMALIZED = np.log1p(COUNTS)


def write_matrix(place: Any, name: str, values: Any, kind: str) -> None:
    if kind == "dense":
        place.create_dataset(name, data=values)
        return
    packed = (sparse.csr_matrix if kind == "csr_matrix" else sparse.csc_matrix)(values)
    group = place.create_group(name)
    group.attrs.update({"encoding-type": kind, "encoding-version": "0.1.0", "shape": packed.shape})
    for part in ("data", "indices", "indptr"):
        group.create_dataset(part, data=getattr(packed, part))


def write_names(place: Any, part: str, names: list[str]) -> None:
    table = place.create_group(part)
    table.attrs.update({"encoding-type": "dataframe", "_index": "_index"})
    table.create_dataset("_index", data=names, dtype=h5py.string_dtype())


def h5ad(
    x: Any = COUNTS, kind: str = "csr_matrix", change: Callable[[h5py.File], None] = lambda _file: None, **layers: Any
) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write_matrix(file, "X", x, kind)
        write_names(file, "obs", SAMPLES)
        write_names(file, "var", GENES)
        for name, values in layers.items():
            write_matrix(file.require_group("layers"), name, values, kind)
        change(file)
    return content.getvalue()


def with_raw(file: h5py.File) -> None:
    write_matrix(file, "raw/X", np.hstack([COUNTS, [[3], [3], [3]]]), "csr_matrix")
    write_names(file["raw"], "var", [*GENES, "Malat1"])


def refused(content: bytes, **choices: Any) -> str:
    with pytest.raises(CountFileError) as refusal:
        read_counts(content, name="a.h5ad", **choices)
    return str(refusal.value)


def assert_is_whole(table: CountTable) -> None:
    assert table.counts.index.tolist() == GENES
    assert table.counts.columns.tolist() == SAMPLES
    assert table.counts.to_numpy().tolist() == COUNTS.T.tolist()


@pytest.mark.parametrize("kind", ["dense", "csr_matrix", "csc_matrix"])
def test_counts_are_read_however_they_are_kept(kind: str, tmp_path: Path) -> None:
    content = h5ad(kind=kind)
    table = read_counts(content, name="a.h5ad")
    assert_is_whole(table)
    assert table.format == "h5ad"
    (tmp_path / "b.h5ad").write_bytes(content)
    of_file = read_counts(tmp_path / "b.h5ad")
    assert_is_whole(of_file)
    assert of_file.sha256 == table.sha256


def test_blocks_of_few_samples_give_the_same(monkeypatch: Any) -> None:
    monkeypatch.setattr("labdb.sequencing.readers.h5ad.BLOCK_CELLS", 5)
    monkeypatch.setattr("labdb.sequencing.readers.h5ad.GENES_AT_ONCE", 3)
    for kind in ("dense", "csr_matrix", "csc_matrix"):
        assert_is_whole(read_counts(h5ad(kind=kind), name="a.h5ad"))


def test_normalized_x_is_found_and_the_whole_numbers_are_offered() -> None:
    said = refused(h5ad(NORMALIZED, counts=COUNTS, scaled=NORMALIZED / 2))
    assert said == (
        "a.h5ad, X, sample L1, gene Actb: 1.60944 is no raw count, so X is normalized or estimated; whole numbers are in"
        " 'counts': name it as the layer (--layer counts)."
    )
    table = read_counts(h5ad(NORMALIZED, counts=COUNTS), name="a.h5ad", layer="counts")
    assert_is_whole(table)
    assert table.notes == ("Read counts, not X.",)


def test_raw_has_genes_of_its_own() -> None:
    content = h5ad(NORMALIZED, change=with_raw)
    assert "(--layer raw)" in refused(content)
    table = read_counts(content, name="a.h5ad", layer="raw")
    assert table.counts.loc["Malat1"].tolist() == [3, 3, 3]
    assert len(table.gene_ids) == 5


def test_estimates_are_rounded_when_asked_alone() -> None:
    content = h5ad(COUNTS + np.array([0.25, 0, 0, 0]))
    assert "no other matrix of this file holds whole numbers: export raw counts, or round with --round" in refused(
        content
    )
    table = read_counts(content, name="a.h5ad", round_estimates=True)
    assert_is_whole(table)
    assert table.notes == ("Rounded 3 of 12 estimates to whole counts.",)


def link_elsewhere(file: h5py.File) -> None:
    del file["X"]
    file["X"] = h5py.ExternalLink("/etc/other.h5", "X")


def keep_elsewhere(file: h5py.File) -> None:
    del file["X"]
    file.create_dataset("X", shape=COUNTS.shape, dtype="i1", external=[("/etc/hostname", 0, COUNTS.size)])


def name_twice(file: h5py.File) -> None:
    del file["obs"]
    write_names(file, "obs", ["L1", "L1", "L3"])


def name_a_gene_twice(file: h5py.File) -> None:
    del file["var"]
    write_names(file, "var", ["Actb", "Gapdh", "Actb", "Ddx3y"])


def name_fewer(file: h5py.File) -> None:
    del file["obs"]
    write_names(file, "obs", ["L1", "L2"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (h5ad()[:700], "a.h5ad is a damaged HDF5 file"),
        (h5ad(change=lambda file: file.pop("obs")), "is an HDF5 file, and no AnnData (h5ad) with X, obs and var"),
        (h5ad(change=link_elsewhere), "X of the HDF5 file lies in another file"),
        (h5ad(change=keep_elsewhere, kind="dense"), "X of the HDF5 file lies in another file"),
        (h5ad(change=name_twice), "a.h5ad has several samples called 'L1'; give each a name."),
        (h5ad(change=name_a_gene_twice), "'Actb'"),
        (h5ad(change=name_fewer), "X is 3 x 4, but obs names 2 samples and var 4 genes"),
        (h5ad(np.where(COUNTS == 9, np.nan, COUNTS)), "a.h5ad, X, sample L2, gene Xist: nan is no count"),
        (h5ad(COUNTS * 1e9), "a.h5ad, X, sample L1, gene Actb: 4e+09 is no count; export raw counts."),
        (h5ad(COUNTS - 1, counts=COUNTS), "sample L1, gene Gapdh: -1 is no raw count"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_its_place(content: bytes, sentence: str) -> None:
    assert sentence in refused(content)


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert refused(h5ad(counts=COUNTS), layer="raw") == "a.h5ad has no matrix 'raw'; there are 'X', 'counts'."


def test_a_chosen_format_that_the_content_is_not_is_refused() -> None:
    assert refused(b"gene,L1\nActb,4\n", format="parquet") == (
        "a.h5ad is no parquet file by its content; choose auto, or another file."
    )


def as_parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content)
    return content.getvalue()


FRAME = pd.DataFrame(COUNTS.T, index=pd.Index(GENES, name="gene_id"), columns=SAMPLES)


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.rename_axis(None),
        FRAME.reset_index(),
        FRAME.reset_index().astype({"gene_id": "category", "L2": float}),
    ],
)
def test_a_parquet_table_is_read_with_its_column_of_names_wherever_it_stands(frame: pd.DataFrame) -> None:
    table = read_counts(as_parquet(frame), name="counts.parquet", known_samples=SAMPLES)
    assert_is_whole(table)
    assert table.format == "parquet"


def test_wrong_cells_of_a_parquet_table_are_named_by_row_and_column() -> None:
    wrong = FRAME.astype(float)
    wrong.loc["Gapdh", "L2"], wrong.loc["Xist", "L3"] = 0.5, np.nan
    said = refused(as_parquet(wrong))
    assert "L2" in said and "0.5" in said and "is not a whole number" in said
    assert "L3" in said and "the count is missing" in said


def test_a_parquet_table_without_names_or_with_two_columns_of_them_is_refused() -> None:
    two = FRAME.reset_index().assign(symbol="x")
    assert (
        "must have one column of text, the genes (or samples), beside its numbers; it has gene_id, symbol."
        in refused(as_parquet(two))
    )
    assert "it has none." in refused(as_parquet(FRAME.reset_index(drop=True)))
    assert "a.h5ad is a damaged Parquet file" in refused(as_parquet(FRAME)[:-20])


def test_a_full_disk_is_no_damaged_file(monkeypatch: Any) -> None:
    def write(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labdb.sequencing.readers.parquet._write", write)
    assert refused(as_parquet(FRAME)) == (
        "The counts cannot be kept on the server's disk (No space left on device); tell a manager, and import again later."
    )


def test_a_parquet_table_that_unpacks_to_more_than_the_disk_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr("labdb.sequencing.readers.parquet.MAX_CELLS", 10)
    content = io.BytesIO()
    parquet.write_table(pa.table({"gene": GENES, "L1": [1, 1, 1, 1], "L2": [1, 1, 1, 1]}), content)
    assert refused(content.getvalue()) == "a.h5ad has 12 cells, more than 10; split it."
