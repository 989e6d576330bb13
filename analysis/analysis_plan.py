"""The analysis plan: what will be compared and how, said before anybody knows; once frozen it stays as it was."""

import re
from hashlib import sha256
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from labdb.behavior.models import PhenotypeRule, ResponseRule
from labdb.registry.history import tracked, writing
from labdb.registry.models import StudyRecord
from labdb.registry.rules import between, one_per

GROUP = re.compile(r"(?P<name>\S.*?)\s+(?P<n>[0-9]{1,5})")

# The digest is that of the text, by the database's own reckoning, and the clock is the database's.
_FROZEN_STAYS = """
IF TG_OP = 'INSERT' THEN
    NEW.frozen_at := NULL; NEW.frozen_by_id := NULL; NEW.frozen_text := ''; NEW.sha256 := '';
    RETURN NEW;
END IF;
IF OLD.frozen_at IS NOT NULL THEN
    RAISE EXCEPTION 'Analysis plan % is frozen and stays as it is; make the next version.', OLD.number
        USING ERRCODE = 'check_violation';
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
IF NEW.frozen_at IS NOT NULL THEN
    IF NEW.frozen_by_id IS NULL OR NEW.frozen_text = ''
       OR NEW.sha256 <> encode(sha256(convert_to(NEW.frozen_text, 'UTF8')), 'hex') THEN
        RAISE EXCEPTION 'A plan is frozen with its text, the digest of it, and by somebody.'
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.frozen_at := statement_timestamp();
END IF;
RETURN NEW;
"""


@tracked
class AnalysisPlan(StudyRecord):
    """What will be compared in a study, and how, before its results are known."""

    key_field: ClassVar[str] = "pk"

    number = models.PositiveSmallIntegerField("version of the plan", default=1, help_text="1, 2, ...")
    title = models.CharField(max_length=200)
    groups = models.TextField(
        "groups with planned n",
        help_text="Name and number, separated by semicolons, such as control 10; susceptible saline 12. A name is a group, a phenotype, an arm, or a phenotype and an arm.",
    )
    primary_outcome = models.TextField(help_text="The one by which the number of mice was decided.")
    secondary_outcomes = models.TextField(blank=True)
    exclusions = models.TextField(
        "criteria of exclusion", blank=True, help_text="One a line, in the words in which exclusions will be entered."
    )
    phenotype_rule = models.ForeignKey(
        PhenotypeRule, null=True, blank=True, on_delete=models.PROTECT, related_name="analysis_plans"
    )
    response_rule = models.ForeignKey(
        ResponseRule, null=True, blank=True, on_delete=models.PROTECT, related_name="analysis_plans"
    )
    contrasts = models.TextField(blank=True, help_text="Their names, separated by semicolons.")
    methods = models.TextField("statistical methods", blank=True)
    frozen_at = models.DateTimeField(null=True, editable=False)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    frozen_text = models.TextField("text as frozen", blank=True, default="", editable=False)
    sha256 = models.CharField("SHA-256 of the text", max_length=64, blank=True, default="", editable=False)

    class Meta:
        ordering = ["study", "-number"]
        constraints = [
            one_per(
                "study", "number", name="analysis_plan_number_once", field="number",
                sentence="{row.study} already has plan {value}; enter the next number.",
            ),
            between("number", 1, 1000, "", "analysis_plan_number"),
        ]  # fmt: skip
        triggers = [
            pgtrigger.Trigger(
                name="frozen_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=_FROZEN_STAYS,
            )
        ]

    def __str__(self) -> str:
        return f"plan {self.number}"

    def clean(self) -> None:
        """Refuse a change of a frozen plan, and groups without a number."""
        super().clean()
        if self.frozen_at is not None:
            raise ValidationError(
                {"number": f"Analysis plan {self.number} is frozen and stays as it is; make the next version."}
            )
        if unread := [part for part in parts_of(self.groups) if not GROUP.fullmatch(part)]:
            raise ValidationError({"groups": f"{unread[0]} has no number; enter a name and its n, such as control 10."})

    def needed_by(self) -> str:
        """Say that a frozen plan is not deleted."""
        return "It is frozen and stays as it is." if self.frozen_at else ""

    @property
    def planned(self) -> dict[str, int]:
        """The planned n of each group."""
        found = (GROUP.fullmatch(part) for part in parts_of(self.groups))
        return {one["name"]: int(one["n"]) for one in found if one}

    @property
    def criteria(self) -> list[str]:
        """The planned criteria of exclusion."""
        return [line for line in (" ".join(one.split()) for one in self.exclusions.splitlines()) if line]

    def text(self) -> str:
        """Return the plan as its digest is taken: everything it says, the values of its rules included."""
        parts = [
            ("Study", str(self.study)), ("Plan", str(self.number)), ("Title", self.title),
            ("Groups", "; ".join(parts_of(self.groups))), ("Primary outcome", self.primary_outcome),
            ("Secondary outcomes", self.secondary_outcomes), ("Criteria of exclusion", "; ".join(self.criteria)),
            ("Phenotype rule", _spelled(self.phenotype_rule)), ("Response rule", _spelled(self.response_rule)),
            ("Contrasts", "; ".join(parts_of(self.contrasts))), ("Statistical methods", self.methods),
            ("Notes", self.notes),
        ]  # fmt: skip
        lines = (f"{name}: {' '.join(text.split()) or '-'}" for name, text in parts)
        return "\n".join(lines) + "\n"

    @property
    def digest(self) -> str:
        """The digest: as frozen, else what it would be now."""
        return self.sha256 or sha256(self.text().encode()).hexdigest()


def parts_of(text: str) -> list[str]:
    """Return what a field holds that names several, separated by semicolons or lines."""
    return [part for part in (" ".join(one.split()) for one in re.split(r"[;\n]", text)) if part]


def _spelled(rule: Any) -> str:
    if rule is None:
        return ""
    return f"{rule} ({', '.join(f'{name} {value}' for name, value in sorted(vars(rule.to_kernel()).items()))})"


def freeze(plan: AnalysisPlan, by: Any) -> None:
    """Freeze a plan as it is stored; IntegrityError where it is frozen already."""
    text = plan.text()
    frozen = {"frozen_by": by, "frozen_text": text, "sha256": sha256(text.encode()).hexdigest()}
    with writing(user=by, door="web", reason="The plan is frozen."):
        rows = AnalysisPlan.objects.filter(pk=plan.pk, version=plan.version)
        rows.update(**frozen, frozen_at=Now())
    plan.refresh_from_db()


def latest_frozen(study: Any) -> AnalysisPlan | None:
    """Return the frozen plan with the greatest number; None where none is frozen."""
    return AnalysisPlan.objects.filter(study=study, frozen_at__isnull=False).order_by("-number").first()
