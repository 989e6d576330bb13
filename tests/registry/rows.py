"""One good row for each record that people write, and the rows that must be refused.

A new record fails `test_one_sentence` until its row stands here; what is wrong with a number, a date, a choice or a
name is generated from its fields, so that only its own rules are written out.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.behavior.models import Assay, AssayMetric
from labdb.colony.models import Cohort, Mouse, Strain, Study
from labdb.registry import form_fields as fields
from labdb.registry.fields import CODE_SENTENCE, CodeField
from labdb.registry.forms import form_for, model_texts
from labdb.registry.record import Record, all_records
from labdb.registry.rules import UniqueRule
from labdb.sequencing.models import ExtractionSample, Library, LibraryExtraction, RnaExtraction, SequencingRun
from labdb.tissue.models import BrainRegion, Dissection, TissueSample
from labdb.treatment.models import Allocation, Drug, Randomization, TreatmentArm

# What each record's form takes; fields left out are empty or have their default.
ROWS: dict[str, dict[str, str]] = {
    "studies": {"code": "NEXT", "title": "The next study", "state": "open"},
    "study-memberships": {"study": "S1", "user": "anna", "role": "scorer"},
    "cohorts": {"study": "S1", "code": "C9", "start_date": "2030-01-01"},
    "strains": {"name": "CD-1 of our own"},
    "mice": {"study": "S1", "code": "M900", "sex": "M", "cohort": "C1", "birth_date": "2025-01-01"},
    "weighings": {"mouse": "M001", "performed_at": "2025-06-01 09:30", "body_mass_g": "25.5"},
    "si-tests": {"mouse": "M001", "test_number": "7", "iz_absent_s": "60", "iz_present_s": "30.5"},
    "phenotype-rules": {"name": "ours 1"},
    "response-rules": {"name": "ours 1"},
    "assays": {"name": "marble burying"},
    "assay-metrics": {"assay": "test assay", "name": "marbles", "minimum": "0", "maximum": "20"},
    "assay-results": {"mouse": "M001", "metric": "test metric", "session": "1", "value": "3"},
    "drugs": {"name": "psilocybin"},
    "treatment-arms": {"study": "S1", "name": "arm Z"},
    "treatment-components": {"arm": "arm A", "drug": "test drug", "day_from": "1", "day_to": "14"},
    "randomizations": {"study": "S1", "code": "R9", "method": "simple", "performed_at": "2025-06-01"},
    "allocations": {"mouse": "M002", "code": "X9", "randomization": "R1"},
    "allocation-keys": {"allocation": "X1", "arm": "arm A"},
    "brain-regions": {"code": "LHb", "name": "lateral habenula"},
    "dissections": {"mouse": "M002", "performed_at": "2025-07-01 10:00", "order_of_day": "3"},
    "tissue-samples": {"code": "T900", "mouse": "M001", "region": "TST", "punch_mm": "1.2"},
    "rna-extractions": {"study": "S1", "code": "E900", "samples": "T001; T002", "rin": "8.5"},
    "sequencing-runs": {"code": "RUN9", "run_date": "2025-08-01"},
    "libraries": {"study": "S1", "code": "L900", "extractions": "E001", "runs": "RUN1"},
    "genes": {"annotation": "test-1", "gene_id": "ENSMUSG1", "symbol": "Fos"},
    "contrasts": {"study": "S1", "name": "a-b", "group_by": "mouse__group", "numerator": "a", "denominator": "b"},
}  # fmt: skip
MAY_LIE_AHEAD = {("cohorts", "start_date")}  # planned


@dataclass(frozen=True)
class BadRow:
    """A good row with some cells changed, the field that is wrong and words of its sentence."""

    name: str
    cells: dict[str, str]
    field: str
    says: str
    rule: str = ""  # the constraint it breaks
    is_stored_first: bool = False


def _si(field: str, value: str, says: str, rule: str) -> BadRow:
    return BadRow(f"{field} {value}", {field: value}, field, says, rule)


def _outside(field: str, value: str, rule: str) -> BadRow:
    return BadRow(f"{field} {value}", {field: value}, field, f"{value} ", rule)


OWN: dict[str, list[BadRow]] = {
    "mice": [
        BadRow(
            "dies before birth", {"death_date": "2024-12-31"}, "death_date",
            "2024-12-31 is before its birth (2025-01-01)", "mouse_dies_after_birth",
        ),
        BadRow("cohort of another study", {"cohort": "C2"}, "cohort", "There is no cohort C2 in study S1"),
    ],
    "weighings": [
        _outside("body_mass_g", "250", "weighing_mass_of_a_mouse"),
        _outside("body_mass_g", "0.25", "weighing_mass_of_a_mouse"),
        BadRow("before birth", {"performed_at": "2024-12-31 09:00"}, "performed_at", "M001 was born on 2025-01-01"),
        BadRow(
            "after death", {"mouse": "M003", "performed_at": "2025-07-02 09:00"}, "performed_at",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
        BadRow("study of another", {"study": "S2"}, "mouse", "There is no mouse M001 in study S2"),
    ],
    "si-tests": [
        _si("iz_absent_s", "151", "151 s in the zone does not fit a trial of 150 s", "si_test_iz_absent_within_trial"),
        _si("iz_present_s", "-1", "-1 s in the zone does not fit", "si_test_iz_present_within_trial"),
        _si("corner_absent_s", "150.5", "150.5 s in the corners", "si_test_corner_absent_within_trial"),
        _si("corner_present_s", "400", "400 s in the corners", "si_test_corner_present_within_trial"),
        _outside("trial_s", "5000", "si_test_trial_length"),
        _outside("distance_absent_cm", "-5", "si_test_distance_absent"),
        _outside("distance_present_cm", "1000000", "si_test_distance_present"),
        _outside("velocity_absent_cm_per_s", "301", "si_test_velocity_absent"),
        _outside("velocity_present_cm_per_s", "-1", "si_test_velocity_present"),
        BadRow("test 0", {"test_number": "0"}, "test_number", "0 is not a test number", "si_test_number_from_1"),
        BadRow("before birth", {"test_at": "2024-12-31"}, "test_at", "M001 was born on 2025-01-01"),
    ],
    "phenotype-rules": [
        _outside("cutoff", "0", "phenotype_rule_cutoff"),
        _outside("control_sd", "11", "phenotype_rule_control_sd"),
        _outside("min_iz_present_s", "-1", "phenotype_rule_min_iz_present"),
        _outside("max_corner_ratio", "0", "phenotype_rule_max_corner_ratio"),
        _outside("borderline", "2", "phenotype_rule_borderline"),
    ],
    "response-rules": [
        _outside("cutoff", "20", "response_rule_cutoff"),
        _outside("borderline", "-0.5", "response_rule_borderline"),
    ],
    "assay-metrics": [
        BadRow("range reversed", {"maximum": "-1"}, "maximum", "-1 is below the minimum (0)", "assay_metric_range"),
    ],
    "assay-results": [
        BadRow("outside its metric", {"value": "101"}, "value", "101 is outside the range of test metric (0 to 100 s)"),
    ],
    "treatment-components": [
        BadRow(
            "days reversed", {"day_from": "5", "day_to": "4"}, "day_to", "day 4 is before the first day (5)",
            "component_days_in_order",
        ),
        _outside("dose_mg_per_kg", "5000", "component_dose"),
    ],
    "dissections": [_outside("minutes_to_freeze", "300", "dissection_minutes_to_freeze")],
    "tissue-samples": [
        _outside("punch_mm", "20", "tissue_sample_punch"),
        BadRow("dissection of another", {"mouse": "M002", "dissection": "M001"}, "dissection", "This dissection is of M001"),
    ],
    "rna-extractions": [
        _outside("rin", "11", "rna_extraction_rin"),
        _outside("rna_conc_ng_per_ul", "-1", "rna_extraction_concentration"),
        _outside("ratio_260_280", "6", "rna_extraction_ratio_260_280"),
        BadRow("one sample unknown", {"samples": "T001; T999"}, "samples", "There is no tissue sample T999"),
    ],
}  # fmt: skip


def make_world() -> Any:
    """Make what the rows refer to, and return the account that enters them."""
    user = User.objects.create_superuser("writer", password="a long password")
    User.objects.create(username="anna")
    Role.objects.get_or_create(name="scorer")
    study, other = Study.objects.create(code="S1", title="one"), Study.objects.create(code="S2", title="two")
    cohort = Cohort.objects.create(study=study, code="C1")
    Cohort.objects.create(study=other, code="C2")
    Strain.objects.get_or_create(name="test strain")
    born = "2025-01-01"
    one = Mouse.objects.create(study=study, code="M001", cohort=cohort, birth_date=born)
    Mouse.objects.create(study=study, code="M002", birth_date=born)
    Mouse.objects.create(study=study, code="M003", birth_date=born, death_date="2025-07-01")
    assay = Assay.objects.create(name="test assay")
    AssayMetric.objects.create(assay=assay, name="test metric", unit="s", minimum=0, maximum=100)
    Drug.objects.create(name="test drug")
    TreatmentArm.objects.create(study=study, name="arm A")
    randomization = Randomization.objects.create(study=study, code="R1", method="simple")
    Allocation.objects.create(study=study, mouse=one, code="X1", randomization=randomization)
    region = BrainRegion.objects.create(code="TST", name="test region")
    dissection = Dissection.objects.create(study=study, mouse=one)
    samples = [
        TissueSample.objects.create(study=study, code=code, mouse=one, region=region, dissection=dissection)
        for code in ("T001", "T002")
    ]
    extraction = RnaExtraction.objects.create(study=study, code="E001")
    ExtractionSample.objects.create(study=study, extraction=extraction, sample=samples[0])
    library = Library.objects.create(study=study, code="L001")
    LibraryExtraction.objects.create(study=study, library=library, extraction=extraction)
    SequencingRun.objects.create(code="RUN1")
    return user


def writable() -> list[type[Record]]:
    """Return every record that people write."""
    return [record for record in all_records() if not record.read_only]


def good_row(record: type[Record]) -> dict[str, str]:
    """Return a row that every door takes, with a text for each field of the form."""
    if record.resource not in ROWS:
        raise AssertionError(
            f"{record.resource} has no row in tests/registry/rows.py; add a good one, and its own bad ones"
        )
    defaults = {
        name: "" if value is None else str(value) for name, value in model_texts(record.model(), record).items()
    }
    return {**dict.fromkeys(form_for(record).base_fields, ""), **defaults, "notes": "seen", **ROWS[record.resource]}


def bad_rows(record: type[Record]) -> list[BadRow]:
    """Return the rows that must be refused: what follows from the fields, and the record's own."""
    bad = list(OWN.get(record.resource, []))
    for name, form_field in form_for(record).base_fields.items():
        bad += [
            BadRow(f"{name}: {what}", {name: text}, name, says)
            for what, text, says in _bad_cells(record, name, form_field)
        ]
    if any(isinstance(rule, UniqueRule) for rule in record.model._meta.constraints):
        bad.append(BadRow("the same again", {}, "", "already", is_stored_first=True))
    return bad


