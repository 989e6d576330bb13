"""What every page of a record knows: the record, who asks, and in which study."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse

from labdb.registry import permissions
from labdb.registry.forms import forbidden_sentence
from labdb.registry.record import Record, record_for


@dataclass
class PageContext:
    """One record as one account sees it, in the study that the address names."""

    record: type[Record]
    user: Any
    query: QueryDict = field(default_factory=lambda: QueryDict(mutable=True))

    @classmethod
    def of(cls, request: HttpRequest, resource: str) -> "PageContext":
        """Return the context of a request; 404 where no record has that name."""
        try:
            record = record_for(resource)
        except KeyError:
            raise Http404(f"No record is called {resource}.") from None
        return cls(record, request.user, request.GET.copy())

    @property
    def has_study(self) -> bool:
        """Whether its rows belong to studies: bench records and results alike."""
        return has_study(self.record.model)

    @cached_property
    def studies(self) -> list[Any]:
        """The studies that the account may see."""
        return visible_studies(self.user)

    @cached_property
    def study(self) -> Any:
        """The study that the address names, or None; 404 for one that the account does not see."""
        return study_named(self.query.get("study", ""), self.studies)

    @cached_property
    def entry_study(self) -> Any:
        """The study that new rows go into: the address's, else the only one the account sees."""
        if not self.has_study:
            return None
        return self.study or (self.studies[0] if len(self.studies) == 1 else None)

    def may(self, action: str, study: Any = None) -> bool:
        """Whether buttons for this action are shown; nobody writes what an analysis writes."""
        if self.record.read_only and action != "view":
            return False
        return permissions.may(self.user, action, self.record.model, study)

    def require(self, action: str, study: Any = None) -> None:
        """Refuse, in a sentence, what the account may not do."""
        if self.record.read_only and action != "view":
            raise PermissionDenied(
                f"{self.record.title().capitalize()} are not entered here; an analysis or a file of their own writes them."
            )
        if not self.may(action, study):
            raise PermissionDenied(forbidden_sentence(action, self.record.model, study))

    def rows(self) -> models.QuerySet:
        """Return the rows that the account may see."""
        return permissions.visible(self.record.model._default_manager.all(), self.user)

    def row_or_404(self, pk: int) -> Any:
        """Return one row; a row of a study that the account does not see is as good as none."""
        row = self.rows().filter(pk=pk).first()
        if row is None:
            raise Http404(f"There is no {self.record.model._meta.verbose_name} {pk}.")
        return row

    def address(self, page: str, *, study: Any = None, query: dict[str, str] | None = None) -> str:
        """Return the address of one of this record's pages; the study stays in it."""
        study = study or self.study
        words = {**(query or {}), **({"study": study.code} if study is not None else {})}
        url = reverse(f"record-{page}", args=[self.record.resource])
        return f"{url}?{urlencode(words)}" if words else url

    def for_template(self, study: Any = None) -> dict[str, Any]:
        """Return what `registry/page.html` shows: record, study, and the way back."""
        study = study or self.study
        return {
            "record": self.record,
            "title": self.record.title(),
            "what": str(self.record.model._meta.verbose_name),
            "study": study,
            "list_url": self.address("list", study=study),
            "index_url": f"{reverse('record-index')}?study={study.code}" if study else reverse("record-index"),
        }


def visible_studies(user: Any) -> list[Any]:
    """Return the studies that an account may see, by code."""
    return list(permissions.visible(permissions.study_model()._default_manager.all(), user))


def study_named(text: str, studies: list[Any]) -> Any:
    """Return the study of a code or ``#id``; None for an empty text, 404 for one not in the list."""
    if not text:
        return None
    for study in studies:
        if text in (study.code, f"#{study.pk}"):
            return study
    raise Http404(f"There is no study {text[:50]} among yours.")


def has_study(model: Any) -> bool:
    """Whether rows of a model belong to studies."""
    return permissions.study_path(model) == "study"
