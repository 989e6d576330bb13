"""Counts, samples and designs as an analyst takes them to R or scverse; what of the treatment is known decides who asks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from django.conf import settings
from django.utils import timezone

from analysis.design_frame import read_libraries
from analysis.library_fields import ARM, IS_RANDOMIZED, OUTCOME, PHENOTYPE, RESPONSE
from analysis.models import AnalysisRun, Contrast
from analysis.r_names import make_name, make_names
from analysis.tasks.expression_design import Question, answerable, make_design
from labdb.colony.models import Mouse
from labdb.registry.permissions import may
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Gene, Library, LibraryExtraction
from labdb.treatment.arm_labels import former_labels
from labdb.treatment.models import AllocationKey

SECRET = (ARM, IS_RANDOMIZED, OUTCOME)  # fields that say who got what
FIELDS = {  # column -> field of a library or its mouse
    "phenotype": PHENOTYPE, "response": RESPONSE, "animal_group": "mouse__group", "pool": "library__pool",
    "sex": "mouse__sex", "strain": "mouse__strain", "cohort": "mouse__cohort", "litter": "mouse__litter",
}  # fmt: skip
POOL = FIELDS["pool"]
RECORDED = {  # path from an extraction in a library -> column
    "library_id": "library", "extraction__inputs__sample__code": "tissue_sample",
    "extraction__inputs__sample__hemisphere": "hemisphere", "extraction__code": "rna_extraction",
    "extraction__batch": "rna_batch", "extraction__rin": "rin", "extraction__rna_conc_ng_per_ul": "rna_conc_ng_per_ul",
    "library__kit": "kit", "library__library_layout": "library_layout", "library__strandedness": "strandedness",
}  # fmt: skip


class ExportError(Exception):
    """Nothing can be exported as it was asked; the text is a sentence."""


@dataclass(frozen=True)
class Design:
    """The design of one region: samples x coefficients, coefficients x contrasts, by R's names."""

    region: str
    matrix: pd.DataFrame
    contrasts: pd.DataFrame


@dataclass(frozen=True)
class AnalystExport:
    """What goes out.

    Attributes
    ----------
    counts : pandas.DataFrame of int32
        Gene ids x library codes.
    samples : pandas.DataFrame
        By library code, in the order of the counts; text, None where nothing is known.
    genes : pandas.DataFrame
        By gene id: ``symbol``.
    designs : list of Design
    provenance : dict of str to str
    notes : tuple of str
        What was left out, and why.
    """

    counts: pd.DataFrame
    samples: pd.DataFrame
    genes: pd.DataFrame
    designs: list[Design]
    provenance: dict[str, str]
    notes: tuple[str, ...]


def matrix_of_run(run: AnalysisRun) -> CountMatrix | None:
    """Return the counts that a run read: those it names, else the latest when it began."""
    matrices = CountMatrix.objects.filter(study=run.study).order_by("-pk")
    results = run.results_run
    if code := results.parameters.get("matrix", ""):
        return matrices.filter(code=code).first()
    began = results.started_at or results.queued_at
    return matrices.filter(created_at__lte=began).first()


def make_export(
    matrix: CountMatrix, user: Any, *, region: str = "", contrast: str = "", run: AnalysisRun | None = None
) -> AnalystExport:
    """Read everything of a matrix, or of one region of it, as far as this account may know it.

    Parameters
    ----------
    contrast : str
        Whose groups and covariates make the designs; by default the study's first.

    Raises
    ------
    ExportError
        A region or contrast that is not there, or no library that leads to a mouse.
    """
    study = matrix.study
    knows = may(user, "view", AllocationKey, study)
    questions, notes = _questions(matrix, knows, contrast)
    columns = {**FIELDS, **({"arm": ARM, "outcome": OUTCOME} if knows else {})}
    asked = {*columns.values(), *(field for question in questions for field in question.fields)}
    found = read_libraries(study, matrix, sorted(asked))
    frame = found.frame
    if region:
        frame = frame[frame["region"] == region]
    if frame.empty:
        where = f" of region {region}" if region else ""
        raise ExportError(
            f"No library of {matrix}{where} leads to one mouse and one region; there is nothing to export."
        )
    codes = dict(Mouse.objects.filter(pk__in=set(frame["mouse"])).values_list("pk", "code"))
    samples = pd.DataFrame({"mouse": frame["mouse"].map(codes), "region": frame["region"]})
    samples["group"] = frame[OUTCOME if knows else PHENOTYPE]
    for name, field in columns.items():
        samples[name] = frame[field]
    nothing: Any = None
    samples = samples.astype(object).where(samples.notna(), nothing)
    samples = samples.join(sample_records(frame["library"]))
    samples.index.name = "sample"
    designs, refused = _designs(frame, questions)
    if not knows:
        notes.append(
            "Who got which treatment is not shown to you: groups are phenotypes, and contrasts by arm are left out."
        )
    elif study.is_blinded:
        notes.append("The study is blinded: arms are letters.")
    in_order = Library.objects.in_bulk(frame["library"].tolist())
    counts = load_counts(matrix, [in_order[pk] for pk in frame["library"]], dtype=np.int32)
    genes = Gene.objects.in_bulk(counts.index.tolist())
    ids = pd.Index([genes[pk].gene_id for pk in counts.index], name="gene_id")
    return AnalystExport(
        counts=counts.set_axis(ids, axis="index").set_axis(frame.index, axis="columns"),
        samples=samples,
        genes=pd.DataFrame({"symbol": [genes[pk].symbol for pk in counts.index]}, index=ids),
        designs=designs,
        provenance=_provenance(matrix, user, run, found.runs),
        notes=(*found.notes, *notes, *refused),
    )


