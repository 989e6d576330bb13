"""A treated study with the results of runs, written down by hand: pages are tested for what they show, not compute."""

from typing import Any

from django.test import Client
from django.utils import timezone

from analysis.models import (
    Adoption,
    AnalysisRun,
    CalibrationRate,
    Contrast,
    GeneResult,
    MouseReversalScore,
    PhenotypeCall,
    PlaneGroup,
    PlaneMouse,
    ResponseCall,
    RunStatus,
    SignatureReversal,
)
from analysis.outside import OutsideScore, OutsideSignature, OutsideTest
from analysis.quality_results import LibraryQuality
from labdb.accounts.models import Role, User
from labdb.behavior.models import PhenotypeRule, ResponseRule, SocialInteractionTest
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.tissue.models import BrainRegion
from tests.analysis.small_study import make_treated_study

N_PER_GROUP = 3  # of make_treated_study: c0-c2, r0-r2, s0-s2 (saline), k0-k2 (ketamine; k0 and k2 respond)


def signed_in(role: str = "", study: Study | None = None, name: str = "tina") -> Client:
    """The browser of a superuser, or of an account with a role in one study."""
    user = User.objects.create(username=name, is_superuser=not role)
    if role:
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))  # type: ignore[misc]
    client = Client()
    client.force_login(user)
    return client


def add_run(
    study: Study, task: str, status: str = RunStatus.DONE, *, is_adopted: bool = True, **fields: Any
) -> AnalysisRun:
    """A run as it stands afterwards, by the way that every run takes; a done one is adopted."""
    now = timezone.now()
    ended = {"started_at": now, "finished_at": now} if status in (RunStatus.DONE, RunStatus.FAILED) else {}
    known: dict[str, Any] = {"parameters": defaults(task), **ended, **fields}
    run = AnalysisRun.objects.create(study=study, task=task, code_version="test", **known)
    for step in (RunStatus.RUNNING, status) if status != RunStatus.QUEUED else ():
        AnalysisRun.objects.filter(pk=run.pk).update(status=step)
    run.refresh_from_db()
    if status == RunStatus.DONE and task != "pipeline" and is_adopted:
        Adoption.objects.create(study=study, task=task, run=run, reason="The first run.")
    return run


def defaults(task: str) -> dict[str, Any]:
    by_task: dict[str, dict[str, Any]] = {
        "phenotype": {"rule": "Ratio below 1", "test_number": 1},
        "response": {"rule": "Ratio 1 and reliable change", "before": 1, "after": 2},
        "differential_expression": {"contrast": "", "matrix": ""},
        "reversal": {"seed": 0, "n_random": 1999, "matrix": ""},
        "rrho": {
            "first": "",
            "second": "",
            "step": 0,
            "population_offset": 0,
            "seed": 0,
            "n_random": 199,
            "matrix": "",
        },
        "mouse_scores": {"seed": 0, "matrix": ""},
        "resilience": {"seed": 0, "matrix": ""},
        "outside_signature": {"signature": "", "contrast": "", "seed": 0, "matrix": ""},
    }
    return by_task.get(task, {})


def make_analyzed_study() -> Study:
    """The treated study with a current run of every task."""
    study = make_treated_study(n_per_group=N_PER_GROUP, n_genes=30)
    phenotype = add_phenotypes(study)
    response = add_responses(study, phenotype)
    add_qualities(study)
    add_gene_results(study)
    reversal = add_run(study, "reversal")
    reversal.depends_on.set([phenotype, response])
    test = add_reversal(reversal)
    add_scores(study, test)
    add_plane(study)
    return study


def add_phenotypes(study: Study) -> AnalysisRun:
    run, rule = add_run(study, "phenotype"), PhenotypeRule.objects.get(name="Ratio below 1")
    for test in SocialInteractionTest.objects.filter(study=study, test_number=1).select_related("mouse"):
        is_control, ratio = test.mouse.group == "control", test.iz_present_s / test.iz_absent_s
        PhenotypeCall.objects.create(
            study=study, run=run, mouse=test.mouse, si_test=test, rule=rule, si_ratio=ratio,
            phenotype="control" if is_control else "susceptible" if ratio < 1 else "resilient",
            distance_to_cutoff=ratio - 1, borderline=False,
        )  # fmt: skip
    return run


