"""Both layouts go through the checks of every import, side by side in one laboratory, and all of their records arrive."""

from collections import Counter
from io import StringIO
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Avg, Count, F, Min, Q
from django.http import QueryDict
from django.test import override_settings

from analysis.kernels.phenotype import classify_phenotype
from analysis.models import MouseReversalScore, PhenotypeCall
from labdb.accounts.models import User
from labdb.behavior.models import AssayResult, PhenotypeRule, SocialInteractionTest, TrackedTrial
from labdb.behavior.tracking.rereading import read_again
from labdb.colony.models import Housing, Litter, Mouse, Study, Weighing
from labdb.defeat.models import Aggressor, AggressorScreening, ControlRotation, DefeatBout
from labdb.demo.layouts import LAYOUTS
from labdb.desk import measure_relations
from labdb.desk.measures import measured
from labdb.registry.attachments import attachments_of
from labdb.registry.filters import apply, read_filters
from labdb.registry.history import events_of
from labdb.registry.import_log import Import
from labdb.registry.record import all_records, record_for
from labdb.sequencing.models import (
    CountMatrix,
    Gene,
    Library,
    LibraryCounts,
    LibraryRun,
    RnaExtraction,
    SequencingRun,
    SequencingSelection,
)
from labdb.sequencing.sample_sheet import SheetLibrary, check
from labdb.tissue.models import BrainRegion, CheckedTube, TissueMeasurement, TissueSample, TubeEvent
from labdb.treatment.models import AllocationKey, Dose, Randomization, SolutionKey, Unblinding
from tests.analysis.treated_study import add_run

pytestmark = pytest.mark.slow
IN_EACH = {  # model: rows; both layouts have the same animals on the bench
    Mouse: 122,
    Weighing: 122 * 25,
    Housing: 122 * 11,
    DefeatBout: 112 * 10,
    SocialInteractionTest: 122 * 2,
    Dose: 122 * 14,
    SolutionKey: 122 * 3,
    AllocationKey: 122,
    Randomization: 2,
    ControlRotation: 2 * 4 * 9,  # of five controls in each cohort one is alone
    TissueMeasurement: 40 * 3 + 24 * 2,  # spine density needs a fixed brain
    SequencingSelection: 1,
    CountMatrix: 1,
}


@pytest.fixture(scope="module")
def both_studies(django_db_setup, django_db_blocker, tmp_path_factory):
    """Load both studies once for all tests of this file."""
    data = tmp_path_factory.mktemp("data")
    files = override_settings(DATA_DIR=data, MEDIA_ROOT=data)
    with files, django_db_blocker.unblock(), transaction.atomic():
        for name in LAYOUTS:
            call_command("load_demo", "--layout", name, stdout=StringIO())
        yield data
        transaction.set_rollback(True)


@pytest.fixture(params=["DEMO", "BAGOT"])
def study(request, both_studies):
    return Study.objects.get(code=request.param)


@pytest.fixture
def demo(both_studies):
    return Study.objects.get(code="DEMO")


def test_every_bench_record_arrives(study):
    found = {model: model.objects.filter(study=study).count() for model in IN_EACH}
    assert found == IN_EACH


def test_every_sequenced_sample_leads_from_its_counts_to_its_place_in_the_freezer(study):
    n_libraries = {"DEMO": 256, "BAGOT": 99}[study.code]
    assert Library.objects.filter(study=study, runs__isnull=False).distinct().count() == n_libraries
    assert LibraryCounts.objects.filter(matrix__study=study).count() == n_libraries
    samples = TissueSample.objects.filter(study=study, box__isnull=False, dissection__mouse=F("mouse"))
    assert samples.exclude(position="").count() == n_libraries
    selected = SequencingSelection.objects.get(study=study)
    sequenced = Mouse.objects.filter(tissue_samples__extractions__libraries__study=study).distinct()
    assert set(selected.mice.all()) == set(sequenced)
    assert selected.decided == {"DEMO": "before", "BAGOT": "after"}[study.code]


def test_no_record_of_the_design_is_left_empty(both_studies):
    """Tables of analyses aside, what a lab adds to its own taste, and what the pages of bench, trackers, boxes and pools make."""
    rooms = ("colony", "defeat", "behavior", "treatment", "tissue", "sequencing")
    own_taste = {
        "study-memberships", "exclusions", "mouse-identifications", "rotation-plans", "planned-bouts", "si-test-plans",
        "planned-si-tests", "welfare-checks", "tracked-assay-trials", "regions-not-taken", "pool-plans",
    }  # fmt: skip
    empty = {
        record.resource
        for record in all_records()
        if record.model._meta.app_label in rooms and not record.model.objects.exists()
    }
    assert empty <= own_taste