def _questions(matrix: CountMatrix, knows: bool, contrast: str) -> tuple[list[Question], list[str]]:
    """Return the contrasts that share the groups of the one asked for, as far as they may be known."""
    study = matrix.study
    rows = list(Contrast.objects.filter(study=study).select_related("region").order_by("name"))
    if contrast and contrast not in {one.name for one in rows}:
        raise ExportError(f"{study} has no contrast {contrast[:100]}; leave it out, or name one that there is.")
    labels = former_labels(study)
    notes: list[str] = []
    known: list[Question] = []
    if rows:
        try:
            answered, notes = answerable([Question.of(one, labels) for one in rows])
        except ValueError as error:
            notes = [str(error)]
        else:
            known = [one for one in answered if knows or not set(SECRET) & set(one.fields)]
    first = next((one for one in known if contrast in ("", one.name)), None)
    if first is None:
        if contrast:
            raise ExportError(f"The groups of {contrast[:100]} say who got which treatment, which is not shown to you.")
        group_by = OUTCOME if knows else PHENOTYPE
        return [Question(0, "", group_by, (), (), (POOL,), "")], notes
    return [one for one in known if one.model == first.model], notes


def _designs(frame: pd.DataFrame, questions: list[Question]) -> tuple[list[Design], list[str]]:
    designs, notes = [], []
    for region in sorted(set(frame["region"])):
        libraries = frame[frame["region"] == region]
        asked = [one for one in questions if one.region in ("", region)] or questions[:1]
        try:
            made = make_design(libraries, region, asked)
        except ValueError as error:
            notes.append(f"No design: {error}")
            continue
        if made.matrix.empty:
            notes.append(f"No design for {region}: no group has two mice.")
            continue
        notes += [*made.notes, *(refusal for refusal in made.refusals if any(one.name for one in asked))]
        names = make_names(map(str, made.matrix.columns))
        matrix = made.matrix.set_axis(names, axis="columns").rename_axis("sample")
        contrasts = made.contrasts.reindex(made.matrix.columns).set_axis(names, axis="index")
        contrasts = contrasts.set_axis(make_names(map(str, contrasts.columns)), axis="columns")
        designs.append(Design(region, matrix, contrasts.rename_axis("coefficient")))
    return designs, notes


def sample_records(libraries: pd.Series) -> pd.DataFrame:
    """Return what tissue, RNA and library say of each sample; several names as ``A; B``, of several RINs the lowest.

    Parameters
    ----------
    libraries : pandas.Series
        Primary keys, by library code.
    """
    of_library = LibraryExtraction.objects.filter(library__in=set(libraries)).order_by("pk")
    extracted = pd.DataFrame(list(of_library.values_list(*RECORDED)), columns=list(RECORDED.values()))
    numbers = {"rin": "min", "rna_conc_ng_per_ul": "mean"}
    names = {name: _joined for name in RECORDED.values() if name not in (*numbers, "library")}
    by_library = (
        extracted.groupby("library").agg({**names, **numbers}) if len(extracted) else extracted.set_index("library")
    )
    nothing: Any = None
    found = by_library.reindex(libraries.to_numpy())
    found.index = libraries.index
    for name in numbers:
        found[name] = found[name].astype(float)
    return found.astype(dict.fromkeys(names, object)).where(found.notna(), nothing)


def _joined(values: pd.Series) -> str | None:
    """Return different values as one text."""
    return "; ".join(dict.fromkeys(str(value) for value in values if value not in (None, ""))) or None


def _provenance(matrix: CountMatrix, user: Any, run: AnalysisRun | None, read: Iterable[AnalysisRun]) -> dict[str, str]:
    facts = {
        "study": matrix.study.code, "count_matrix": matrix.code, "annotation": matrix.annotation,
        "genome_build": matrix.genome_build, "quantifier": matrix.quantifier, "file": matrix.file_name,
        "sha256": matrix.sha256, "exported_by": user.get_username(),
        "exported_at": timezone.localtime().isoformat(timespec="seconds"), "labdb": settings.CODE_VERSION,
    }  # fmt: skip
    facts["runs"] = ", ".join(f"{one.task} {one.results_run.pk}" for one in read)
    if run is not None:
        facts |= {"run": str(run.pk), "task": run.task, "input_digest": run.results_run.input_digest}
    return {name: value for name, value in facts.items() if value}


def design_files(export: AnalystExport) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield name and table of every design and its contrasts."""
    for design in export.designs:
        region = make_name(design.region)
        yield f"design_{region}.tsv", design.matrix
        if design.contrasts.shape[1]:
            yield f"contrasts_{region}.tsv", design.contrasts
