"""What came in by file: who, when, which file, and each row that it made or changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from labdb.registry import permissions
from labdb.registry.models import LabQuerySet
from labdb.registry.secrecy import Secrecy
from labdb.registry.table_writes import insert_rows

WORKBOOK = "workbook"  # what an import of a whole study is called
REMEMBERED = 20  # imports of a record that are looked through for what a column was


class Import(models.Model):
    """A file, a pasted table or a workbook that was stored: what it made and changed, and whether it was undone.

    One that was to be stored and was refused is remembered too, with the first sentences that refused it.
    """

    key_field: ClassVar[str] = "pk"
    owner_field: ClassVar[str] = "created_by"  # who sees an import that belongs to no study

    resource = models.CharField("record", max_length=60, help_text="What was imported: mice, or workbook.")
    study = models.ForeignKey("colony.Study", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField("file", max_length=255)
    sha256 = models.CharField("SHA-256 of the file", max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField("size (bytes)")
    door = models.CharField(max_length=20)
    mapping = models.JSONField("columns", default=dict, help_text="Field by column, where a person chose it.")
    n_created = models.PositiveIntegerField("created")
    n_changed = models.PositiveIntegerField("changed")
    n_unchanged = models.PositiveIntegerField("unchanged")
    n_warnings = models.PositiveIntegerField("warnings", default=0)
    reason = models.TextField(blank=True, help_text="Why it was stored in spite of warnings.")
    created_at = models.DateTimeField("imported at", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="imported by"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undo_reason = models.TextField("why it was undone", blank=True)
    is_refused = models.BooleanField("refused", default=False, help_text="Nothing of it was stored.")
    n_errors = models.PositiveIntegerField("errors", default=0)
    refusal = models.TextField("why it was refused", blank=True, help_text="The first sentences, one a line.")
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When the same person's import of this record succeeded after the refusal."
    )

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["resource", "-id"], name="import_resource"),
            models.Index(
                fields=["created_by", "resource"], name="import_refused",
                condition=models.Q(is_refused=True, settled_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"import {self.pk} ({self.file_name})"

    @classmethod
    def not_kept_at(cls, user: Any, path: str) -> Q:
        """Return the condition that neither the name of a file nor what refused it tells what is kept from the account.

        Whose import it is sees it all the same; one that names no study counts as of every study.
        """
        condition = Q()
        for secrecy, resources in _kept_resources().items():
            if permissions.holds_everywhere(user, secrecy.permission):
                continue
            at = {name: "__".join(filter(None, [path, name])) for name in ("resource", "study", "created_by")}
            shown = Q(**{at["created_by"]: user}) | permissions.open_at(user, secrecy, at["study"])
            if not permissions.is_any_shut(user, secrecy):
                shown |= Q(**{f"{at['study']}__isnull": True})
            condition &= ~Q(**{f"{at['resource']}__in": resources}) | shown
        return condition


def _kept_resources() -> dict[Secrecy, list[str]]:
    """Return by their secrecy the records that few may know or write; a workbook may hold all of them."""
    from labdb.registry.record import all_records

    kept: dict[Secrecy, list[str]] = {}
    for record in all_records():
        if (secrecy := permissions.secrecy_of(record.model)) is not None:
            kept.setdefault(Secrecy(secrecy.permission, secrecy.flag), [WORKBOOK]).append(record.resource)
    return kept


class ImportedRow(models.Model):
    """A row that an import made or changed, and the line of the file that says so."""

    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    resource = models.CharField(max_length=60)
    record_id = models.BigIntegerField()
    sheet = models.CharField(max_length=60, blank=True)
    line = models.PositiveIntegerField()
    is_new = models.BooleanField()
    version = models.PositiveIntegerField(help_text="Of the row when the import had stored it.")
    links_before = models.JSONField(default=dict, help_text="Several related records of a changed row, by field.")

    class Meta:
        ordering = ["source", "pk"]
        indexes = [models.Index(fields=["resource", "record_id"], name="imported_row_record")]

    def __str__(self) -> str:
        return f"line {self.line} of {self.source}"


@dataclass(frozen=True)
class Source:
    """The file that an import comes from."""

    file_name: str
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, data: bytes, file_name: str) -> "Source":
        """Return the source of these bytes."""
        return cls(file_name[:255], sha256(data).hexdigest(), len(data))

    @classmethod
    def of_several(cls, files: Sequence["Source"]) -> "Source":
        """Return one or more files that are stored together; of several the digest is that of their sorted digests, a line each."""
        first, *others = files
        if not others:
            return first
        digests = "\n".join(sorted(one.sha256 for one in files))
        name = f"{first.file_name[:230]} and {len(others)} more"
        return cls(name, sha256(digests.encode()).hexdigest(), sum(one.size_bytes for one in files))


def log_rows(log: Import, resource: str, written: Sequence[tuple[Any, bool]], sheet: str = "") -> None:
    """Record the rows that an import wrote, each with whether it was new; their versions are read anew, for triggers count them."""
    from labdb.registry.record import record_for

    model = record_for(resource).model
    versions: dict[int, int] = dict(
        model._default_manager.filter(pk__in=[row.instance.pk for row, _new in written]).values_list("pk", "version")
    )
    insert_rows(
        ImportedRow,
        [
            ImportedRow(
                source=log, resource=resource, record_id=row.instance.pk, sheet=sheet, line=row.line, is_new=is_new,
                version=versions[row.instance.pk], links_before=row.links_before,
            )
            for row, is_new in written
        ],
    )  # fmt: skip


def remembered_mapping(resource: str, columns: Sequence[str]) -> dict[str, str]:
    """Return what a person said of these columns when files of this record came in before, the newest word first."""
    said: dict[str, str] = {}
    for mapping in (
        Import.objects.filter(resource=resource, is_refused=False)
        .exclude(mapping={})
        .values_list("mapping", flat=True)[:REMEMBERED]
    ):
        for column, name in mapping.items():
            if column in columns:
                said.setdefault(column, name)
    return said


def imported_before(source: Source, resource: str, user: Any) -> Import | None:
    """Return the import of the same content as the same record, where the account may see it and it was not undone."""
    same = Import.objects.visible_to(user).filter(
        sha256=source.sha256, resource=resource, undone_at=None, is_refused=False
    )
    return same.select_related("created_by").first()
