"""Photos, PDFs and raw files attached to any record; who may see the record may see them.

A row names its record by resource and id, without a foreign key, for there is one table for all; the record cannot be
deleted or leave its study while it has attachments, and `verify_files` names those whose record is gone.
"""

import mimetypes
import re
from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from labdb.registry import permissions
from labdb.registry.file_store import keep_file
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import one_per

LONGEST_NAME = 200
OTHER_TYPE = "application/octet-stream"
# What a browser may show by itself, told by the first bytes and not by the name: none of these runs scripts of a page.
SHOWN_BY_BROWSERS = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"%PDF-", "application/pdf"),
)


@tracked
class Attachment(LabRecord):
    """A file attached to a record."""

    key_field: ClassVar[str] = "pk"
    closes_with_study: ClassVar[bool] = True

    study = models.ForeignKey("colony.Study", null=True, on_delete=models.PROTECT, related_name="+")
    resource = models.CharField(max_length=60, help_text="Of the record, as in addresses: mice.")
    record_id = models.BigIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    file_name = models.CharField(max_length=LONGEST_NAME)
    media_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField("size (bytes)")
    description = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["resource", "record_id", "pk"]
        constraints = [
            one_per(
                "resource", "record_id", "sha256", name="attachment_once_per_record", field="sha256",
                sentence="This file is already attached to the record.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_image(self) -> bool:
        """Whether a page shows it as a picture."""
        return self.media_type.startswith("image/") and self.is_shown_inline

    @property
    def is_shown_inline(self) -> bool:
        """Whether a browser may show it rather than store it."""
        return self.media_type in {kind for _start, kind in SHOWN_BY_BROWSERS}


def attachments_of(row: models.Model) -> models.QuerySet[Attachment]:
    """Return what is attached to a record."""
    return Attachment.objects.filter(resource=_resource_of(row), record_id=row.pk).select_related("created_by")


def attach(row: models.Model, upload: Any, description: str = "", *, user: Any) -> Attachment:
    """Attach an uploaded file to a record.

    Raises
    ------
    ValidationError
        By field (``file``, ``description``), with a sentence. Whether the account may change the record is asked before.
    """
    name = _checked_name(upload)
    description = description.strip()
    if len(description) > 300 or "\0" in description:
        raise ValidationError({"description": "A description has at most 300 characters, without NUL."})
    try:
        sha256, size = keep_file(_chunks(upload))
    except OSError as error:
        raise ValidationError(
            {
                "file": f"{name} cannot be kept on the server ({error.strerror}); tell a manager, and send it again later."
            }
        ) from error
    if attachments_of(row).filter(sha256=sha256).exists():
        raise ValidationError({"file": f"{name} is already attached to {row}."})
    upload.seek(0)
    return Attachment.objects.create(
        study=permissions.study_of(row),
        resource=_resource_of(row),
        record_id=row.pk,
        sha256=sha256,
        file_name=name,
        media_type=media_type_of(upload.read(16), name),
        size_bytes=size,
        description=description,
        created_by=user,
    )


def media_type_of(start: bytes, name: str) -> str:
    """Return the media type of a file by its first bytes, else by its name; never by name one that browsers show."""
    for pattern, kind in SHOWN_BY_BROWSERS:
        if re.match(pattern, start, re.DOTALL):
            return kind
    by_name = mimetypes.guess_type(name)[0] or OTHER_TYPE
    return OTHER_TYPE if by_name in {kind for _start, kind in SHOWN_BY_BROWSERS} else by_name


def orphans() -> Iterable[Attachment]:
    """Yield attachments whose record is gone (by a bulk or raw deletion); a merged record's go with it."""
    from labdb.registry.record import record_for

    for resource in Attachment.objects.order_by().values_list("resource", flat=True).distinct():
        rows = record_for(resource).model._default_manager.all()
        yield from Attachment.objects.filter(resource=resource).exclude(record_id__in=rows.values("pk"))


def _resource_of(row: models.Model) -> str:
    from labdb.registry.record import record_for  # the registry of declarations stands on the models

    try:
        return record_for(type(row)).resource
    except KeyError:
        return ""


def _checked_name(upload: Any) -> str:
    """Return the file's name; refuse an empty, a too large and a strangely named file."""
    limit = settings.ATTACHMENT_LIMIT_MB
    name = str(getattr(upload, "name", "") or "")
    if upload is None or not name:
        raise ValidationError({"file": "Nothing was sent; choose a file."})
    if not upload.size:
        raise ValidationError({"file": f"{name} is empty; choose the file that holds something."})
    if upload.size > limit * 2**20:
        raise ValidationError({"file": f"{name} has {upload.size / 2**20:.0f} MB; at most {limit} MB can be attached."})
    if len(name) > LONGEST_NAME:
        raise ValidationError(
            {"file": f"{name[:20]}... has {len(name)} characters; rename it to {LONGEST_NAME} or less."}
        )
    if re.search(r"[/\\\x00-\x1f\x7f]", name):
        raise ValidationError({"file": f"{name!r} names a folder or holds a control character; send the plain name."})
    return name


def _chunks(upload: Any) -> Iterable[bytes]:
    upload.seek(0)
    yield from upload.chunks()
