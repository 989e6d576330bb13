"""Leaving out what a finding is about, and taking it in again: each by the form of the record itself."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from analysis.models import QualityFinding
from labdb.colony.excludable import EXCLUSION_FIELDS, Excludable
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.registry.deletion import Forbidden, StillNeeded, delete_record, named
from labdb.registry.forms import complete, forbidden_sentence, form_for
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.sequencing.models import LibraryExtraction
from labdb.tissue.models import TissueSample


@dataclass(frozen=True)
class Target:
    """A test, a sample or a mouse that a finding is about, and that analyses can leave out.

    Attributes
    ----------
    row : SocialInteractionTest, TissueSample or Mouse
    exclusions : tuple of Exclusion
        Of a mouse.
    """

    row: Any
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def key(self) -> str:
        """How a page names it."""
        return f"{record_for(type(self.row)).resource}:{self.row.pk}"

    @property
    def label(self) -> str:
        """How people call it: its kind and its name."""
        return named(self.row)

    @property
    def criteria(self) -> tuple[str, ...]:
        """Why analyses leave it out now; empty where they read it."""
        if isinstance(self.row, Excludable):
            return (self.row.exclusion_criterion,) if self.row.exclusion_criterion else ()
        return tuple(one.criterion for one in self.exclusions)

    @property
    def url(self) -> str:
        """The page of the record."""
        return reverse("record-detail", args=[record_for(type(self.row)).resource, self.row.pk])


def targets_of(findings: Iterable[QualityFinding]) -> dict[int, tuple[Target, ...]]:
    """Return what can be left out for each finding, by its primary key.

    The test, else the samples of its libraries, else the sample, else the mouse; of pools and runs nothing.
    """
    findings = list(findings)
    samples = _samples_of({key for one in findings for key in (one.library_id, one.other_library_id) if key})
    rows: dict[int, list[Any]] = {}
    for one in findings:
        of_libraries = [row for key in (one.library_id, one.other_library_id) for row in samples.get(key, ())]
        first = one.si_test or one.sample or one.mouse
        rows[one.pk] = [one.si_test] if one.si_test else of_libraries or ([first] if first else [])
    exclusions = _exclusions_of({row.pk for some in rows.values() for row in some if isinstance(row, Mouse)})
    return {
        pk: tuple(Target(row, tuple(exclusions.get(row.pk, ())) if isinstance(row, Mouse) else ()) for row in some)
        for pk, some in rows.items()
    }


def _samples_of(libraries: set[int]) -> dict[Any, list[TissueSample]]:
    path = "extraction__inputs__sample"
    pairs = LibraryExtraction.objects.filter(library__in=libraries, **{f"{path}__isnull": False})
    keys = list(pairs.order_by("pk").values_list("library_id", path).distinct())
    rows = TissueSample.objects.select_related("study").in_bulk({sample for _library, sample in keys})
    found: dict[Any, list[TissueSample]] = {}
    for library, sample in keys:
        if rows[sample] not in found.setdefault(library, []):
            found[library].append(rows[sample])
    return found


def _exclusions_of(mice: set[int]) -> dict[int, list[Exclusion]]:
    found: dict[int, list[Exclusion]] = {}
    for row in Exclusion.objects.filter(mouse__in=mice):
        found.setdefault(row.mouse_id, []).append(row)
    return found


def refusal(targets: Sequence[Target], user: Any, study: Study) -> str:
    """Say why an account cannot leave these out; empty where it can."""
    if not targets:
        return "It is about no mouse, test or sample, so nothing can be left out for it; choose another decision."
    for target in targets:
        model, action = (Exclusion, "add") if isinstance(target.row, Mouse) else (type(target.row), "change")
        if not may(user, action, model, study):
            return forbidden_sentence(action, model, study)
    return ""


def leave_out(targets: Sequence[Target], user: Any, criterion: str, answers: Mapping[str, str]) -> list[str]:
    """Exclude what is not excluded yet, and return what was; call it inside a transaction.

    Parameters
    ----------
    criterion : str
        Why, as the record keeps it.
    answers : mapping
        ``a_priori`` and ``blind``: ``true``, ``false``, or empty where nobody knows.

    Raises
    ------
    ValidationError
        In the sentences of the record's form.
    Conflict
        Someone else changed the record meanwhile.
    """
    done = []
    for target in targets:
        if target.criteria:
            continue
        known = {"a_priori": answers.get("a_priori", ""), "blind": answers.get("blind", "")}
        if isinstance(target.row, Mouse):
            _save(
                Exclusion, None, user, criterion, study=target.row.study.code, mouse=f"#{target.row.pk}",
                criterion=criterion, is_a_priori=known["a_priori"], is_blind=known["blind"],
                decided_by=user.get_username(), decided_at=timezone.now(),
            )  # fmt: skip
        else:
            values = (criterion, known["a_priori"], known["blind"], user.get_username())
            _save(type(target.row), target.row, user, criterion, **dict(zip(EXCLUSION_FIELDS, values, strict=True)))
        done.append(target.label)
    return done


def take_in(targets: Sequence[Target], user: Any, reason: str) -> list[str]:
    """Lift the exclusions, and return of what; otherwise as `leave_out`."""
    done = []
    for target in targets:
        for exclusion in target.exclusions:
            try:
                delete_record(exclusion, user)
            except (Forbidden, StillNeeded) as error:
                raise ValidationError(str(error)) from error
        if not isinstance(target.row, Mouse):
            _save(type(target.row), target.row, user, reason, **dict.fromkeys(EXCLUSION_FIELDS, ""))
        done.append(target.label)
    return done


def left_out_by(reasons: Container[str], targets: Iterable[Target]) -> Iterator[Target]:
    """Yield what is left out for one of these reasons; what is excluded for another is not a decision's business."""
    for target in targets:
        if isinstance(target.row, Mouse):
            own = tuple(one for one in target.exclusions if one.criterion in reasons)
            if own:
                yield Target(target.row, own)
        elif any(one in reasons for one in target.criteria):
            yield target


def _save(model: Any, row: Any, user: Any, reason: str, **texts: Any) -> None:
    record = record_for(model)
    form = form_for(record)(complete(texts, record, row), user=user, instance=row, reason=reason)
    if not form.is_valid():
        raise ValidationError([str(said) for some in form.errors.values() for said in some])
    form.save(expected_version=row.version if row is not None else None)
