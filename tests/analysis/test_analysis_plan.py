"""A frozen plan has a digest and stays as it was; the page says where the study went another way."""

import hashlib
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from analysis.analysis_plan import AnalysisPlan, freeze
from labdb.accounts.models import Role, User
from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.registry.deletion import StillNeeded, delete_record
from tests.accounts.people import make, sentences
from tests.accounts.people import signed_in as sign_in
from tests.analysis.small_study import make_study
from tests.analysis.treated_study import make_analyzed_study, signed_in
from tests.treatment.blinded_study import make_blinded_study

pytestmark = pytest.mark.django_db
PAGE = "/studies/S1/analysis-plan/"


def plan_of(study: Study, **fields: Any) -> AnalysisPlan:
    known = {"title": "What we compare", "groups": "control 3; defeated 9", "primary_outcome": "SI ratio, re-test"}
    return AnalysisPlan.objects.create(study=study, **{**known, **fields})


def frozen(plan: AnalysisPlan) -> AnalysisPlan:
    freeze(plan, User.objects.get_or_create(username="petra")[0])
    return plan


def said(client: Client, posted: dict[str, Any], status: int = 200) -> str:
    answer = client.post(PAGE, posted, follow=True)
    assert answer.status_code == status
    return sentences(answer)


def test_a_plan_is_frozen_as_the_page_showed_it() -> None:
    study = make_study()
    client = sign_in(make("ada", "analyst", of="S1"))
    rule = PhenotypeRule.objects.get(name="Ratio below 1")
    plan = plan_of(study, phenotype_rule=rule, exclusions="fell off\nill", contrasts="a - b; c - d")
    page = sentences(client.get(PAGE))
    assert "not frozen" in page
    assert plan.digest in page
    assert "Say which plan" in said(client, {"number": "7", "digest": plan.digest})
    AnalysisPlan.objects.update(title="Another")
    assert "was changed meanwhile; read it again" in said(client, {"number": "1", "digest": plan.digest})
    plan.refresh_from_db()
    assert f"Plan 1 is frozen; its digest is {plan.digest}" in said(client, {"number": "1", "digest": plan.digest})
    plan.refresh_from_db()
    text = (
        "Study: S1\nPlan: 1\nTitle: Another\nGroups: control 3; defeated 9\nPrimary outcome: SI ratio, re-test\n"
        "Secondary outcomes: -\nCriteria of exclusion: fell off; ill\nPhenotype rule: Ratio below 1 (borderline 0.05, "
        "control_sd None, cutoff 1.0, max_corner_ratio None, min_iz_present_s None)\nResponse rule: -\n"
        "Contrasts: a - b; c - d\nStatistical methods: -\nNotes: -\n"
    )
    assert (plan.frozen_text, plan.sha256) == (text, hashlib.sha256(text.encode()).hexdigest())
    assert plan.frozen_by == User.objects.get(username="ada")
    assert "is frozen already" in said(client, {"number": "1", "digest": plan.digest})


WAYS = [
    "UPDATE analysis_analysisplan SET title = 'x'",
    "UPDATE analysis_analysisplan SET frozen_at = NULL",
    "UPDATE analysis_analysisplan SET sha256 = ''",
    "DELETE FROM analysis_analysisplan",
]


def test_a_frozen_plan_stays_as_it_is_on_every_door(client: Client) -> None:
    plan = frozen(plan_of(make_study()))
    plan.refresh_from_db()
    before = AnalysisPlan.objects.values().get()
    for statement in WAYS:
        with pytest.raises(IntegrityError, match="is frozen and stays"), transaction.atomic():
            connection.cursor().execute(statement)
    plan.title = "x"
    with pytest.raises(IntegrityError, match="is frozen and stays"), transaction.atomic():
        plan.save()
    boss = make("boss", is_superuser=True)
    client.force_login(boss)
    patch = client.patch(f"/api/v1/analysis-plans/{plan.pk}/", {"title": "x"}, content_type="application/json")
    assert (patch.status_code, "is frozen and stays as it is" in patch.content.decode()) == (400, True)
    with pytest.raises(StillNeeded, match="stays as it is"):
        delete_record(AnalysisPlan.objects.get(), boss)
    assert AnalysisPlan.objects.values().get() == before
    page = client.get(PAGE).content.decode()
    assert "number=2" in page
    assert "Freeze plan" not in page


def test_sql_freezes_only_with_text_digest_and_name() -> None:
    study = make_study()
    born = AnalysisPlan.objects.create(
        study=study, title="x", groups="a 1", primary_outcome="x", frozen_at="2020-01-01T00:00Z", sha256="0" * 64
    )
    born.refresh_from_db()
    assert (born.frozen_at, born.sha256) == (None, "")
    for change in ("frozen_at = now()", "frozen_at = now(), frozen_text = 'x', sha256 = repeat('0', 64)"):
        with pytest.raises(DatabaseError, match="with its text"), transaction.atomic():
            connection.cursor().execute(f"UPDATE analysis_analysisplan SET {change}")