def add_qualities(study: Study) -> AnalysisRun:
    run, matrix = add_run(study, "quality"), CountMatrix.objects.get(study=study)
    for number, library in enumerate(Library.objects.filter(study=study).order_by("code")):
        sample = library.extractions.get().samples.get()
        LibraryQuality.objects.create(
            study=study, run=run, matrix=matrix, library=library, mouse=sample.mouse, region=sample.region,
            library_size=20_000_000 + number, genes_detected=30, xist_cpm=0.0, y_cpm=40.0 + number, sex_called="M",
            pc1=number, pc2=number % 3, pc3=number % 2, pc4=0.5, distance_from_mean=number + 2.0,
        )  # fmt: skip
    return run


def add_responses(study: Study, phenotype: AnalysisRun) -> AnalysisRun:
    run, rule = add_run(study, "response"), ResponseRule.objects.get(name="Ratio 1 and reliable change")
    run.depends_on.add(phenotype)
    tests = {(test.mouse_id, test.test_number): test for test in SocialInteractionTest.objects.filter(study=study)}
    for mouse in Mouse.objects.filter(study=study):
        before, after = tests[mouse.pk, 1], tests[mouse.pk, 2]
        called = {"s": "non_responder", "k": "responder" if after.iz_present_s == 80 else "non_responder"}
        ResponseCall.objects.create(
            study=study, run=run, mouse=mouse, before=before, after=after, rule=rule,
            response=called.get(mouse.code[0], "unclassified"), borderline=False,
        )  # fmt: skip
    return run


def add_gene_results(study: Study) -> AnalysisRun:
    """Gene0 up and Gene1 down at adjusted p < .05, Gene2 neither; in one contrast and region."""
    run = add_run(study, "differential_expression")
    contrast = Contrast.objects.create(
        study=study, name="susceptible - control", group_by="mouse__phenotype", numerator="susceptible",
        denominator="control",
    )  # fmt: skip
    region = BrainRegion.objects.get(code="PFC")
    for symbol, change, p_value, adjusted in (
        ("Gene0", 2.0, 1e-6, 3e-6),
        ("Gene1", -1.0, 0.01, 0.015),
        ("Gene2", 0.1, 0.6, 0.6),
    ):
        GeneResult.objects.create(
            study=study, run=run, contrast=contrast, region=region, gene=Gene.objects.get(symbol=symbol),
            log2_fold_change=change, average_expression=5.0, t=change, p_value=p_value, adj_p_value=adjusted,
        )  # fmt: skip
    return run


def add_reversal(run: AnalysisRun, **fields: Any) -> SignatureReversal:
    known = {
        "n_control": 3, "n_stress": 3, "n_treated": 3, "p_value": 0.05, "adj_p_value": 0.05, "p_floor": 0.05, "n_relabelings": 20,
        "fraction_undone": 0.62, "fraction_undone_low": 0.31, "fraction_undone_high": 0.93, "cosine": -0.71,
        "cosine_null_mean": -0.44, "statistic": -3.0, "relabeled": [-3.0, *(number - 9.0 for number in range(19))],
    }  # fmt: skip
    return SignatureReversal.objects.create(
        study=run.study, run=run, matrix=CountMatrix.objects.get(study=run.study),
        **{"estimand": "arm", "region": BrainRegion.objects.get(code="PFC"), "arm": "ketamine", **known, **fields},
    )  # fmt: skip


def add_scores(study: Study, reversal: SignatureReversal) -> AnalysisRun:
    """Controls 0, susceptible mice 1, treated mice .38."""
    run = add_run(study, "mouse_scores")
    run.depends_on.add(reversal.run)
    for mouse in Mouse.objects.filter(study=study, code__regex="^[csk]"):
        kind = {"c": ("control", 0.0), "s": ("susceptible saline", 1.0), "k": ("ketamine responder", 0.38)}
        group, score = kind[mouse.code[0]]
        MouseReversalScore.objects.create(
            study=study, run=run, reversal=reversal, mouse=mouse, region=reversal.region, arm=reversal.arm, group=group,
            library=Library.objects.get(study=study, code=f"{mouse.code}-PFC"), score=score, se=0.1, low=score - 0.2,
            high=score + 0.2,
        )  # fmt: skip
    return run


