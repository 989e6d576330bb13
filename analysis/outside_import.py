"""From somebody's file of results to rows of labdb: genes found, repeated ones settled, all of it kept or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pandas as pd
from django.core.exceptions import ValidationError
from django.db import transaction

from analysis.outside import OutsideGene, OutsideSignature
from analysis.outside_columns import OutsideTable, read_outside_table
from analysis.outside_genes import GeneNames, unknown_sentences
from labdb.colony.models import Study
from labdb.registry.file_store import keep_file
from labdb.registry.history import copy_into, writing
from labdb.registry.text_streams import TableError
from labdb.sequencing.models import CountMatrix

FOUND = ("id", "symbol", "synonym")
NUMBERS = ["value", "log2_fold_change", "p_value", "adj_p_value"]
SHOWN = 8
LONGEST_NAME = 100


@dataclass(frozen=True)
class OutsideReport:
    """What a file holds, and what of it would be kept.

    Attributes
    ----------
    table : OutsideTable
    genes : pandas.DataFrame
        By primary key of the gene: ``written_as``, ``found_by`` and the numbers.
    counts : dict of str to int
        As the fields of `OutsideSignature` that begin with ``n_``.
    notes : tuple of str
    examples : list of tuple
        (as written, gene, how it was found) where these differ.
    """

    table: OutsideTable
    genes: pd.DataFrame
    counts: dict[str, int]
    notes: tuple[str, ...]
    examples: list[tuple[str, str, str]]

    @property
    def columns_read(self) -> str:
        """Which column was taken for what."""
        return "; ".join(f"{what}: {column}" for what, column in self.table.columns.items())[:500]


def annotations_of(study: Study) -> list[str]:
    """Return the annotations of a study's counts, that of the latest first."""
    rows = CountMatrix.objects.filter(study=study).order_by("-pk").values_list("annotation", flat=True)
    return list(dict.fromkeys(rows))


def check_outside(data: bytes, name: str, annotation: str) -> OutsideReport:
    """Read a file and find its genes.

    Raises
    ------
    TableError
        The file cannot be read, or none of its names is a gene of the annotation.
    """
    table = read_outside_table(data, name)
    names = GeneNames.of(annotation)
    if not names.symbols:
        raise TableError(f"There is no gene of annotation {annotation}; import its counts or its genes first.")
    rows = table.rows[table.rows["written_as"] != ""]
    found: list[tuple[Any, str]] = [names.find(one) for one in rows["written_as"]]
    rows = rows.assign(gene=[pk for pk, _how in found], found_by=[how for _pk, how in found])
    unknown = rows.loc[rows["gene"].isna(), "written_as"].drop_duplicates().tolist()
    if len(unknown) and rows["gene"].isna().all():
        sentences = unknown_sentences(unknown, names, annotation)
        raise TableError(f"{name} and annotation {annotation} share no gene. {' '.join(sentences)}")
    known = rows[rows["gene"].notna()].astype({"gene": int})
    with_number = known[known["value"].notna()]
    if with_number.empty:
        raise TableError(f"{name} has no number for any gene of {annotation}; it ranks nothing.")
    # Of several rows of a gene the furthest from 0 speaks: as probes and transcripts are settled, and it is said.
    order = with_number["value"].abs().sort_values(ascending=False, kind="stable").index
    genes = with_number.loc[order].drop_duplicates("gene").sort_index().set_index("gene")
    how = genes["found_by"].value_counts()
    counts = {
        "n_rows": len(table.rows), "n_genes": len(genes), **{f"n_by_{one}": int(how.get(one, 0)) for one in FOUND},
        "n_unknown": int(rows["gene"].isna().sum()), "n_repeated": len(with_number) - len(genes),
        "n_without_number": len(known) - len(with_number),
    }  # fmt: skip
    notes = [*table.notes, *unknown_sentences(unknown, names, annotation)]
    if counts["n_repeated"]:
        notes.append(
            f"{counts['n_repeated']:,} rows are further rows of a gene (twice in the file, or under two names); "
            "of each gene the row furthest from 0 is kept."
        )
    if counts["n_without_number"]:
        notes.append(f"{counts['n_without_number']:,} genes have no number (NA) and are left out.")
    return OutsideReport(table, genes, counts, tuple(notes), _examples(genes, names))


def _examples(genes: pd.DataFrame, names: GeneNames) -> list[tuple[str, str, str]]:
    renamed = genes[genes["found_by"] == "synonym"].head(SHOWN)
    written = zip(renamed["written_as"].tolist(), renamed.index.tolist(), strict=True)
    return [(name, names.symbols[pk], "synonym") for name, pk in written]


def described(
    study: Study, data: bytes, name: str, report: OutsideReport, said: Mapping[str, Any], user: Any
) -> OutsideSignature:
    """Return a checked file as it would be kept.

    Parameters
    ----------
    said : mapping
        What people say beside the file, by field of `OutsideSignature`.
    """
    words = {**said, "software": said.get("software") or report.table.software}
    return OutsideSignature(
        study=study, created_by=user, file_name=name[:255], sha256=sha256(data).hexdigest(),
        columns_read=report.columns_read, ranked_by=report.table.ranked_by, **report.counts, **words,
    )  # fmt: skip


def store_outside(signature: OutsideSignature, data: bytes, report: OutsideReport, user: Any) -> None:
    """Keep a file with its genes, all of it or nothing; the signature was validated."""
    with transaction.atomic(), writing(user=user, door="web import"):
        signature.save()
        copy_into(OutsideGene, ("study", "signature", "gene", "written_as", *NUMBERS), _rows(signature, report))
        keep_file([data])


def _rows(signature: OutsideSignature, report: OutsideReport) -> Any:
    columns = [[None if number != number else number for number in report.genes[name].tolist()] for name in NUMBERS]
    names = report.genes["written_as"].str[:LONGEST_NAME].tolist()
    for gene, name, *numbers in zip(report.genes.index.tolist(), names, *columns, strict=True):
        yield (signature.study_id, signature.pk, gene, name, *numbers)


def problems_of(report: OutsideReport) -> list[str]:
    """Return what stands against using a file as a signature though it can be read."""
    value = report.genes["value"]
    return ["All genes have one value; it orders nothing."] if value.nunique() < 2 else []


def sentences_of(error: ValidationError) -> dict[str, list[str]]:
    """Return the sentences of an error by field; those of no field under an empty name."""
    found: dict[str, list[str]] = error.message_dict if hasattr(error, "error_dict") else {"": list(error.messages)}
    return {"" if name == "__all__" else name: list(map(str, some)) for name, some in found.items()}
