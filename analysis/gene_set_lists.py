"""A list of genes against the sets of a collection: names found, sets tested, rows to show."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction

from analysis.kernels.gene_sets import MAX_GENES, MIN_GENES, GeneSets, over_representation, preranked, read_gmt
from analysis.outside import GeneSetCollection
from analysis.outside_genes import GeneNames, unknown_sentences
from analysis.tested_lists import TestedList
from labdb.registry.file_store import keep_file, open_file
from labdb.registry.history import writing
from labdb.registry.text_streams import TableError
from labdb.registry.text_tables import decode_text, unpack

OVER, PRERANKED = "over", "preranked"
METHODS = {
    OVER: "over-representation (hypergeometric, against the genes tested)",
    PRERANKED: "preranked (running sum over all genes)",
}
DIRECTIONS = {"both": "changed either way", "up": "up", "down": "down"}
KEPT_ANSWERS = 16


@dataclass(frozen=True)
class Asked:
    """What is asked of a list.

    Attributes
    ----------
    max_q : float
        Adjusted p at which a gene is on the list, for over-representation.
    """

    method: str = OVER
    direction: str = "both"
    max_q: float = 0.05
    min_genes: int = MIN_GENES
    max_genes: int = MAX_GENES


@dataclass(frozen=True)
class SetAnswer:
    """What came of it.

    Attributes
    ----------
    rows : pandas.DataFrame
        As the kernel gives them, a row a set; ``genes`` in symbols, ``description``.
    n_tested, n_listed, n_sets, n_left_out : int
        Genes of the list with a number; those on it (all of them when ranked); sets of the collection; sets that are
        too small or too large among the tested genes.
    notes : tuple of str
    refusal : str
        Why nothing could be tested; else empty.
    """

    rows: pd.DataFrame
    n_tested: int
    n_listed: int
    n_sets: int
    n_left_out: int
    notes: tuple[str, ...]
    refusal: str = ""


def read_collection(data: bytes, name: str) -> GeneSets:
    """Read a GMT file; TableError in a sentence where it is none."""
    text, _note = decode_text(unpack(data, name), name)
    try:
        return read_gmt(text)
    except ValueError as error:
        raise TableError(f"{name}: {error}.") from None


def store_collection(
    data: bytes, sets: GeneSets, said: Mapping[str, Any], file_name: str, sha256: str, user: Any
) -> Any:
    """Keep a collection; ValidationError by field where its name or file is taken."""
    collection = GeneSetCollection(
        **said, file_name=file_name[:255], sha256=sha256, n_sets=len(sets.sets), created_by=user,
        n_gene_names=len({gene for genes in sets.sets.values() for gene in genes}), messages="\n".join(sets.messages),
    )  # fmt: skip
    with transaction.atomic(), writing(user=user, door="web import"):
        collection.full_clean()
        collection.save()
        keep_file([data])
    return collection


@lru_cache(maxsize=4)
def sets_of(sha256: str) -> GeneSets:
    """Return the sets of a kept file, read once in a process; FileProblem where it is missing or damaged."""
    with open_file(sha256) as file:
        return read_collection(file.read(), sha256[:12])


_answers: OrderedDict[Any, SetAnswer] = OrderedDict()


def answer_for(
    tested: TestedList,
    collection: GeneSetCollection,
    asked: Asked,
    progress: Callable[[int, int], None] | None = None,
) -> SetAnswer:
    """Return the answer, kept for the next look (as for its file)."""
    run = tested.run.results_run.pk if tested.run else 0
    key = (tested.key, run, collection.sha256, asked)
    if key not in _answers:
        _answers[key] = _answer(tested, collection, asked, progress)
        while len(_answers) > KEPT_ANSWERS:
            _answers.popitem(last=False)
    return _answers[key]


def _answer(
    tested: TestedList, collection: GeneSetCollection, asked: Asked, progress: Callable[[int, int], None] | None
) -> SetAnswer:
    sets = sets_of(collection.sha256)
    names = GeneNames.of(tested.annotation)
    found = {name: names.find(name)[0] for name in {gene for genes in sets.sets.values() for gene in genes}}
    members = {
        name: [pk for gene in genes if (pk := found[gene]) is not None] for name, genes in sets.sets.items()
    }  # fmt: skip
    unknown = sorted(name for name, pk in found.items() if pk is None)
    genes = tested.background
    base = SetAnswer(
        pd.DataFrame(), len(genes), 0, len(sets.sets), 0,
        (*sets.messages, *unknown_sentences(unknown, names, tested.annotation)),
    )  # fmt: skip
    if refusal := _not_testable(tested, asked):
        return replace(base, refusal=refusal)
    if not set(found.values()) & set(genes.index):
        return replace(base, refusal=f"No gene of {collection} was tested in {tested.name}; there is nothing to test.")
    try:
        if asked.method == PRERANKED:
            rows = preranked(
                genes["value"].rename(index=names.symbols), _renamed(members, names), min_genes=asked.min_genes,
                max_genes=asked.max_genes, progress=progress,
            ).rename(columns={"leading_edge": "genes"})  # fmt: skip
            n_listed = len(genes)
        else:
            listed = called_genes(genes, asked) if tested.members is None else sorted(tested.members)
            n_listed = len(listed)
            if not n_listed:
                return replace(base, refusal=_nothing_called(tested, asked))
            rows = over_representation(
                listed, genes.index, members, min_genes=asked.min_genes, max_genes=asked.max_genes
            )
            rows["genes"] = [tuple(names.symbols[pk] for pk in found) for found in rows["genes"]]
    except ValueError as error:
        sentence = str(error)
        return replace(base, refusal=f"{sentence[0].upper()}{sentence[1:]}.")
    rows["description"] = [sets.descriptions[name] for name in rows.index]
    return replace(base, rows=rows, n_listed=n_listed, n_left_out=len(sets.sets) - len(rows))


def called_genes(genes: pd.DataFrame, asked: Asked) -> list[int]:
    """Return the genes on the list: adjusted p at most as asked, in the direction asked for."""
    is_called = genes["adj_p_value"] <= asked.max_q
    direction = genes["log2_fold_change"].fillna(genes["value"])
    if asked.direction != "both":
        is_called &= np.sign(direction) == (1 if asked.direction == "up" else -1)
    return [int(pk) for pk in genes.index[is_called]]


def _not_testable(tested: TestedList, asked: Asked) -> str:
    """Say why a list by name cannot be tested so; empty if it can."""
    if tested.members is None:
        return ""
    if asked.method == PRERANKED:
        return f"{tested.name} is a list by its rule, without an order of all genes; choose over-representation."
    if tested.genes.empty:
        return (
            f"The records no longer give the genes that {tested.name} was chosen among, so there is no background; "
            f"run {tested.run.task if tested.run else 'its task'} again."
        )
    return ""


def _nothing_called(tested: TestedList, asked: Asked) -> str:
    if tested.members is not None:
        return f"No gene is on the list {tested.name}; there is nothing to test."
    if tested.genes["adj_p_value"].isna().all():
        return f"{tested.name} has no adjusted p-values, so no gene of it is on a list; choose preranked."
    where = "" if asked.direction == "both" else f" {asked.direction}"
    return f"No gene of {tested.name} is{where} at adjusted p {asked.max_q:g}; raise it, or choose preranked."


def _renamed(members: dict[str, list[int]], names: GeneNames) -> dict[str, list[str]]:
    """By symbol, so that tied genes stand in an order that no database decides."""
    return {name: [names.symbols[pk] for pk in pks] for name, pks in members.items()}
