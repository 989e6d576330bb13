"""The page of a gene at 2,000 samples, 200 contrasts in four regions, and a reversal of each arm: page and both figures.

The page itself is held to its target; its figures come after it, by requests of their own.
"""

import statistics
import time
from typing import Any

import numpy as np
import pandas as pd

from bench.databases import throwaway_database

N_MICE, N_CONTRASTS, N_GENES = 500, 200, 5_000
REGIONS = ("PFC", "NAc", "HIP", "AMY")
N_WITH_RESULTS = 50  # genes that have results, so that the index has something to leave out
N_REQUESTS = 15
TARGET_MS = 150.0
GENE = "Gene7"


def measure() -> list[dict[str, Any]]:
    """Measure on a database of the benchmark's own."""
    with throwaway_database():
        from django.core.management import call_command
        from django.test import Client, override_settings

        call_command("load_fixtures", verbosity=0)
        study = _make_study()
        _make_results(study)
        plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
        with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
            return _look(Client())


def _look(client: Any) -> list[dict[str, Any]]:
    client.force_login(_account())
    page, figure = f"/genes/{GENE}/", f"/genes/{GENE}/figures/"
    size = f"{N_MICE * len(REGIONS):,} samples, {N_CONTRASTS} contrasts x {len(REGIONS)} regions"
    first = _ms(client, figure + "expression.html")
    return [
        _row(f"gene page, {size}", _median(client, page), TARGET_MS),
        _row("its figure of all samples", _median(client, figure + "expression.html"), None),
        _row(f"the same, the first of a process ({N_GENES:,} genes are normalized)", first, None),
        _row("its figure of all contrasts", _median(client, figure + "contrasts.html"), None),
        _row("a gene found by its synonym", _median(client, "/genes/?q=old-7", 302), None),
    ]


def _row(what: str, measured: float, target: float | None) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": "ms", "reference": None, "reference_what": "", "target": target}


def _median(client: Any, url: str, status: int = 200) -> float:
    return statistics.median(_ms(client, url, status) for _ in range(N_REQUESTS))


def _ms(client: Any, url: str, status: int = 200) -> float:
    begun = time.perf_counter()
    answer = client.get(url)
    taken = 1000 * (time.perf_counter() - begun)
    if answer.status_code != status:
        raise RuntimeError(f"{url} answered {answer.status_code}")
    return taken


def _account() -> Any:
    from labdb.accounts.models import User

    return User.objects.create(username="bench", is_superuser=True)


def _make_study() -> Any:
    """Mice with a library of each region, and their counts."""
    from labdb.colony.models import Mouse, Study
    from labdb.registry.history import writing
    from labdb.sequencing.models import ExtractionSample, Library, LibraryExtraction, RnaExtraction
    from labdb.tissue.models import BrainRegion, TissueSample
    from tests.analysis.small_study import add_matrix, make_genes

    with writing(door="benchmark"):
        study = Study.objects.create(code="B1", title="Benchmark")
        mice = Mouse.objects.bulk_create(
            Mouse(study=study, code=f"M{n:04d}", sex="M", group="control" if n % 4 == 0 else "defeated")
            for n in range(N_MICE)
        )
        places = [(mouse, BrainRegion.objects.get(code=region)) for mouse in mice for region in REGIONS]
        codes = [f"{mouse.code}-{region.code}" for mouse, region in places]
        samples = TissueSample.objects.bulk_create(
            TissueSample(study=study, code=f"T-{code}", mouse=mouse, region=region)
            for code, (mouse, region) in zip(codes, places, strict=True)
        )
        extractions = RnaExtraction.objects.bulk_create(RnaExtraction(study=study, code=f"E-{code}") for code in codes)
        libraries = Library.objects.bulk_create(Library(study=study, code=code) for code in codes)
        links = zip(samples, extractions, libraries, strict=True)
        ExtractionSample.objects.bulk_create(
            ExtractionSample(study=study, extraction=extraction, sample=sample)
            for sample, extraction, _library in links
        )
        LibraryExtraction.objects.bulk_create(
            LibraryExtraction(study=study, library=library, extraction=extraction)
            for extraction, library in zip(extractions, libraries, strict=True)
        )
        rng = np.random.default_rng(0)
        mean = rng.lognormal(4, 2, N_GENES)[:, None]
        genes = make_genes(N_GENES)
        type(genes[0]).objects.filter(pk=genes[7].pk).update(synonyms="old-7; older-7")
        add_matrix(study, libraries, rng.poisson(np.minimum(mean, 1e6) * rng.lognormal(0, 0.25, len(libraries))))
    return study


def _make_results(study: Any) -> None:
    """A current run of many contrasts, and one with a reversal of each region and two arms that lists the gene."""
    from analysis.models import Contrast, ReversedGene
    from analysis.tasks.differential_expression import Answer, store
    from labdb.registry.history import writing
    from labdb.sequencing.models import Gene
    from labdb.tissue.models import BrainRegion
    from tests.analysis.treated_study import add_reversal, add_run

    with writing(door="benchmark"):
        contrasts = Contrast.objects.bulk_create(
            Contrast(study=study, name=f"contrast {n}", group_by="mouse__group", numerator="a", denominator="b")
            for n in range(N_CONTRASTS)
        )
        regions = [BrainRegion.objects.get(code=code) for code in REGIONS]
        genes = list(Gene.objects.order_by("pk")[:N_WITH_RESULTS])
        run = add_run(study, "differential_expression")
        store(run, None, [Answer(one.pk, place.pk, _table(genes)) for one in contrasts for place in regions])  # type: ignore[arg-type]
        reversal = add_run(study, "reversal")
        for place in regions:
            for arm in ("imipramine", "ketamine"):
                test = add_reversal(reversal, region=place, arm=arm)
                ReversedGene.objects.create(
                    study=study, run=reversal, reversal=test, gene=genes[7], t_stress=5.0, t_merged=4.0, t_drug=-4.0,
                    p_merged=1e-4, p_drug=1e-4, q_value=0.01, listed=True, q_strict=0.04, listed_strict=True,
                )  # fmt: skip


def _table(genes: list[Any]) -> pd.DataFrame:
    from scipy.special import stdtr

    t = np.random.default_rng(1).standard_t(40, len(genes))
    p_value = 2 * stdtr(40, -np.abs(t))
    return pd.DataFrame(
        {"log2_fold_change": t / 5, "average_expression": 5.0, "t": t, "p_value": p_value, "adj_p_value": p_value},
        index=[gene.pk for gene in genes],
    )


if __name__ == "__main__":
    for row in measure():
        print(row)
