"""A whole study from one workbook: every sheet in one transaction, or every wrong cell of all sheets.

The sheets are stored one after the other inside the transaction, so that a later one finds the rows of an earlier
one; when any cell is wrong, all of it is taken back.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction

from labdb.registry import permissions
from labdb.registry.form_fields import AS_WRITTEN, KeyField, Reading, split_keys
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence, form_for
from labdb.registry.headers import HEADER_LINE, CellError
from labdb.registry.import_log import WORKBOOK, Import, Source
from labdb.registry.import_report import CheckedSheet, ImportReport, report_of
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.imports import check_sheet
from labdb.registry.keys import key_path
from labdb.registry.lab_fields import forget, read_once
from labdb.registry.long_work import part_of_work, tick
from labdb.registry.record import Record
from labdb.registry.text_tables import TableError, TextTable
from labdb.registry.workbook_files import WorkbookFile, is_workbook
from labdb.registry.workbook_sheets import EXPLAINING, PEOPLE, PEOPLE_COLUMNS, sheet_records

STUDIES = "studies"


@read_once()
def import_workbook(
    data: bytes,
    name: str,
    *,
    study: str,
    user: Any,
    reading: Reading = AS_WRITTEN,
    reason: str = "",
    dry_run: bool = False,
    door: str = "file",
) -> ImportReport:
    """Import every sheet of a workbook into one study, all or nothing.

    Parameters
    ----------
    study : str
        The study's code; the workbook may bring the study itself in its sheet ``studies``.

    Raises
    ------
    TableError
        The file is no workbook, or holds no sheet of a record.
    """
    storing = Storing(user, door, reason, None, Source.of(data, name), resource=WORKBOOK)
    try:
        report = _import(data, name, study, storing, reading, dry_run=dry_run)
    except TableError as error:
        _remember(storing, study, [str(error)], dry_run=dry_run)
        raise
    if not report.is_stored:
        _remember(storing, study, [str(one) for one in report.refusals()], dry_run=dry_run)
    return report


def _import(data: bytes, name: str, study: str, storing: Storing, reading: Reading, *, dry_run: bool) -> ImportReport:
    if not is_workbook(data):
        raise TableError(f"{name} is no XLSX workbook; a single table comes in by import_records.")
    work = _Work(WorkbookFile(data, name), study, storing.user, reading, storing)
    try:
        with conflicts(Import), transaction.atomic():
            report = work.run()
            if dry_run or report.errors or (report.warnings and not storing.reason.strip()):
                transaction.set_rollback(True)
                return replace(report, records=(), log=None, is_stored=False)
            storing.settle(WORKBOOK)
            tick(0, 0, "finishing")  # the last moment at which it can be stopped
            return report
    except Conflict as conflict:
        return ImportReport(0, errors=(CellError(HEADER_LINE, "", "", str(conflict)),), is_conflict=True)


def _remember(storing: Storing, code: str, sentences: list[str], *, dry_run: bool) -> None:
    """Remember a refused workbook; the study is looked for anew, for one that it brought itself was taken back."""
    if not dry_run:
        studies = permissions.visible(permissions.study_model()._default_manager.all(), storing.user)
        replace(storing, study=studies.filter(code=code).first()).refuse(sentences, WORKBOOK)


@dataclass
class _Work:
    """One workbook on its way into the database."""

    book: WorkbookFile
    study_code: str
    user: Any
    reading: Reading
    storing: Storing
    study: Any = None
    closes: bool = False
    sheets: list[CheckedSheet] = field(default_factory=list)
    reports: list[ImportReport] = field(default_factory=list)
    errors: list[CellError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: dict[Any, set[str]] = field(default_factory=lambda: defaultdict(set))  # names of rows that are not stored

    def run(self) -> ImportReport:
        """Check and store every sheet; the caller takes it back where it must not stand."""
        by_record = self._sheets_by_record()
        log = self.storing.open_log(())  # its numbers come at the end
        assert log is not None
        with self.storing.history(log):
            if PEOPLE in self.book.sheet_names:
                self._add_people()
            in_order = sorted(by_record, key=lambda one: one.resource != STUDIES)
            for number, record in enumerate(in_order, start=1):
                with part_of_work(f"sheet {number} of {len(in_order)}"):
                    self._take(record, by_record[record], log)
            if self.closes and self.study is not None:
                self.study.state = "closed"
                self.study.save(update_fields=["state"])
        report = self._report(log)
        if not report.rows and not report.errors:
            raise TableError(f"{self.book.name} holds no rows; fill its sheets, such as mice, and send it again.")
        return report

    def _sheets_by_record(self) -> dict[type[Record], str]:
        records = {record.resource: record for record in sheet_records()}
        by_record: dict[type[Record], str] = {}
        for sheet in self.book.filled_sheets:
            plain = sheet.strip().casefold()
            if plain in (*EXPLAINING, PEOPLE):
                continue
            if plain in records:
                by_record[records[plain]] = sheet
                continue
            close = get_close_matches(plain, records, n=1)
            hint = f"did you mean {close[0]}?" if close else f"sheets are called {', '.join(records)}."
            self.errors.append(CellError(HEADER_LINE, "", "", f"No record is called {sheet}; {hint}", sheet))
        return {record: by_record[record] for record in records.values() if record in by_record}

    @read_once()  # a sheet before it may have defined fields
    def _take(self, record: type[Record], sheet: str, log: Import) -> None:
        tick(0, 0, f"reading {record.resource}")
        if record.in_study() and self.study is None and not self._find_study():
            return
        try:
            table = self.book.read(sheet)
        except TableError as error:
            self.errors.append(CellError(HEADER_LINE, "", "", str(error), sheet))
            return
        if record.resource == STUDIES:
            table = self._opened(table, sheet)
        if not table.rows:
            return
        checked = check_sheet(
            record, table.header, table.rows,
            user=self.user, study=self.study, mapping={}, reading=self.reading, name=sheet, prune=self._prune,
        )  # fmt: skip
        self.sheets.append(checked)
        self.reports.append(report_of([checked]))  # before it is stored: afterwards no row is new
        self._remember_wrong(record, checked)
        sound = [row for row in checked.checked if not row.errors and not row.is_blocked]
        with transaction.atomic():
            store_sheet(replace(checked, checked=sound), self.storing, log)
        forget()  # the sheet may have defined fields of those that follow
        if record.resource == STUDIES:
            self._find_study(is_last=False)

    def _opened(self, table: TextTable, sheet: str) -> TextTable:
        """Return the sheet of the study with the study open, for its rows come after it; it is closed at the end."""
        if "code" in table.header:
            at = table.header.index("code")
            for line, cells in table.rows:
                if cells[at].strip() != self.study_code:
                    self.errors.append(
                        CellError(
                            line, "code", cells[at],
                            f"This workbook is of study {cells[at]}, and study {self.study_code} was named; "
                            "name the same study in both places.", sheet,
                        )
                    )  # fmt: skip
        if "state" not in table.header:
            return table
        at = table.header.index("state")
        self.closes = any(cells[at].strip().casefold() == "closed" for _line, cells in table.rows)
        rows = [
            (line, [("open" if i == at and c.strip().casefold() == "closed" else c) for i, c in enumerate(cells)])
            for line, cells in table.rows
        ]
        return TextTable(table.header, rows, table.notes)

    def _find_study(self, *, is_last: bool = True) -> bool:
        """Look for the study; say once that it is missing."""
        model = permissions.study_model()
        self.study = permissions.visible(model._default_manager.all(), self.user).filter(code=self.study_code).first()
        if self.study is not None or not is_last:
            return self.study is not None
        sentence = f"There is no study {self.study_code}; make it first, or send it in a sheet {STUDIES}."
        if not any(sentence == error.sentence for error in self.errors) and not any(
            sheet.errors for sheet in self.sheets if sheet.record.resource == STUDIES
        ):
            self.errors.append(CellError(HEADER_LINE, "", "", sentence, STUDIES))
        return False

    def _add_people(self) -> None:
        """Make the accounts that are missing, closed: rows say who did it, and nobody signs in with them."""
        try:
            table = self.book.read(PEOPLE)
        except TableError as error:
            self.errors.append(CellError(HEADER_LINE, "", "", str(error), PEOPLE))
            return
        if list(table.header[:1]) != [PEOPLE_COLUMNS[0]]:
            self.errors.append(
                CellError(HEADER_LINE, "", "", f"The first column must be {PEOPLE_COLUMNS[0]}; rename it.", PEOPLE)
            )
            return
        model: Any = get_user_model()
        known = set(model._default_manager.values_list("username", flat=True))
        made = []
        for line, cells in table.rows:
            words = dict(zip(table.header, (cell.strip() for cell in cells), strict=True))
            if words["username"] in known:
                continue
            if not permissions.has_role_everywhere(self.user, permissions.codename(model, "add")):
                self.errors.append(
                    CellError(line, "username", words["username"], forbidden_sentence("add", model), PEOPLE)
                )
                return
            account = model(
                username=words["username"], first_name=words.get("first_name", ""),
                last_name=words.get("last_name", ""), is_active=False, password=make_password(None),
            )  # fmt: skip
            try:
                account.full_clean()
            except ValidationError as error:
                self.errors += [
                    CellError(line, name, str(words.get(name, "")), said, PEOPLE)
                    for name, sentences in error.message_dict.items()
                    for said in sentences
                ]
                continue
            account.save()
            made.append(account.username)
        if made:
            self.notes.append(f"Accounts were made, closed, so that rows can name them: {', '.join(made)}.")

    def _prune(self, record: type[Record], checked: Sequence[Any], texts: Sequence[dict[str, Any]]) -> None:
        """Drop the sentence that a name is missing where its own row is wrong: that is said there, once."""
        fields = form_for(record).base_fields
        for row, cells in zip(checked, texts, strict=True):
            for name in list(row.errors):
                form_field = fields.get(name)
                if isinstance(form_field, KeyField) and self.wrong[form_field.model].intersection(
                    split_keys(str(cells.get(name) or ""))
                ):
                    del row.errors[name]
                    row.is_blocked = True

    def _remember_wrong(self, record: type[Record], checked: CheckedSheet) -> None:
        key = key_path(record.model)
        if "__" in key or key == "pk":
            return
        for row in checked.checked:
            if row.errors or row.is_blocked:
                self.wrong[record.model].add(str(getattr(row.instance, key, "") or ""))

    def _report(self, log: Import) -> ImportReport:
        def of(name: str) -> tuple[Any, ...]:
            return tuple(one for report in self.reports for one in getattr(report, name))

        log.study = self.study
        log.n_created = sum(report.created for report in self.reports)
        log.n_changed = sum(report.changed for report in self.reports)
        log.n_unchanged = sum(report.unchanged for report in self.reports)
        log.n_warnings = len(of("warnings"))
        log.save()
        return ImportReport(
            rows=sum(report.rows for report in self.reports),
            created=log.n_created,
            changed=log.n_changed,
            unchanged=log.n_unchanged,
            errors=(*self.errors, *of("errors")),
            warnings=of("warnings"),
            notes=(*self.notes, *of("notes")),
            ignored=of("ignored"),
            changes=of("changes"),
            questions=frozenset(of("questions")),
            log=log,
            is_stored=True,
            is_forbidden=any(report.is_forbidden for report in self.reports),
        )
