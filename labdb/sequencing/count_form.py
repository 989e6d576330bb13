"""What is said beside a file of counts, the same on the page, by REST and by command: study, annotation, how to read it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import IO, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from labdb.colony.models import Study
from labdb.registry.form_fields import KeyField, YesNoField, form_field_for, is_storable
from labdb.registry.history import writing
from labdb.registry.keys import KeyRing
from labdb.registry.text_streams import Source, TableError
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.count_import import CountImport, Quantification, import_counts
from labdb.sequencing.count_spool import disk_in_words, temporary_file
from labdb.sequencing.models import CountMatrix
from labdb.sequencing.readers.bundle import pack
from labdb.sequencing.readers.estimates import TranscriptGenes

BEYOND_LIMIT = "pack it with gzip, or use `manage.py import_counts`"
OF_THE_SOURCE = ("annotation", "quantifier", "genome_build", "quantified_by", "quantified_date")
CONSENTS = ("transpose", "accept_normalized", "add_genes", "map_symbols", "sum_duplicates")


def _as_stored(name: str) -> Any:
    return form_field_for(CountMatrix._meta.get_field(name))


class CountImportForm(forms.Form):
    """Everything but the files; its sentences are those of every record's form."""

    study = KeyField(model=Study)
    annotation = _as_stored("annotation")
    quantifier = _as_stored("quantifier")
    genome_build = _as_stored("genome_build")
    quantified_by = _as_stored("quantified_by")
    quantified_date = _as_stored("quantified_date")
    format = _as_stored("format")
    strandedness = _as_stored("strandedness")
    layer = forms.CharField(required=False, max_length=100)
    round = YesNoField(required=False)
    transpose = YesNoField(required=False)
    accept_normalized = YesNoField(required=False)
    add_genes = YesNoField(required=False)
    map_symbols = YesNoField(required=False)
    sum_duplicates = YesNoField(required=False)
    dry_run = YesNoField(required=False)

    def __init__(self, data: Any = None, *, user: Any, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.user = user
        study: Any = self.fields["study"]
        study.keys = KeyRing(user)

    def clean_quantified_date(self) -> date | None:
        """Refuse a day that has not come."""
        day = self.cleaned_data["quantified_date"]
        if day is not None and day > timezone.localdate():
            raise ValidationError(f"{day} is in the future; enter the day it happened.")
        return day

    def run(
        self,
        content: Source,
        name: str,
        sample_map: Mapping[str, str],
        *,
        dry_run: bool,
        door: str,
        transcripts: TranscriptGenes | None = None,
    ) -> CountImport:
        """Import, or check only; CountFileError with every error."""
        said = self.cleaned_data
        with writing(user=self.user, door=door):
            return import_counts(
                said["study"],
                content,
                name=name,
                source=Quantification(**{name: said[name] for name in OF_THE_SOURCE}),
                user=self.user,
                sample_map=sample_map,
                format=said["format"] or "auto",
                strandedness=said["strandedness"],
                layer=said["layer"],
                transcripts=transcripts,
                round_estimates=bool(said["round"]),
                dry_run=dry_run,
                **{name: bool(said[name]) for name in CONSENTS},
            )


def max_file_bytes() -> int:
    """Return the largest file that a request may bring."""
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def unusable_sentence(upload: Any) -> str:
    """Say why a file cannot be taken as it was sent; empty where it can."""
    if upload.size > max_file_bytes():
        size, limit = math.ceil(upload.size / 2**20), max_file_bytes() // 2**20
        return f"{upload.name} has {size} MB, more than {limit} MB; {BEYOND_LIMIT}."
    if not is_storable(upload.name):
        return "The file's name cannot be stored; rename the file."
    return ""


@contextmanager
def one_file(uploads: Sequence[Any]) -> Iterator[tuple[IO[bytes], str]]:
    """Give what was sent as one file, which need not fit in memory, and its name; several files become one archive.

    Raises
    ------
    CountFileError
        Two of the files have one name, or the disk cannot take them.
    """
    if len(uploads) == 1:
        yield uploads[0].file, uploads[0].name
        return
    with temporary_file() as packed:
        try:
            with disk_in_words():
                pack(((upload.name, upload.file) for upload in uploads), packed)
                packed.seek(0)
        except TableError as error:
            raise refusal(str(error)) from None
        yield packed, f"{len(uploads)} files.zip"
