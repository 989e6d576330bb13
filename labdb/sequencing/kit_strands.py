"""Which strand a library kit reads, and the refusal of counts that took another.

Sources of the kits: dUTP kits (TruSeq Stranded, NEBNext Ultra II Directional) read the reverse strand by the table
"Strand Settings" of rnabio.org; Illumina Stranded mRNA and Total RNA Prep likewise by biostars.org/p/9573467; QuantSeq REV
lies opposite to the mRNA by Lexogen's own answer (faqs.lexogen.com). QuantSeq FWD, and that SMART-Seq, Nextera XT and
TruSeq RNA v2 keep no strand, are by what those kits do and without a page that we could cite. The same table warns that
other adapters turn a kit round: what is written into a library goes before its kit, and the sums of STAR tell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import models

from labdb.sequencing.count_cells import MAX_LISTED_ERRORS, CellError, CountFileError, quoted
from labdb.sequencing.readers.columns import listed

if TYPE_CHECKING:
    from labdb.sequencing.models import Library


class Strandedness(models.TextChoices):
    """The strand that the first read of a fragment lies on, as STAR and HTSeq count it."""

    UNSTRANDED = "unstranded"
    FORWARD = "forward"
    REVERSE = "reverse"


# Only a proposal: `Library.strandedness` goes before it.
KIT_WORDS = (
    (re.compile(r"quantseq.*\brev\b", re.IGNORECASE), Strandedness.REVERSE),
    (re.compile(r"quantseq", re.IGNORECASE), Strandedness.FORWARD),
    (re.compile(r"truseq stranded|directional|stranded mrna prep|stranded total rna prep", re.IGNORECASE), Strandedness.REVERSE),
    (re.compile(r"smart-?seq ?v?[24]|nextera xt|truseq rna (library prep kit )?v2", re.IGNORECASE), Strandedness.UNSTRANDED),
)  # fmt: skip


def strandedness_of(library: Library) -> str:
    """Return what is recorded of a library, else what its kit is known for; empty if neither says."""
    if library.strandedness:
        return library.strandedness
    return next((str(strand) for words, strand in KIT_WORDS if words.search(library.kit)), "")


def refuse_other_kit(strandedness: str, libraries: Sequence[Library]) -> None:
    """Refuse counts of one strand for libraries whose kit reads another.

    Raises
    ------
    CountFileError
        With a sentence for each kit.
    """
    others: dict[tuple[str, str], list[str]] = defaultdict(list)
    for library in libraries:
        kit_strand = strandedness_of(library)
        if strandedness and kit_strand and kit_strand != strandedness:
            others[kit_strand, "" if library.strandedness else library.kit].append(library.code)
    errors = [
        CellError(
            None, None, None,
            f"{len(codes):,} {'library is' if len(codes) == 1 else 'libraries are'} {kit_strand}"
            f"{f' by the kit {quoted(kit)}' if kit else ''} ({listed(codes)}), but the counts are of the {strandedness} column; "
            f"take the {kit_strand} column, or correct the strandedness of the libraries.",
        )
        for (kit_strand, kit), codes in others.items()
    ]  # fmt: skip
    if errors:
        raise CountFileError(errors[:MAX_LISTED_ERRORS], len(errors))