def test_a_batch_of_extractions_got_its_numbers_from_an_instruments_file_and_all_have_them(study):
    extractions = RnaExtraction.objects.filter(study=study)
    assert not extractions.filter(Q(rin=None) | Q(rna_conc_ng_per_ul=None)).exists()
    log = Import.objects.get(study=study, resource="rna-extractions")
    assert log.file_name.endswith("_X01_sampleTable.csv")
    of_file = extractions.filter(batch="X01")
    assert set(of_file.values_list("version", flat=True)) == {2} and log.n_changed == of_file.count() == 24


def test_the_past_of_every_tube_ends_where_the_tube_stands(study):
    samples = TissueSample.objects.filter(study=study)
    for sample in samples.prefetch_related("tube_events"):
        last = sample.tube_events.all()[0]
        assert (last.kind, last.box_id, last.position) == ("placed", sample.box_id, sample.position)
        assert sample.thaws == sum(one.kind == "thawed" for one in sample.tube_events.all()) == 1
    moves = [one for one in TubeEvent.objects.filter(study=study, kind="placed") if one.words.startswith("moved")]
    assert len(moves) >= 2  # the foreign tube, there and back
    found = CheckedTube.objects.filter(study=study).exclude(result="in place").order_by("result")
    assert [(one.result, one.decision, bool(one.position_found)) for one in found] == [
        ("foreign", "moved", True), ("missing", "missing", False),
    ]  # fmt: skip
    assert found[0].sample.box_id == samples.get(pk=found[0].sample_id).box_id != found[0].box_check.box_id


def test_reads_are_planned_and_received_and_the_poor_library_got_half(demo):
    lanes = LibraryRun.objects.filter(study=demo)
    assert lanes.filter(planned_reads_million=30, received_reads_million__gt=0).count() == 256
    (least,) = lanes.filter(received_reads_million__lt=0.5 * 30)
    assert least.received_reads_million == lanes.aggregate(least=Min("received_reads_million"))["least"]


def test_every_run_has_a_sample_sheet_with_its_pools_on_lanes_of_their_own(demo):
    for run in SequencingRun.objects.filter(libraries__study=demo).distinct():
        lanes = run.library_lanes.select_related("library")
        pools = {(one.lane, one.library.pool) for one in lanes}
        assert sorted(lane for lane, _pool in pools) == ["1", "2"]
        libraries = [
            SheetLibrary(one.library.code, one.lane, one.library.index_i7, one.library.index_i5) for one in lanes
        ]
        assert len(libraries) == 64
        assert check(libraries).refusals == []


def test_every_arm_has_measures_of_neuroplasticity(demo):
    of_arms = TissueMeasurement.objects.filter(study=demo, metric="gray_matter_volume", region__code="HIP").order_by()
    arms = dict(AllocationKey.objects.filter(study=demo).values_list("allocation__mouse_id", "arm__name"))
    counts = Counter(arms[mouse] for mouse in of_arms.values_list("mouse_id", flat=True))
    assert {arm: counts[arm] for arm in ("saline", "imipramine", "ketamine")} == dict.fromkeys(
        ("saline", "imipramine", "ketamine"), 6
    )
    assert not TissueMeasurement.objects.filter(study=demo, performed_at__date__gt=F("mouse__death_date")).exists()


def test_six_tests_of_the_demo_have_the_tracks_behind_their_seconds_and_the_published_layout_has_none(
    both_studies, settings
):
    settings.MEDIA_ROOT = both_studies  # where the files were stored
    assert set(TrackedTrial.objects.values_list("study__code", flat=True)) == {"DEMO"}
    tests = SocialInteractionTest.objects.filter(tracked_trials__isnull=False).distinct()
    assert sorted(tests.values_list("mouse__group", flat=True)) == ["control"] + ["defeated"] * 5
    assert set(tests.values_list("test_number", "version")) == {(1, 1)}  # written once, and not by their tracks
    for test in tests:
        absent, present = test.tracked_trials.order_by("target")
        assert (absent.zone_s, present.zone_s) == (test.iz_absent_s, test.iz_present_s)
        assert (absent.corner_s, present.corner_s) == (test.corner_absent_s, test.corner_present_s)
        assert absent.distance_cm == pytest.approx(test.distance_absent_cm, rel=0.01)
        assert {one.sha256 for one in attachments_of(test)} == {absent.sha256, present.sha256}
        assert absent.started_at == test.test_at
    assert {one.score.zone_s - one.tracked.zone_s for one in read_again(TrackedTrial.objects.all())} == {0.0}


