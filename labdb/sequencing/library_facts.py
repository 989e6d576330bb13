"""What is known of each library by its mouse, its tissue and its batch: the labels that pools are held against."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.kernels.confounding import LabelAssociation
from labdb.colony.models import Housing
from labdb.sequencing.models import Library
from labdb.sequencing.pool_findings import FEWEST_ONE_SIDED

POOL, LANE = "pool", "lane"
GROUP, REGION, CAGE, BATCH = "group", "region", "cage", "extraction batch"
OF_MICE = {GROUP: "group", "sex": "sex", "cohort": "cohort__code", "litter": "litter__code"}
OF_SAMPLES = {REGION: "region__code"}
OF_EXTRACTIONS = {BATCH: "batch"}
LABELS = (GROUP, REGION, "sex", "cohort", CAGE, "litter", BATCH)
NOT_KNOWN = "not known"

Levels = dict[str, str]


def levels_of(libraries: Collection[int], more: Mapping[str, Mapping[int, str]] | None = None) -> dict[int, Levels]:
    """Return every label of each library (primary keys); one of several mice has the levels of all.

    Parameters
    ----------
    more : mapping of str to mapping, optional
        Further labels of mice, by name and then by the mouse's primary key: phenotype, arm.
    """
    more = more or {}
    mouse = "extractions__samples__mouse"
    paths = {
        **{name: f"{mouse}__{path}" for name, path in OF_MICE.items()},
        **{name: f"extractions__samples__{path}" for name, path in OF_SAMPLES.items()},
        **{name: f"extractions__{path}" for name, path in OF_EXTRACTIONS.items()},
    }
    rows = list(Library.objects.filter(pk__in=libraries).order_by().values_list("pk", mouse, *paths.values()))
    cages = _latest_cages({row[1] for row in rows} - {None})
    found: dict[int, dict[str, set[str]]] = {pk: defaultdict(set) for pk in libraries}
    for pk, of_mouse, *values in rows:
        own = {**dict(zip(paths, values, strict=True)), CAGE: cages.get(of_mouse)}
        own |= {name: by_mouse.get(of_mouse) for name, by_mouse in more.items()}
        for name, level in own.items():
            if level:
                found[pk][name].add(level)
    names = (*LABELS, *more)
    return {pk: {name: " + ".join(sorted(levels[name])) or NOT_KNOWN for name in names} for pk, levels in found.items()}


def _latest_cages(mice: Collection[int]) -> dict[int, str]:
    latest = Housing.objects.filter(mouse__in=mice, cage__isnull=False).order_by("mouse_id", "-housed_from")
    return dict(latest.distinct("mouse_id").values_list("mouse_id", "cage__code"))


def confounding_sentences(label: str, place: str, found: LabelAssociation) -> Iterator[str]:
    """Say where a label and a place (pool, run, batch) go together so that results could not tell them apart."""
    if found.parted:
        sets = " | ".join(_listed(one) for one in found.parted)
        yield (
            f"{label.capitalize()} and {place} are confounded: no {place} holds both sides of {sets}. Whatever differs "
            f"between them may come from the {place}, and no analysis can tell."
        )
    elif found.is_confounded:
        yield (
            f"{label.capitalize()} and {place} go together (Cramer's V {found.v_corrected:.2f} of n = {found.n}, "
            f"corrected for the size of the table): a difference of {label} is hard to tell from one of {place}."
        )
    elif place in (POOL, LANE):
        for level, name, n in _one_sided(found):
            yield f"{place.capitalize()} {name} holds {n} libraries of {level} alone; mix the {label}s in each {place}."


def _one_sided(found: LabelAssociation) -> Iterator[tuple[str, str, int]]:
    """Yield the places of several libraries that hold one level alone, though there are others."""
    if len(found.table) < 2:
        return
    for name, counts in found.table.items():
        if (counts > 0).sum() == 1 and counts.sum() >= FEWEST_ONE_SIDED:
            yield str(counts.idxmax()), str(name), int(counts.sum())


def _listed(levels: Sequence[str]) -> str:
    return ", ".join(levels)


def index_of(library: Any) -> str:
    """Return the index of a library as one text; empty where none is entered."""
    return " + ".join(filter(None, [library.index_i7.upper(), library.index_i5.upper()]))


def lane_names(lanes: Iterable[tuple[str, str]]) -> str:
    """Say runs with their lanes: ``RUN1 lane 1, 2; RUN2``."""
    of_run: dict[str, list[str]] = defaultdict(list)
    for run, lane in lanes:
        of_run[run] += [lane] if lane else []
    return "; ".join(f"{run} lane {', '.join(some)}" if some else run for run, some in of_run.items())
