"""A bundle of count files to one table: what each file is, told by its content, and all of one kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from labdb.registry.long_work import tick
from labdb.registry.text_tables import TableError, decode_text, split_lines, unpack
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.readers.bundle import Bundle
from labdb.sequencing.readers.columns import listed, shown_path
from labdb.sequencing.readers.detect import (
    ESTIMATES,
    FEATURE_COUNTS,
    HTSEQ,
    MATRIX,
    MTX,
    SIDE_FILES,
    STAR,
    detect,
    is_one_sample,
    lacks_header,
)
from labdb.sequencing.readers.estimates import Summing, TranscriptGenes, read_estimates
from labdb.sequencing.readers.feature_counts import read_feature_counts
from labdb.sequencing.readers.htseq import read_htseq
from labdb.sequencing.readers.mtx import read_mtx
from labdb.sequencing.readers.samples import Joined, SampleFile, join, refuse_repeated_genes, sample_names
from labdb.sequencing.readers.star import join_star, read_star


@dataclass(frozen=True)
class BundleChoices:
    """What the person chose for files of one sample each."""

    round_estimates: bool = False
    strandedness: str = ""
    sum_duplicates: bool = False
    transcripts: TranscriptGenes | None = None


def decode_members(bundle: Bundle, max_bytes: int) -> tuple[dict[str, str], list[str]]:
    """Return the text of each count file by its path, without ``.gz``, and notes on what was left out.

    Raises
    ------
    TableError
        A file that is cut short, no text, or unpacks beyond all reason.
    """
    texts: dict[str, str] = {}
    notes: dict[str, str] = {}
    left = max_bytes
    for number, member in enumerate(bundle.members):
        tick(number, len(bundle.members), f"unpacking {bundle.name}")
        if SIDE_FILES.search(member.path):
            continue
        shown = shown_path(member.path, bundle.name)
        content = unpack(member.content, shown, left)
        left -= len(content) if content is not member.content else 0
        path = member.path.removesuffix(".gz")
        if path in texts:
            raise TableError(f"{bundle.name} holds {path} both packed and unpacked; take one of them out.")
        texts[path], note = decode_text(content, shown)
        if note:
            notes.setdefault(note, f"{shown}: {note}")
    return texts, [*_left_out(bundle), *notes.values()]


def _left_out(bundle: Bundle) -> list[str]:
    names = Counter(PurePosixPath(m.path).name for m in bundle.members if SIDE_FILES.search(m.path))
    if not names:
        return []
    shown = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in names.most_common(5))
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return [f"Left out files that hold no counts: {shown}{more}."]


def format_of(texts: dict[str, str], bundle_name: str, format: str) -> str:
    """Return the one format of all files; CountFileError where they are of several, or of none."""
    if not texts:
        raise refusal(f"{bundle_name} holds no count files; send what your quantifier wrote for each sample.")
    if format != "auto":
        return format
    formats: dict[str, list[str]] = defaultdict(list)
    for number, (path, text) in enumerate(texts.items()):
        tick(number, len(texts), "telling which program wrote the files")
        formats[detect(split_lines(text))].append(path)
    if MTX in formats:
        return MTX
    if MATRIX in formats:
        return _format_of_tables(texts, formats, bundle_name)
    if len(formats) > 1:
        kinds = "; ".join(f"{name}: {listed(paths, 2)}" for name, paths in sorted(formats.items()))
        raise refusal(f"{bundle_name} mixes the files of several programs ({kinds}); import each kind by itself.")
    return next(iter(formats))


def _format_of_tables(texts: dict[str, str], formats: dict[str, list[str]], bundle_name: str) -> str:
    """Return the format of files of which some bear no mark of a program: one matrix, or genes and counts of samples."""
    plain = formats[MATRIX]
    if len(texts) == 1:
        return HTSEQ if is_one_sample(texts[plain[0]]) and lacks_header(texts[plain[0]]) else MATRIX
    others = [path for path in plain if not is_one_sample(texts[path])]
    if not others and formats.keys() <= {MATRIX, HTSEQ}:
        return HTSEQ  # its summary rows were cut
    if len(others) == len(texts):
        raise refusal(f"{bundle_name} holds {len(texts):,} matrices ({listed(plain)}); import each by itself.")
    raise refusal(
        f"{listed(others or plain)} in {bundle_name} is no count file of one sample, as the others are; take it out."
    )


def read_samples(texts: dict[str, str], bundle_name: str, format: str, choices: BundleChoices) -> Joined:
    """Read files of one sample each, or the three files of an MTX matrix, as genes x samples; ``texts`` is emptied."""
    if format == MTX:
        return read_mtx(texts, bundle_name, round_estimates=choices.round_estimates)
    if format == STAR:
        return _read_star(texts, bundle_name, choices)
    if format in ESTIMATES:
        return _read_estimates(texts, bundle_name, format, choices)
    described: dict[str, None] = {}
    read: Callable[[str, str, str], tuple[SampleFile, list[str]]] = {
        HTSEQ: lambda text, path, name: read_htseq(
            text, path, name, bundle_name=bundle_name, round_estimates=choices.round_estimates
        ),
        FEATURE_COUNTS: lambda text, path, name: read_feature_counts(
            text, path, bundle_name=bundle_name, round_estimates=choices.round_estimates
        ),
    }[format]

    def read_one(text: str, path: str, name: str) -> SampleFile:
        file, columns = read(text, path, name)
        described.update(dict.fromkeys(columns))
        return file

    joined = _joined(_each(texts, read_one), bundle_name, choices)
    if described:
        named = ", ".join(filter(None, described)) or "between gene and count"
        joined.notes.append(f"Left out columns that describe the gene: {named}.")
    return joined


def _each(texts: dict[str, str], read: Callable[[str, str, str], SampleFile]) -> list[SampleFile]:
    """Read every file, letting its text go; ids that are those of the first file are kept once."""
    files: list[SampleFile] = []
    paths = list(texts)
    for number, (path, name) in enumerate(zip(paths, sample_names(paths), strict=True)):
        tick(number, len(paths), "reading the files of samples")
        file = read(texts.pop(path), path, name)
        is_alike = bool(files) and file.gene_ids == files[0].gene_ids
        files.append(replace(file, gene_ids=files[0].gene_ids) if is_alike else file)
    return files


def _read_star(texts: dict[str, str], bundle_name: str, choices: BundleChoices) -> Joined:
    files = _each(texts, lambda text, path, name: read_star(text, path, name, bundle_name=bundle_name))
    _refuse_repeats(files, bundle_name, choices)
    return join_star(files, bundle_name, choices.strandedness)


def _read_estimates(texts: dict[str, str], bundle_name: str, format: str, choices: BundleChoices) -> Joined:
    summing = Summing(choices.transcripts)
    files = _each(
        texts,
        lambda text, path, name: read_estimates(
            text, path, name, format, summing, bundle_name=bundle_name, round_estimates=choices.round_estimates
        ),
    )
    joined = _joined(files, bundle_name, choices)
    if choices.transcripts:
        joined.notes.append(
            f"Summed {summing.n_transcripts:,} transcripts to {len(joined.gene_ids):,} genes by {choices.transcripts.name}."
        )
    return joined


def _joined(files: list[SampleFile], bundle_name: str, choices: BundleChoices) -> Joined:
    _refuse_repeats(files, bundle_name, choices)
    return join(files, bundle_name)


def _refuse_repeats(files: list[SampleFile], bundle_name: str, choices: BundleChoices) -> None:
    if not choices.sum_duplicates:
        refuse_repeated_genes(files[0].gene_ids, shown_path(files[0].path, bundle_name))
