"""Which gene of the annotation each id of a count file is: as it stands, without its version, or by its symbol."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from labdb.sequencing.count_cells import MAX_LISTED_ERRORS, CellError, CountFileError, quoted, refusal

VERSIONED = re.compile(r"(ENS[A-Z]*G\d{11})\.\d+")  # ENSMUSG00000021250.14; not ENSG..._PAR_Y, another gene
SHOWN = 3


@dataclass(frozen=True)
class KnownGene:
    """A gene of the annotation that the file names."""

    gene_id: str
    symbol: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResolvedIds:
    """Ids as they will be stored, in the order of the file; how many were changed and why; what to tell."""

    gene_ids: tuple[str, ...]
    n_unversioned: int = 0
    n_by_symbol: int = 0
    notes: tuple[str, ...] = ()


class SymbolsNeedConsent(CountFileError):
    """Ids of a file that are symbols of the annotation: ``proposed`` says which genes they would be."""

    def __init__(self, annotation: str, proposed: dict[str, str]):
        self.proposed = proposed
        n = len(proposed)
        sentence = (
            f"{n:,} {'id is no gene id' if n == 1 else 'ids are no gene ids'} of annotation {annotation} but "
            f"{'a symbol' if n == 1 else 'symbols'} or {'synonym' if n == 1 else 'synonyms'} of its genes "
            f"({_pairs(proposed)}); import them as these genes with --map-symbols, or name the annotation the counts were made with."
        )
        super().__init__([CellError(None, None, None, sentence)])


def resolve_gene_ids(
    gene_ids: Sequence[str],
    annotation: str,
    known: Iterable[KnownGene],
    *,
    map_symbols: bool = False,
    sum_duplicates: bool = False,
) -> ResolvedIds:
    """Find the genes of an annotation that a file names.

    Parameters
    ----------
    gene_ids : sequence of str
        Of the file, each once.
    annotation : str
        Its name, for the sentences.
    known : iterable of KnownGene
        The genes of the annotation; none where it is new and is filled from the file.
    map_symbols : bool
        Take symbols and synonyms for the genes they name; without it they are refused with what they name.
    sum_duplicates : bool
        Let two ids of the file be one gene.

    Returns
    -------
    ResolvedIds
        Ids that no rule knows stand as they are.

    Raises
    ------
    CountFileError
        A symbol that several genes have, or two ids of the file that are one gene.
    """
    genes = list(known)
    known_ids = {gene.gene_id for gene in genes}
    unversioned = _without_versions(gene_ids, known_ids)
    ids = [unversioned.get(gene, gene) for gene in gene_ids]
    renamed = _by_symbol([gene for gene in ids if gene not in known_ids], genes, annotation) if genes else {}
    if renamed and not map_symbols:
        raise SymbolsNeedConsent(annotation, renamed)
    ids = [renamed.get(gene, gene) for gene in ids]
    if not sum_duplicates:
        _refuse_meeting(gene_ids, ids, annotation)
    return ResolvedIds(
        tuple(ids), len(unversioned), len(renamed), _notes(gene_ids, ids, unversioned, renamed, known_ids)
    )


def _without_versions(gene_ids: Sequence[str], known_ids: Collection[str]) -> dict[str, str]:
    """Cut versions where the annotation has none, and where no two ids become one."""
    bare = {gene: found[1] for gene in gene_ids if gene not in known_ids and (found := VERSIONED.fullmatch(gene))}
    if known_ids:
        bare = {gene: plain for gene, plain in bare.items() if plain in known_ids}
    times: dict[str, int] = defaultdict(int)
    for gene in gene_ids:
        times[bare.get(gene, gene)] += 1
    return {gene: plain for gene, plain in bare.items() if times[plain] == 1}


def _by_symbol(ids: Sequence[str], genes: Iterable[KnownGene], annotation: str) -> dict[str, str]:
    """Return id -> gene id where exactly one gene has it for a symbol, else where exactly one has it for a synonym."""
    wanted = set(ids)
    of_symbol: dict[str, list[str]] = defaultdict(list)
    of_synonym: dict[str, list[str]] = defaultdict(list)
    for gene in genes:
        if gene.symbol in wanted:
            of_symbol[gene.symbol].append(gene.gene_id)
        for synonym in wanted.intersection(gene.synonyms):
            of_synonym[synonym].append(gene.gene_id)
    found = {name: of_symbol.get(name) or of_synonym.get(name, []) for name in ids}
    several = {name: matches for name, matches in found.items() if len(matches) > 1}
    if several:
        errors = [
            CellError(
                None, None, name,
                f"{quoted(name)} is the name of {len(matches)} genes of annotation {annotation} "
                f"({', '.join(matches[:SHOWN])}); name it by its gene id.",
            )
            for name, matches in several.items()
        ]  # fmt: skip
        raise CountFileError(errors[:MAX_LISTED_ERRORS], len(errors))
    return {name: matches[0] for name, matches in found.items() if matches}


def _refuse_meeting(written: Sequence[str], ids: Sequence[str], annotation: str) -> None:
    """Refuse two ids of the file that are one gene, as a symbol beside its synonym is."""
    if len(set(ids)) == len(ids):
        return
    writers: dict[str, list[str]] = defaultdict(list)
    for as_written, gene in zip(written, ids, strict=True):
        writers[gene].append(as_written)
    gene, names = next((gene, names) for gene, names in writers.items() if len(names) > 1)
    n = sum(len(names) > 1 for names in writers.values())
    more = f", and {n - 1:,} more such genes" if n > 1 else ""
    raise refusal(
        f"{' and '.join(map(quoted, names))} are one gene of annotation {annotation} ({gene}){more}; "
        "keep one of them, or add their counts up with --sum-duplicates."
    )


def _notes(
    written: Sequence[str],
    ids: Sequence[str],
    unversioned: dict[str, str],
    renamed: dict[str, str],
    known_ids: Collection[str],
) -> tuple[str, ...]:
    notes = []
    if unversioned:
        notes.append(f"Cut the version off {len(unversioned):,} gene ids ({_pairs(unversioned)}).")
    kept = [gene for gene, now in zip(written, ids, strict=True) if gene == now and VERSIONED.fullmatch(gene)]
    if kept and not known_ids:
        notes.append(
            f"Kept the version of {len(kept):,} gene ids, which would be one gene without it ({', '.join(kept[:SHOWN])})."
        )
    if renamed:
        notes.append(f"Took {len(renamed):,} symbols or synonyms for the genes they name ({_pairs(renamed)}).")
    return tuple(notes)


def _pairs(changed: dict[str, str]) -> str:
    shown = ", ".join(f"{old} is {new}" for old, new in list(changed.items())[:SHOWN])
    return f"{shown}, ..." if len(changed) > SHOWN else shown