def test_assays_of_the_demo_go_along_with_the_ratio_as_planted(both_studies):
    results = AssayResult.objects.order_by()
    assert set(results.values_list("study__code", flat=True)) == {"DEMO"}
    by_metric = dict(results.values_list("metric__name").annotate(n=Count("pk")))
    assert set(by_metric) == {
        "sucrose_intake_g", "sucrose_total_intake_g", "open_field_center_s", "open_field_distance_cm",
        "forced_swim_immobile_s", "forced_swim_immobility_latency_s",
    }  # fmt: skip
    assert set(by_metric.values()) == {122}
    swum = dict(results.filter(metric__name="forced_swim_immobile_s").values_list("mouse_id", "value"))
    ratios = dict(
        SocialInteractionTest.objects.filter(mouse__in=swum, test_number=1, si_ratio__gt=0).values_list(
            "mouse_id", "si_ratio"
        )
    )
    r = np.corrcoef(np.log(list(ratios.values())), [swum[mouse] for mouse in ratios])[0, 1]
    assert -0.5 < r < -0.1  # planted -.30; of 121 mice with an error of .09


def test_who_did_the_work_is_not_who_loaded_it_and_cannot_sign_in(demo):
    for model in (Weighing, DefeatBout, SocialInteractionTest, Dose, Housing):
        people = model.objects.filter(study=demo).values_list("performed_by__username", flat=True).distinct()
        assert set(people.order_by()) == {"demo_technician_1", "demo_technician_2"}
    assert set(User.objects.filter(username__startswith="demo_").values_list("is_active", flat=True)) == {False}
    assert not any(user.has_usable_password() for user in User.objects.filter(username__startswith="demo_"))


def test_the_study_was_blinded_until_it_was_opened_with_a_reason(study):
    assert not study.is_blinded
    opened, *earlier = events_of(study)
    assert (opened.is_blinded, earlier[-1].is_blinded) == (False, True)
    assert "re-tests were scored" in opened.pgh_context.metadata["reason"]
    assert opened.pgh_context.metadata["door"] == "demo"
    (row,) = Unblinding.objects.filter(study=study)
    assert (row.at, row.mouse) == (study.unblinded_at, None)
    assert not SocialInteractionTest.objects.filter(study=study, entered_unblinded=True).exists()
    mouse = Mouse.objects.filter(study=study).first()
    assert "reason" not in events_of(mouse)[0].pgh_context.metadata  # a reason belongs to its own change


def test_every_change_says_who_made_it_and_by_which_door(study):
    for model in (Mouse, Weighing, Dose, Library, CountMatrix):
        context = events_of(model.objects.filter(study=study).first())[0].pgh_context.metadata
        assert context["door"] == "demo"
        assert User.objects.get(pk=context["user"]).username == "labdb"


def test_repeated_partners_of_controls_are_saved_with_a_reason(study):
    pairs = ControlRotation.objects.filter(study=study).values("mouse", "partner").annotate(n=Count("pk"))
    assert max(pair["n"] for pair in pairs) == 2
    rotation = ControlRotation.objects.filter(study=study).first()
    assert "five controls" in events_of(rotation)[0].pgh_context.metadata["reason"]


def test_no_pair_met_twice_by_the_records(study):
    pairs = DefeatBout.objects.filter(study=study).values("mouse", "aggressor").annotate(n=Count("pk"))
    assert {pair["n"] for pair in pairs} == {1}
    shown = SocialInteractionTest.objects.filter(study=study, target__isnull=False)
    assert shown.count() == 244
    assert not shown.filter(target__in=DefeatBout.objects.filter(mouse__study=study).values("aggressor")).exists()


def test_the_planted_errors_are_in_the_records(demo):
    odd = Mouse.objects.filter(study=demo).exclude(sex="M")
    assert list(odd.values_list("code", flat=True)) == ["M036"]
    zero = SocialInteractionTest.objects.get(study=demo, iz_absent_s=0)
    assert (zero.mouse.code, zero.test_number, zero.si_ratio) == ("M063", 1, None)
    assert not TissueSample.objects.filter(mouse=zero.mouse).exists()


def test_shares_by_the_records_are_those_of_real_mice(demo):
    tests = SocialInteractionTest.objects.filter(study=demo, test_number=1)
    below = tests.filter(si_ratio__lt=1)
    assert below.filter(mouse__group="control").count() == 1  # of 10
    assert 0.53 < below.filter(mouse__group="defeated").count() / 112 < 0.59
    wounds = DefeatBout.objects.filter(study=demo)
    assert 0.02 < wounds.filter(wound_score__gte=2).count() / 1120 < 0.04  # .03 +- 2 SE of .005
    assert 0.03 < wounds.filter(substituted=True).count() / 1120 < 0.055  # .04 +- 2 SE of .006
    assert Mouse.objects.filter(study=demo, is_humane_endpoint=True).count() == 1
    assert wounds.filter(day=1).aggregate(mean=Avg("attacks"))["mean"] == pytest.approx(18, abs=3)  # SE 1.2


