"""The genes that names from outside stand for, in one annotation: by id, symbol or synonym."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from labdb.sequencing.excel_names import is_made_by_excel
from labdb.sequencing.gene_ids import VERSIONED
from labdb.sequencing.models import Gene

SHOWN = 5


@dataclass
class GeneNames:
    """What the genes of an annotation are called.

    Attributes
    ----------
    by_id, by_symbol, by_synonym : dict of str to int
        Primary keys; a symbol or synonym that several genes have stands for none of them.
    symbols : dict of int to str
        What to show: the symbol where it is one gene's alone, else the id.
    """

    by_id: dict[str, int] = field(default_factory=dict)
    by_symbol: dict[str, int] = field(default_factory=dict)
    by_synonym: dict[str, int] = field(default_factory=dict)
    symbols: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, annotation: str) -> "GeneNames":
        """Read them in one query."""
        names = cls()
        symbols: dict[str, list[int]] = defaultdict(list)
        synonyms: dict[str, list[int]] = defaultdict(list)
        rows = Gene.objects.filter(annotation=annotation).order_by("pk")
        for pk, gene_id, symbol, others in rows.values_list("pk", "gene_id", "symbol", "synonyms"):
            names.by_id[gene_id] = pk
            names.symbols[pk] = gene_id
            if symbol:
                symbols[symbol].append(pk)
            for other in filter(None, (one.strip() for one in others.split(";"))):
                synonyms[other].append(pk)
        names.by_symbol = {name: pks[0] for name, pks in symbols.items() if len(pks) == 1}
        names.symbols |= {pk: name for name, pk in names.by_symbol.items()}
        names.by_synonym = {
            name: pks[0] for name, pks in synonyms.items() if len(pks) == 1 and name not in symbols
        }  # fmt: skip
        return names

    def find(self, name: str) -> tuple[int | None, str]:
        """Return the gene of a name and how it was found: ``id``, ``symbol``, ``synonym`` or empty."""
        bare = found[1] if (found := VERSIONED.fullmatch(name)) else name
        for how, known in (("id", self.by_id), ("symbol", self.by_symbol), ("synonym", self.by_synonym)):
            for one in (name, bare):
                if (pk := known.get(one)) is not None:
                    return pk, how
        return None, ""

    def differs_in_case(self, names: Iterable[str]) -> int:
        """Return how many of these are symbols but for upper and lower case, as human genes are of mouse genes."""
        folded = {symbol.casefold() for symbol in self.by_symbol}
        return sum(name.casefold() in folded for name in names)


def unknown_sentences(unknown: list[str], names: GeneNames, annotation: str) -> list[str]:
    """Say which names are no gene of the annotation, and why that may be."""
    if not unknown:
        return []
    shown = ", ".join(name[:40] for name in unknown[:SHOWN])
    more = ", ..." if len(unknown) > SHOWN else ""
    names_are, they_take = ("name is", "it takes") if len(unknown) == 1 else ("names are", "they take")
    said = [f"{len(unknown):,} {names_are} no gene of {annotation} ({shown}{more}); {they_take} no part."]
    if n_excel := sum(map(is_made_by_excel, unknown)):
        said.append(f"Excel made dates or numbers of {n_excel:,} gene names; take the file as it was before Excel.")
    if n_folded := names.differs_in_case(unknown):
        said.append(
            f"But for upper and lower case {n_folded:,} would be symbols of {annotation}, as human genes are; "
            "labdb takes no human gene for a mouse gene by its spelling: use the file for mouse."
        )
    return said