def add_plane(study: Study) -> AnalysisRun:
    """Two responders at (.3, .1) and one non-responder, k1, at (.9, 0); k1 has a place without the mean of its group."""
    run, matrix = add_run(study, "resilience"), CountMatrix.objects.get(study=study)
    place = {"k0": ("responder", 0.3, 0.1), "k1": ("non-responder", 0.9, 0.0), "k2": ("responder", 0.3, 0.1)}
    region = BrainRegion.objects.get(code="PFC")
    for mouse in Mouse.objects.filter(study=study, code__startswith="k"):
        response, susceptible, resilient = place[mouse.code]
        PlaneMouse.objects.create(
            study=study, run=run, mouse=mouse, region=region, group=f"ketamine {response}", susceptible=susceptible,
            resilient=resilient, susceptible_se=0.2, resilient_se=0.2,
            library=Library.objects.get(study=study, code=f"{mouse.code}-PFC"),
        )  # fmt: skip
    PlaneGroup.objects.create(
        study=study, run=run, matrix=matrix, region=region, group="ketamine responder", n=2, susceptible=0.3,
        susceptible_se=0.1, susceptible_low=0.1, susceptible_high=0.5, resilient=0.1, resilient_se=0.1,
        resilient_low=-0.1, resilient_high=0.3,
    )  # fmt: skip
    return run


def add_drug_contrasts(study: Study) -> AnalysisRun:
    """The current run answers ketamine and a second drug against the same susceptible mice too, in three genes."""
    run = AnalysisRun.objects.get(study=study, task="differential_expression")
    region = BrainRegion.objects.get(code="PFC")
    outcome = {"group_by": "mouse__treatment_outcome"}
    Contrast.objects.filter(study=study).update(**outcome, numerator="susceptible saline")
    for drug, changes in (("ketamine", (-3.0, 4.0, 0.2)), ("esketamine", (-2.5, -0.1, 3.0))):
        contrast = Contrast.objects.create(
            study=study, name=f"{drug} responder - susceptible", numerator=f"{drug} responder",
            denominator="susceptible saline", **outcome,
        )  # fmt: skip
        for number, change in enumerate(changes):
            GeneResult.objects.create(
                study=study, run=run, contrast=contrast, region=region, gene=Gene.objects.get(symbol=f"Gene{number}"),
                log2_fold_change=change, average_expression=5.0, t=change, p_value=0.01 if abs(change) > 1 else 0.7,
                adj_p_value=0.03 if abs(change) > 1 else 0.7,
            )  # fmt: skip
    return run


def add_calibrations(study: Study) -> None:
    """Rates of one inert drug, as the study is and at a planned size."""
    for task, n_per_arm in (("calibration", None), ("reversal_power", 8)):
        CalibrationRate.objects.create(
            study=study, run=add_run(study, task), region=BrainRegion.objects.get(code="PFC"), arm="ketamine",
            n_per_arm=n_per_arm, n_control=3, n_stress=3, n_treated=3, has_stress=True, undone=0.0, test="arm",
            n_replicates=400, n_answered=400, n_called=20, rate=0.05, mc_error=0.011, low=0.03, high=0.076, n_shown=0,
        )  # fmt: skip


def add_outside(study: Study) -> AnalysisRun:
    """A signature from elsewhere, and one test of it: susceptible mice lie one SD along it."""
    run, region = add_run(study, "outside_signature"), BrainRegion.objects.get(code="PFC")
    numbers = dict.fromkeys(("n_by_id", "n_by_synonym", "n_unknown", "n_repeated", "n_without_number"), 0)
    signature = OutsideSignature.objects.create(
        study=study, code="GSE1", up_means="higher in susceptible mice", source="GSE1", annotation="test",
        file_name="a.rnk", sha256="a" * 64, columns_read="gene: gene", ranked_by="statistic", n_rows=30, n_genes=30,
        n_by_symbol=30, **numbers,
    )  # fmt: skip
    test = OutsideTest.objects.create(
        study=study, run=run, signature=signature, contrast=Contrast.objects.get(study=study), region=region,
        n_genes=30, n_numerator=6, n_denominator=3, difference=1.0, difference_low=0.2, difference_high=1.8,
        correlation=0.4, correlation_null_low=-0.3, correlation_null_high=0.3, p_value=0.02, adj_p_value=0.02,
        p_floor=1 / 84, n_relabelings=84, n_relabelings_available=84,
    )  # fmt: skip
    for library in Library.objects.filter(study=study):
        mouse = library.extractions.get().samples.get().mouse
        group = {"c": "control", "s": "susceptible", "k": "susceptible", "r": "resilient"}[mouse.code[0]]
        OutsideScore.objects.create(
            study=study, run=run, test=test, mouse=mouse, library=library, group=group, score=float(group[0] == "s")
        )
    return run