def test_a_lab_shares_aggressors_boxes_runs_and_genes_between_the_studies(both_studies):
    assert Aggressor.objects.count() == 2 * 180
    assert AggressorScreening.objects.count() == 2 * 540
    assert Gene.objects.count() == 22_000
    assert SequencingRun.objects.count() == 4 + 7
    assert Litter.objects.filter(mice__isnull=True).count() == 0


def test_a_second_demo_is_refused_and_changes_nothing(both_studies):
    n_mice = Mouse.objects.count()
    with pytest.raises(CommandError, match="Study DEMO is already there; nothing was changed"):
        call_command("load_demo", stdout=StringIO())
    assert Mouse.objects.count() == n_mice


def test_the_loaded_tests_give_the_phenotypes_of_the_truth_but_for_the_planted_zero(demo):
    fields = ("mouse__code", "mouse__group", "iz_absent_s", "iz_present_s")
    rows = SocialInteractionTest.objects.filter(study=demo, test_number=1).values_list(*fields)
    tests = pd.DataFrame(rows, columns=["mouse", "group", "iz_absent_s", "iz_present_s"]).set_index("mouse")
    calls = classify_phenotype(tests)["phenotype"]
    assert calls["M063"] == "unclassified"
    randomized = AllocationKey.objects.filter(study=demo, allocation__randomization__isnull=False)
    assert set(calls[list(randomized.values_list("allocation__mouse__code", flat=True))]) == {"susceptible"}


def test_one_question_finds_what_phenotypes_arms_rna_and_scores_say_together(demo):
    """Scores are planted here: .3 for mice of an even number, 1 for the others; all else is the demo's own."""
    tests = SocialInteractionTest.objects.filter(study=demo, test_number=1).select_related("mouse")
    frame = pd.DataFrame.from_records(
        [(one.mouse.code, one.mouse.group, one.iz_absent_s, one.iz_present_s) for one in tests],
        columns=["mouse", "group", "iz_absent_s", "iz_present_s"], index="mouse",
    )  # fmt: skip
    called, rule = classify_phenotype(frame)["phenotype"], PhenotypeRule.objects.all()[0]
    phenotype, scores = add_run(demo, "phenotype"), add_run(demo, "mouse_scores")
    PhenotypeCall.objects.bulk_create(
        PhenotypeCall(
            study=demo, run=phenotype, mouse=one.mouse, si_test=one, rule=rule, si_ratio=one.si_ratio, borderline=False,
            phenotype=called[one.mouse.code],
        )
        for one in tests
    )  # fmt: skip
    for library in Library.objects.filter(study=demo, code__contains="-NAc"):
        mouse = Mouse.objects.get(study=demo, code=library.code[:4])
        MouseReversalScore.objects.create(
            study=demo, run=scores, mouse=mouse, library=library, region=BrainRegion.objects.get(code="NAc"),
            arm="ketamine", group="planted", score=1.0 if int(mouse.code[1:]) % 2 else 0.3,
        )  # fmt: skip
    keys = AllocationKey.objects.filter(study=demo, arm__name="ketamine")
    rna = RnaExtraction.objects.filter(study=demo, code__contains="-NAc", rin__gt=8).values_list("code", flat=True)
    expected = {
        mouse
        for mouse in keys.values_list("allocation__mouse__code", flat=True)
        if called[mouse] == "susceptible" and any(code.startswith(mouse) for code in rna) and int(mouse[1:]) % 2 == 0
    }
    assert 2 <= len(expected) < keys.count() / 2 + 5
    question = 'phenotype = "susceptible" and drug = "ketamine" and region = "NAc" and rin > 8 and score < 0.5'
    user = User.objects.create_superuser("asks")
    for query in (
        QueryDict("study=DEMO&phenotype=susceptible&drug=ketamine&region=NAc&rin__gt=8&score__lt=0.5"),
        QueryDict(f"study=DEMO&ask={quote(question)}"),
        QueryDict(f"ask={quote(question.replace('region', 'rna.region').replace('rin', 'rna.rin'))}"),
    ):
        rows = apply(Mouse.objects.visible_to(user), record_for("mice"), read_filters(record_for("mice"), query, user))
        assert set(rows.values_list("code", flat=True)) == expected


def test_the_page_of_measures_finds_the_planted_correlation_and_no_other(study):
    found = measured(study, User(is_superuser=True))
    ratios = measure_relations.si_ratios(study, 1)
    pooled = {
        (one.measure.region, one.measure.metric): one
        for one in measure_relations.with_si_ratio(found, ratios, measure_relations.groups_of(study, ratios.index))
        if not one.group
    }
    assert len(pooled) == 3
    planted = pooled.pop(("HIP", "gray_matter_volume"))
    assert planted.found.rho < 0
    assert planted.adj_p_value < 0.05
    assert all(one.adj_p_value > 0.05 for one in pooled.values())