def _bad_cells(record: type[Record], name: str, form_field: Any) -> list[tuple[str, str, str]]:
    """Return (what, text, words of the sentence) for one field."""
    cells = [("empty", "", fields.REQUIRED)] if form_field.required else []
    model_field: Any = record.model._meta.get_field(name)
    if isinstance(model_field, CodeField):
        cells.append(("two words", "two words", CODE_SENTENCE))
    if isinstance(form_field, fields.TextField) and form_field.longest:
        text = "x" * (form_field.longest + 1)
        cells.append(("too long", text, f"has {len(text)} characters; enter at most {form_field.longest}."))
    if isinstance(form_field, fields.DayField | fields.InstantField) and (record.resource, name) not in MAY_LIE_AHEAD:
        cells.append(("in the future", str((timezone.now() + timedelta(days=40)).date()), "is in the future"))
    return cells + [(text, text, says) for kind, text, says in KINDS if isinstance(form_field, kind)]


KINDS: list[tuple[type, str, str]] = [
    (fields.NumberField, "abc", "abc is not a number; enter digits, such as 12.5."),
    (fields.NumberField, "1;5", "1;5 is not a number"),
    (fields.NumberField, "nan", "nan is not a finite number"),
    (fields.NumberField, "-Infinity", "-Infinity is not a finite number"),
    (fields.NumberField, "1e999", "1e999 is not a finite number"),
    (fields.WholeNumberField, "abc", "abc is not a whole number"),
    (fields.WholeNumberField, "1.5", "1.5 is not a whole number"),
    (fields.WholeNumberField, "--1", "--1 is not a whole number"),
    (fields.WholeNumberField, "9999999999999999999", "9999999999999999999 is too large"),
    (fields.NumberField, "1,234", "1,234 can be 1.234 or 1234; write it without the comma"),
    (fields.NumberField, "12 stones", "12 stones is "),
    (fields.DayField, "31/02/2026", "31/02/2026 is not a date; enter it as 2026-03-14"),
    (fields.DayField, "3/4/2026", "3/4/2026 can be 3 April 2026 or 4 March 2026"),
    (fields.DayField, "3.4.26", "3.4.26 has a year of two digits"),
    (fields.DayField, "2025-02-30", "2025-02-30 is not a date"),
    (fields.DayField, "0026-03-14", "0026-03-14 is in the year 26; enter a year from 1900 to 2199, such as 2026."),
    (fields.InstantField, "3/4/2026 9:30", "3/4/2026 9:30 can be 3 April 2026 or 4 March 2026"),
    (fields.InstantField, "yesterday", "yesterday is not a date and time"),
    (fields.InstantField, "0001-01-01T00:00Z", "0001-01-01T00:00Z is in the year 1; enter a year from 1900 to 2199"),
    (fields.InstantField, "9999-12-31T23:59Z", "is in the year 9999; enter a year from 1900 to 2199, such as 2026."),
    (fields.OneOfField, "zzz", "zzz is not one of"),
    (fields.YesNoField, "perhaps", "perhaps is neither yes nor no"),
    (fields.KeyField, "no-such-name", "no-such-name"),
    (fields.KeyField, "#999999999", "#999999999"),
]
