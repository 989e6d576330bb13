"""What happens to a tube after it was filled, and what was found when a box was gone through."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.colony.models import refuse_future
from labdb.colony.models.dates import spell
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord, label_of
from labdb.registry.rules import RowRule, between, one_per
from labdb.tissue.models.samples import StorageBox, TissueSample, named_places
from labdb.tissue.place_triggers import event_triggers
from labdb.tissue.places import POSITION


class TubeAct(models.TextChoices):
    """What happened to a tube; where it was before says whether it was placed, moved or brought back."""

    PLACED = "placed", "placed"
    TAKEN_OUT = "taken out", "taken out"
    THAWED = "thawed", "thawed"
    USED_UP = "used up", "used up"
    DISCARDED = "discarded", "discarded"
    MISSING = "missing", "not found"


STAYS = (TubeAct.PLACED, TubeAct.THAWED)  # the tube is in a box afterwards, or where it was
ENDS = (TubeAct.USED_UP, TubeAct.DISCARDED)
CHANGES_NOTHING = "What became of a tube is not rewritten; enter what happened since."


@tracked
class TubeEvent(StudyRecord):
    """Something that happened to one tube: placed, taken out, thawed, used up; its place follows from the newest."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "sample"

    sample = models.ForeignKey(TissueSample, on_delete=models.CASCADE, related_name="tube_events")
    kind = models.CharField("what happened", max_length=9, choices=TubeAct)
    performed_at = models.DateTimeField("happened at", default=timezone.now)
    performed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who did it."
    )
    box = models.ForeignKey(
        StorageBox, null=True, blank=True, on_delete=models.PROTECT, related_name="tube_events",
        help_text="Into which it was placed; empty for all else.",
    )  # fmt: skip
    position = models.CharField(max_length=3, blank=True, help_text="In the box, such as A1.")
    amount_used_mg = FiniteFloatField("tissue taken (mg)", null=True, blank=True, help_text="Out of this tube.")
    punches_used = models.PositiveSmallIntegerField(
        "punches taken", null=True, blank=True, help_text="Out of this tube."
    )
    box_before = models.ForeignKey(
        StorageBox, null=True, editable=False, on_delete=models.PROTECT, related_name="+", help_text="Where it was."
    )
    position_before = models.CharField(max_length=3, default="", db_default="", editable=False)
    is_edit = models.BooleanField(
        "from an edit", default=False, db_default=False, editable=False,
        help_text="Whether somebody edited the place of the sample itself: then the time is that of the edit.",
    )  # fmt: skip

    class Meta:
        ordering = ["-performed_at", "-pk"]
        triggers = event_triggers()
        constraints = [
            one_per(
                "sample", "kind", "performed_at", name="tube_event_once", field="performed_at",
                sentence="{row.sample} was {row.kind} at {value} already; correct the time, or leave this one out.",
            ),
            RowRule(
                condition=~Q(kind="placed") | Q(box__isnull=False), name="tube_event_placed_in_box", field="box",
                sentence="A tube is placed in a box; enter the box, or say that the tube was taken out.",
            ),
            RowRule(
                condition=Q(kind__in=STAYS) | Q(box__isnull=True, position=""), name="tube_event_gone_from_box",
                field="kind", sentence="A tube that is {value} has no place any more; leave box and position empty.",
            ),
            RowRule(
                condition=Q(position="") | Q(position__regex=f"^{POSITION}$"), name="tube_event_position",
                field="position",
                sentence="{value} is not a position; enter the row's letter and the column's number, such as A1.",
            ),
            RowRule(
                condition=Q(position="") | Q(box__isnull=False), name="tube_event_position_in_box", field="box",
                sentence="Position {row.position} needs its box; enter the box, or empty the position.",
            ),
            between("amount_used_mg", 0.01, 1000, "mg", "tube_event_amount"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sample} {self.words}"

    @property
    def words(self) -> str:
        """What happened, with where: moved from BOX1 A1 to BOX1 B2."""
        before = place_words(self.box_before, self.position_before)
        if self.kind == TubeAct.PLACED:
            after = place_words(self.box, self.position)
            return f"moved from {before} to {after}" if before else f"placed in {after}"
        what = str(self.get_kind_display())
        return f"{what} ({'in' if self.kind == TubeAct.THAWED else 'was in'} {before})" if before else what

    def clean(self) -> None:
        """Refuse a time to come, a place that the box does not have, and a thaw that names one."""
        super().clean()
        refuse_future(performed_at=self.performed_at)
        errors = {}
        if self.pk is None and self.kind == TubeAct.THAWED and (self.box is not None or self.position):
            errors["box"] = "A thaw leaves the tube where it is; leave box and position empty."
        elif self.box is not None and (sentence := outside(self.box, self.position)):
            errors["position"] = sentence
        dissected_at = self.sample.dissection.performed_at if self.sample_id and self.sample.dissection else None
        if dissected_at and self.performed_at and self.performed_at < dissected_at:
            errors["performed_at"] = (
                f"{self.sample} was dissected at {spell(dissected_at)}; {spell(self.performed_at)} is before it."
            )
        if errors:
            raise ValidationError(errors)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse two tubes in one position, events out of their order, and another past than the stored one."""
        yield from super().findings(rows)
        yield from _rewritten(rows)
        new = [(number, row) for number, row in enumerate(rows) if row.pk is None]
        if new:
            yield from _out_of_order(new)
            yield from _occupied(new)

    def needed_by(self) -> str:
        """Say that the tube cannot go back where it was: the newest event is taken back with its move."""
        newest = TubeEvent.objects.filter(sample=self.sample_id).order_by("-performed_at", "-pk").first()
        if newest is None or newest.pk != self.pk or self.box_before is None or not self.position_before:
            return ""
        there = TissueSample.objects.filter(box=self.box_before, position=self.position_before)
        if not there.exclude(pk=self.sample_id).exists():
            return ""
        return f"{self.sample} was in {self.position_before} of box {self.box_before}, where another tube is now; move that one first."


def place_words(box: StorageBox | None, position: str) -> str:
    """Return a place as people say it: ``BOX1 A1``; empty for none."""
    return f"{box} {position}".strip() if box is not None else ""


def outside(box: StorageBox, position: str) -> str:
    """Return the sentence on a position that the box does not have; empty where it has it, or nobody can know."""
    if not re.fullmatch(POSITION, position or "") or box.has(position):
        return ""
    return f"{position} is not in box {box}; its positions are A1 to {box.last_position}."


def _rewritten(rows: Sequence[TubeEvent]) -> Iterator[Finding]:
    names = ("sample_id", "kind", "box_id", "position")
    changed = {row.pk: (number, row) for number, row in enumerate(rows) if row.pk is not None}
    if not changed:
        return
    for pk, *before in TubeEvent.objects.filter(pk__in=changed).values_list("pk", *names):
        number, row = changed[pk]
        for name, value in zip(names, before, strict=True):
            if getattr(row, name) != value:
                yield Finding(number, name.removesuffix("_id"), CHANGES_NOTHING)
                break


def _out_of_order(new: Sequence[tuple[int, TubeEvent]]) -> Iterator[Finding]:
    """Refuse a move of a time before the newest one; warn of a tube that comes back from nothing."""
    stored = TubeEvent.objects.filter(sample__in={row.sample_id for _number, row in new}).exclude(kind=TubeAct.THAWED)
    newest: dict[int, TubeEvent] = {one.sample_id: one for one in stored.order_by("performed_at", "pk")}
    for number, row in sorted(new, key=lambda pair: pair[1].performed_at):
        last = newest.get(row.sample_id)
        if row.kind == TubeAct.THAWED:
            continue
        if last is not None and row.performed_at < last.performed_at:
            sentence = (
                f"{row.sample} was {last.get_kind_display()} at {spell(last.performed_at)}, after this; "
                "enter what happened in its order."
            )
            yield Finding(number, "performed_at", sentence)
        elif last is not None and last.kind in ENDS:
            sentence = f"{row.sample} was {last.get_kind_display()} on {timezone.localdate(last.performed_at)}; say why it is there again."
            yield Finding(number, "kind", sentence, Grade.WARNING)
        newest[row.sample_id] = row


def _occupied(new: Sequence[tuple[int, TubeEvent]]) -> Iterator[Finding]:
    """Refuse a tube in the place of another that stays there, and one that is there already."""
    in_time = sorted(new, key=lambda pair: pair[1].performed_at)
    ends_at = {
        row.sample_id: (number, row) for number, row in in_time if row.kind != TubeAct.THAWED
    }  # the last one wins
    placed = [(number, row) for number, row in ends_at.values() if row.box_id and row.position]
    tubes = TissueSample.objects.filter(box__in={row.box_id for _number, row in placed}).exclude(position="")
    holds = named_places(tubes.exclude(pk__in=ends_at), new[0][1].writer)
    told = tubes.filter(pk__in=ends_at, tube_events__isnull=False)  # another may be told how it came to its place
    own = {pk: (box, at) for pk, box, at in told.values_list("pk", "box", "position")}
    for number, row in placed:
        place = row.box_id, row.position
        if own.get(row.sample_id) == place:
            yield Finding(number, "position", f"{row.sample} is in {row.position} of box {row.box} already.")
        elif place in holds:
            sentence = f"{row.position} of box {row.box} holds {holds[place]}; choose another position, or move that sample first."
            yield Finding(number, "position", sentence)
        holds.setdefault(place, label_of(row.sample))


class CheckResult(models.TextChoices):
    """How a tube was found when its box was checked."""

    IN_PLACE = "in place", "in its place"
    ELSEWHERE = "elsewhere", "in another position"
    MISSING = "missing", "missing"
    FOREIGN = "foreign", "should not be in this box"


@tracked
class BoxCheck(LabRecord):
    """One box gone through with a scanner: every tube that should be there, and every code that was read."""

    code = CodeField(help_text="Box and day, such as BOX1-2026-03-14.")
    box = models.ForeignKey(StorageBox, on_delete=models.PROTECT, related_name="checks")
    performed_at = models.DateTimeField("checked at", default=timezone.now)
    performed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who did it."
    )
    unknown_codes = models.TextField(blank=True, help_text="Codes that were read and are no tube's, one a line.")

    class Meta:
        ordering = ["-performed_at", "-pk"]
        constraints = [
            one_per("code", name="box_check_code_once", field="code", sentence="{value} is already a check of a box.")
        ]

    @property
    def results(self) -> list[tuple[str, str]]:
        """How tubes may have been found, value and words."""
        return list(CheckResult.choices)

    def clean(self) -> None:
        """Refuse a check to come."""
        super().clean()
        refuse_future(performed_at=self.performed_at)


class CheckDecision(models.TextChoices):
    """What was decided of a tube that was not found as it is recorded."""

    LEFT = "left", "left as recorded"
    MOVED = "moved", "recorded where it was found"
    MISSING = "missing", "recorded as not found"


@tracked
class CheckedTube(StudyRecord):
    """One tube in the check of a box: where it should be, where it was, and what was decided."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "sample"

    box_check = models.ForeignKey(BoxCheck, on_delete=models.CASCADE, related_name="tubes")
    sample = models.ForeignKey(TissueSample, on_delete=models.CASCADE, related_name="box_checks")
    result = models.CharField(max_length=9, choices=CheckResult)
    position_recorded = models.CharField(max_length=3, blank=True, help_text="Where it should be in this box.")
    position_found = models.CharField(max_length=3, blank=True, help_text="Where it was in this box.")
    decision = models.CharField(max_length=7, choices=CheckDecision, default=CheckDecision.LEFT)

    class Meta:
        ordering = ["box_check", "position_found", "pk"]
        constraints = [
            one_per(
                "box_check", "sample", name="checked_tube_once", field="sample",
                sentence="{value} is in this check already.",
            ),
            RowRule(
                condition=Q(result__in=["in place", "elsewhere", "foreign"]) | Q(position_found=""),
                name="checked_tube_missing_nowhere", field="position_found",
                sentence="A tube that is missing was found nowhere; leave {value} out.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sample} in the check of {self.box_check}"
