"""How answers of `rrho` become rows: a map, its quadrants, and the genes of each maximum."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from analysis.kernels.rrho import QUADRANTS
from analysis.kernels.rrho_relabeling import OPPOSITE, SAME
from analysis.models import AnalysisRun
from analysis.rrho_cells import RrhoCells, digest, pack
from analysis.rrho_results import RrhoGene, RrhoMap, RrhoQuadrant
from analysis.tasks.rrho_answer import Answer
from labdb.registry.history import copy_into

GENE_COLUMNS = ("study", "run", "rrho_quadrant", "gene", "place", "t_first", "t_second")


def write_maps(
    run: AnalysisRun,
    matrix_id: int | None,
    population_offset: int,
    answers: Sequence[Answer],
    adjusted: Sequence[float | None],
) -> None:
    """Write each map with its quadrants and genes."""
    offset = {"matrix_id": matrix_id, "population_offset": population_offset}
    maps = RrhoMap.objects.bulk_create(
        RrhoMap(study_id=run.study_id, run=run, adj_p_value=q, **offset, **_map_values(answer))
        for answer, q in zip(answers, adjusted, strict=True)
    )
    quadrants = RrhoQuadrant.objects.bulk_create(
        RrhoQuadrant(study_id=run.study_id, run=run, rrho_map=row, **values)
        for row, answer in zip(maps, answers, strict=True)
        for values in _quadrant_values(answer)
    )
    by_map = {row.pk: answer for row, answer in zip(maps, answers, strict=True)}
    copy_into(RrhoGene, GENE_COLUMNS, _gene_rows(run, quadrants, by_map))


def _map_values(answer: Answer) -> dict[str, Any]:
    found, relabeling = answer.map, answer.relabeling
    packed = None if found is None or found.log10_p is None else pack(_cells(answer))
    x, y = answer.x.loc[answer.genes], answer.y.loc[answer.genes]
    return {
        "region_id": answer.region_id, "kind": answer.kind, "first": answer.names[0], "second": answer.names[1],
        "first_contrast_id": answer.contrasts[0], "second_contrast_id": answer.contrasts[1],
        "groups": ", ".join(f"{n} {group}" for group, n in answer.sizes.items()),
        "direction": answer.direction, "p_value": answer.p_value(answer.direction),
        "p_floor": relabeling.p_floor if relabeling else None,
        "n_relabelings": relabeling.n_relabelings if relabeling else None,
        "correlation": _correlation(answer), "correlation_null": answer.correlation_null,
        "n_genes": found.n_genes if found else 0, "n_dropped": found.n_dropped if found else 0,
        "n_tied": found.n_tied if found else 0, "step": found.step if found else None,
        "n_up_first": int((x > 0).sum()), "n_down_first": int((x < 0).sum()),
        "n_up_second": int((y > 0).sum()), "n_down_second": int((y < 0).sum()),
        "refusal": answer.refusal, "messages": "\n".join(answer.messages),
        "cells": packed, "cells_sha256": digest(packed) if packed else "",
    }  # fmt: skip


def _cells(answer: Answer) -> RrhoCells:
    found, relabeling = answer.map, answer.relabeling
    assert found is not None and found.log10_p is not None and found.overlap is not None
    if relabeling is None:
        return RrhoCells(found.log10_p, found.overlap)
    columns = list(OPPOSITE if answer.direction == "opposite" else SAME)
    minima = relabeling.minima[columns].min(axis=1).to_numpy()
    return RrhoCells(found.log10_p, found.overlap, relabeling.null_log10_p, minima)


def _correlation(answer: Answer) -> float | None:
    """Pearson's, of t over the genes in both; None where one does not vary."""
    x, y = (one.loc[answer.genes].to_numpy(dtype=float) for one in (answer.x, answer.y))
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _quadrant_values(answer: Answer) -> Iterator[dict[str, Any]]:
    maxima = answer.map.maxima if answer.map else None
    for quadrant in QUADRANTS:
        if maxima and (best := maxima.get(quadrant)):
            yield {
                "quadrant": quadrant, "n_first": best.n_x, "n_second": best.n_y, "overlap": best.overlap,
                "expected": best.n_x * best.n_y / answer.map.n_genes if answer.map else 0.0,
                "log10_p": best.log10_p, "p_value": answer.p_value(quadrant),
            }  # fmt: skip


def _gene_rows(
    run: AnalysisRun, quadrants: Sequence[RrhoQuadrant], by_map: dict[int, Answer]
) -> Iterator[tuple[Any, ...]]:
    for row in quadrants:
        answer = by_map[row.rrho_map_id]
        assert answer.map is not None
        genes = answer.map.overlapping_genes(row.quadrant)
        values = zip(genes.tolist(), answer.x.loc[genes].tolist(), answer.y.loc[genes].tolist(), strict=True)
        for place, (gene, first, second) in enumerate(values, start=1):
            yield (run.study_id, run.pk, row.pk, gene, place, first, second)