def test_the_form_is_filled_in_from_what_the_study_knows() -> None:
    study = make_analyzed_study()
    study.primary_outcome = "SI ratio of the re-test"
    study.save()
    client = signed_in()
    page = client.get(PAGE)
    url = page.context["next_url"]
    form = client.get(url).content.decode()
    for words in (
        "SI ratio of the re-test",
        "control 3; defeated 9",
        "Ratio below 1",
        "susceptible - control",
        "limma",
    ):
        assert words in form, words
    plan = plan_of(study, groups="control 3", contrasts="first")
    copied = client.get(client.get(PAGE).context["next_url"]).content.decode()
    assert 'value="2"' in copied
    assert "first" in copied
    assert str(plan.primary_outcome) in copied
    refused = client.post(url.partition("?")[0] + "?study=S1", {"number": "3", "title": "x", "groups": "control", "primary_outcome": "x"})  # fmt: skip
    assert "control has no number; enter a name and its n" in refused.content.decode()


def test_the_page_lists_every_deviation() -> None:
    study = make_analyzed_study()  # 3 control, 3 resilient, 3 saline and 3 ketamine susceptible mice
    other = PhenotypeRule.objects.create(name="Ratio below 0.9", cutoff=0.9)
    study.primary_outcome = "Fraction undone"
    study.save()
    mouse = Mouse.objects.get(study=study, code="c0")
    Exclusion.objects.create(study=study, mouse=mouse, criterion="ill", is_a_priori=False)
    planned = Exclusion.objects.create(study=study, mouse=mouse, criterion="Fell  off")
    test = SocialInteractionTest.objects.filter(study=study, mouse__code="c1").first()
    test.exclusion_criterion = "blurred"
    test.save()
    plan = plan_of(
        study, groups="control 3; resilient 3; susceptible ketamine 4; witness 8", exclusions="fell off",
        phenotype_rule=other, contrasts="treated - control",
    )  # fmt: skip
    page = sentences(signed_in().get(PAGE))
    assert planned.criterion not in page
    for sentence in (
        "The plan is not frozen: it can still be changed.",
        "control: 3 planned, 2 there (excluded ones not counted).",
        "susceptible ketamine: 4 planned, 3 there",
        "witness: 8 planned, and no mouse is called so.",
        "another primary outcome than the plan: Fraction undone",
        "Phenotype counts by the rule “Ratio below 1”; “Ratio below 0.9” was planned.",
        "Response counts by the rule “Ratio 1 and reliable change”; no rule was planned.",
        "The contrast “treated - control” was planned and has no current results.",
        "The contrast “susceptible - control” was computed and not planned.",
        "1 excluded (mouse) by a criterion that is not in the plan: ill.",
        "by a criterion that is not in the plan: blurred.",
        "1 excluded by a criterion that was not set a priori.",
    ):
        assert sentence in page, sentence
    assert "resilient: 3" not in page
    frozen(plan)
    response = study.runs.get(task="response")  # the first that tells what treatment did
    known = f"The plan was frozen when results were known already: run {response.pk} (response)"
    assert known in sentences(signed_in(name="tom").get(PAGE))


def test_no_deviation_counts_the_arms_of_a_blinded_study() -> None:
    study = make_blinded_study()
    plan_of(study, groups="arm A 2; defeated arm A 2; zeta-arm 2; defeated 4")
    client = sign_in(make("alma", "allocator"))
    page = sentences(client.get("/studies/BLIND/analysis-plan/"))
    for name in ("arm A", "defeated arm A", "zeta-arm"):
        assert f"{name}: 2 planned; arms are not counted while the study is blinded." in page
    assert "defeated: 4" not in page


def test_who_may_not_write_reads_and_a_closed_study_freezes_nothing() -> None:
    study = make_study()
    plan = plan_of(study)
    posted = {"number": "1", "digest": plan.digest}
    technician = sign_in(make("tess", "technician", of="S1"))
    assert "Freeze plan" not in technician.get(PAGE).content.decode()
    assert "Your role may not add analysis plans in study S1" in said(technician, posted, 403)
    assert sign_in(make("mia", "analyst", of="S2")).get(PAGE).status_code == 404
    analyst = sign_in(make("ada", "analyst", of="S1"))
    assert "S1 has no plan 9" in sentences(analyst.get(f"{PAGE}?number=9", follow=True))
    Study.objects.update(state="closed")
    assert "Study S1 is closed; a manager can open it again." in said(analyst, posted, 403)
    plan.refresh_from_db()
    assert plan.frozen_at is None


def test_roles_of_yesterday_get_the_rights_on_new_records() -> None:
    role = Role.objects.get(name="analyst")
    own = role.permissions
    own.remove(*own.filter(codename__in=("view_analysisplan", "add_analysisplan", "view_unblinding")))
    import_module("analysis.migrations.0004_analysis_plan").give_rights(apps, None)
    rights = set(own.filter(codename__regex="_(analysisplan|unblinding)$").values_list("codename", flat=True))
    assert rights == {"view_analysisplan", "add_analysisplan", "change_analysisplan", "view_unblinding"}
