"""An export as files: a zip of tab-separated tables with a script for R, and an h5ad for scverse."""

import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import h5py
import numpy as np
import pandas as pd

from analysis.analyst_export import AnalystExport, design_files
from analysis.r_names import make_name
from labdb.registry.export_formats import Pipe

ROWS_AT_ONCE = 500
SCRIPT = """# Three lines in R, from the folder of these files:
#   source("load.R")
#   x <- labdb("{region}")
#   y <- as_DGEList(x)                # or: se <- as_SummarizedExperiment(x)
# x holds counts, samples, genes, design and contrasts of one region, in one order.

labdb_table <- function(file, classes = "character") {{    # as text: a sex "F" is not FALSE, a code "001" not 1
  read.delim(file, row.names = 1, colClasses = classes, check.names = FALSE,
             quote = "", comment.char = "", na.strings = "", stringsAsFactors = FALSE)
}}
labdb_numbers <- function(file, first) {{
  as.matrix(labdb_table(file, setNames("character", first)))
}}

labdb <- function(region) {{
  design <- labdb_numbers(paste0("design_", make.names(region), ".tsv"), "sample")
  file <- paste0("contrasts_", make.names(region), ".tsv")
  contrasts <- if (file.exists(file)) labdb_numbers(file, "coefficient") else NULL
  counts <- labdb_numbers("counts.tsv", "gene_id")[, rownames(design), drop = FALSE]
  samples <- labdb_table("samples.tsv")[rownames(design), , drop = FALSE]
  genes <- labdb_table("genes.tsv")[rownames(counts), , drop = FALSE]
  list(counts = counts, samples = samples, genes = genes, design = design, contrasts = contrasts)
}}

as_DGEList <- function(x) {{
  edgeR::DGEList(x$counts, group = factor(x$samples$group), genes = x$genes,
                 samples = x$samples[setdiff(names(x$samples), "group")])
}}

as_SummarizedExperiment <- function(x) {{
  SummarizedExperiment::SummarizedExperiment(list(counts = x$counts), colData = x$samples, rowData = x$genes)
}}
"""
README = """Counts of study {study}, matrix {count_matrix}, as labdb holds them: raw, whole numbers.

counts.tsv        genes x samples; the first column is gene_id
samples.tsv       what is known of each sample; an empty cell is not known
genes.tsv         symbol of each gene
design_*.tsv      per region: samples x coefficients, as labdb fits it (a column a group, then covariates)
contrasts_*.tsv   per region: coefficients x contrasts
load.R            opens all of it: source("load.R"); x <- labdb("{region}"); y <- as_DGEList(x)

Samples of one mouse in several regions are no replicates: fit one region at a time.
Names of coefficients and contrasts are those that R's make.names gives.

{facts}
{notes}
"""


def zip_for_r(export: AnalystExport) -> Iterator[bytes]:
    """Yield a zip of tables and script, as it is written."""
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, pieces in _members(export):
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece.encode())
                    yield pipe.take()
    yield pipe.take()


def _members(export: AnalystExport) -> Iterator[tuple[str, Iterable[str]]]:
    region = export.designs[0].region if export.designs else "REGION"
    facts = "\n".join(f"{name}: {value}" for name, value in export.provenance.items())
    words = {"study": "", "count_matrix": "", **export.provenance}
    yield "README.txt", [README.format(**words | {"region": region, "facts": facts, "notes": "\n".join(export.notes)})]
    yield "load.R", [SCRIPT.format(region=region)]
    yield "samples.tsv", tsv(export.samples)
    yield "genes.tsv", tsv(export.genes)
    for name, table in design_files(export):
        yield name, tsv(table)
    yield "counts.tsv", tsv(export.counts)


def tsv(table: pd.DataFrame) -> Iterator[str]:
    """Yield a table as R reads it without quotes: a cell holds neither tab nor line end, and nothing is an empty cell."""
    yield "\t".join(_cell(name) for name in [table.index.name, *table.columns]) + "\n"
    is_whole = all(pd.api.types.is_integer_dtype(kind) for kind in table.dtypes)
    for start in range(0, len(table), ROWS_AT_ONCE):
        block = table.iloc[start : start + ROWS_AT_ONCE]
        rows = block.to_numpy().tolist() if is_whole else block.astype(object).to_numpy().tolist()
        spell = str if is_whole else _cell
        lines = (
            "\t".join([_cell(name), *map(spell, row)]) for name, row in zip(block.index.tolist(), rows, strict=True)
        )
        yield "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return " ".join(str(value).split())


def write_h5ad(export: AnalystExport, file: IO[bytes]) -> None:
    """Write samples x genes as anndata reads it, on-disk format 0.1.0: counts in X, provenance in uns."""
    with h5py.File(file, "w") as root:
        _as(root, "anndata", "0.1.0")
        counts = np.ascontiguousarray(export.counts.to_numpy().T)
        _as(root.create_dataset("X", data=counts, compression="gzip", compression_opts=4), "array", "0.2.0")
        _write_frame(root, "obs", export.samples)
        _write_frame(root, "var", export.genes)
        for name in ("layers", "obsm", "varm", "obsp", "varp"):
            _as(root.create_group(name), "dict", "0.1.0")
        uns = _as(root.create_group("uns"), "dict", "0.1.0")
        provenance = _as(uns.create_group("labdb"), "dict", "0.1.0")
        for name, value in {**export.provenance, "notes": "\n".join(export.notes)}.items():
            _write_text(provenance, name, value)
        designs = _as(uns.create_group("designs"), "dict", "0.1.0")
        for design in export.designs:
            _write_frame(designs, make_name(design.region), design.matrix)


def _as(node: Any, kind: str, version: str) -> Any:
    node.attrs["encoding-type"], node.attrs["encoding-version"] = kind, version
    return node


def _write_text(group: Any, name: str, value: str) -> None:
    _as(group.create_dataset(name, data=value, dtype=h5py.string_dtype()), "string", "0.2.0")


def _write_texts(group: Any, name: str, values: list[str]) -> None:
    _as(group.create_dataset(name, data=values, dtype=h5py.string_dtype()), "string-array", "0.2.0")


def _write_frame(parent: Any, name: str, frame: pd.DataFrame) -> None:
    """Write a frame; text as categories, among which what is not known is none."""
    group = _as(parent.create_group(name), "dataframe", "0.2.0")
    index = str(frame.index.name)
    group.attrs["_index"] = index
    group.attrs.create("column-order", [str(column) for column in frame.columns], dtype=h5py.string_dtype())
    _write_texts(group, index, [str(value) for value in frame.index])
    for column in frame.columns:
        if pd.api.types.is_float_dtype(frame[column]):
            _as(group.create_dataset(str(column), data=frame[column].to_numpy()), "array", "0.2.0")
        else:
            _write_categories(group, str(column), frame[column])


def _write_categories(group: Any, name: str, values: pd.Series) -> None:
    texts = values.map(_cell)
    categories = sorted(set(texts) - {""})
    place = {text: number for number, text in enumerate(categories)} | {"": -1}
    codes = np.array([place[text] for text in texts], dtype=np.int32)
    one = _as(group.create_group(name), "categorical", "0.2.0")
    one.attrs["ordered"] = False
    _as(one.create_dataset("codes", data=codes), "array", "0.2.0")
    _write_texts(one, "categories", categories)
