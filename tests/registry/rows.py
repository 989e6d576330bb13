"""One good row for each record that people write, and the rows that must be refused.

A new record fails `test_one_sentence` until its row stands here; what is wrong with a number, a date, a choice or a
name is generated from its fields, so that only its own rules are written out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.behavior.models import Arena, Assay, AssayMetric, PlannedSiTest, SiTestPlan
from labdb.colony.models import Cage, Cohort, Litter, Mouse, Shipment, Strain, Study
from labdb.defeat.models import Aggressor, DefeatCourse, PlannedBout, RotationPlan
from labdb.registry import form_fields as fields
from labdb.registry.fields import CODE_SENTENCE, CodeField
from labdb.registry.forms import form_for, model_texts
from labdb.registry.record import Record, all_records
from labdb.registry.rules import UniqueRule
from labdb.sequencing.models import (
    ExtractionSample,
    Library,
    LibraryExtraction,
    LibraryRun,
    RnaExtraction,
    SequencingRun,
)
from labdb.tissue.models import BoxCheck, BrainRegion, Dissection, StorageBox, TissueSample
from labdb.treatment.models import (
    Allocation,
    Drug,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)

# What each record's form takes; fields left out are empty or have their default.
ROWS: dict[str, dict[str, str]] = {
    "studies": {"code": "NEXT", "title": "The next study", "state": "open"},
    "study-memberships": {"study": "S1", "user": "anna", "role": "scorer"},
    "cohorts": {"study": "S1", "code": "C9", "start_date": "2030-01-01"},
    "strains": {"name": "CD-1 of our own"},
    "litters": {"study": "S1", "code": "L9", "dam": "B12", "birth_date": "2025-01-01", "born_count": "8"},
    "shipments": {
        "study": "S1", "code": "D9", "vendor": "a vendor", "arrival_date": "2025-02-20",
        "birth_date_from": "2025-01-01", "birth_date_to": "2025-01-07",
    },
    "cages": {"study": "S1", "code": "K9", "kind": "divided"},
    "mice": {"study": "S1", "code": "M900", "sex": "M", "cohort": "C1", "birth_date": "2025-01-01"},
    "mouse-identifications": {"mouse": "M001", "kind": "ear tag", "value": "0412", "applied_date": "2025-02-01"},
    "housings": {
        "mouse": "M001", "cage": "K1", "side": "L", "kind": "divided", "housed_from": "2025-06-01",
        "housed_to": "2025-06-11",
    },
    "exclusions": {"mouse": "M001", "criterion": "lost 25 % of its body mass", "is_a_priori": "yes", "is_blind": "no"},
    "weighings": {"mouse": "M001", "performed_at": "2025-06-01 09:30", "body_mass_g": "25.5"},
    "welfare-checks": {
        "mouse": "M001", "performed_at": "2025-06-01 09:30", "finding": "mass limit", "action": "feed",
        "finding_detail": "19.4 g, 79 % of its baseline", "action_detail": "gel and wet food",
    },
    "defeat-courses": {"study": "S1", "code": "DC9", "cohort": "C1", "bout_length_min": "5"},
    "aggressors": {"code": "9A", "birth_date": "2024-06-01", "arrival_date": "2024-12-01", "retired_date": "2025-09-01"},
    "aggressor-screenings": {"aggressor": "1A", "day": "3", "performed_at": "2025-05-01 10:00", "latency_s": "12"},
    "screening-rules": {"name": "ours 1"},
    "rotation-plans": {
        "course": "DC1", "code": "P9", "performed_at": "2025-05-31 10:00", "from_day": "2", "reason": "2A is lame",
        "seed": "7",
    },
    "planned-bouts": {"plan": "P1", "mouse": "M001", "day": "3", "aggressor": "1A", "place": "1"},
    "defeat-bouts": {
        "mouse": "M001", "course": "DC1", "day": "9", "performed_at": "2025-06-09 10:00", "aggressor": "1A",
        "physical_s": "300", "attack_latency_s": "20", "attacks": "12",
    },
    "control-rotations": {"mouse": "M001", "day": "1", "performed_at": "2025-06-01 10:00", "partner": "M002"},
    "arenas": {
        "name": "box 9", "width_cm": "42", "length_cm": "40", "zone_width_cm": "14", "zone_depth_cm": "9",
        "corner_cm": "9", "px_per_cm": "12.5", "origin_x_px": "100", "origin_y_px": "700",
    },
    "arena-zones": {
        "arena": "test box", "name": "before the cage", "role": "interaction zone", "shape": "rectangle",
        "geometry": "x 14, y 0, width 14, height 9",
    },
    "tracker-mappings": {
        "arena": "test box", "tracker_format": "EthoVision raw data", "scored_from": "tracker's zones",
        "interaction_zones": "IZ", "corners": "corner 1 | corner 2", "body_point": "center", "told_by": "variable",
        "told_variable": "Stage", "absent_says": "no target", "present_says": "target",
    },
    "si-tests": {"mouse": "M001", "test_number": "7", "iz_absent_s": "60", "iz_present_s": "30.5"},
    "si-test-plans": {
        "cohort": "C1", "code": "C1-T1-P9", "performed_at": "2025-06-11 08:00", "test_number": "1",
        "test_date": "2025-06-11", "trial_s": "150", "lights_on": "07:00", "reason": "box 2 is broken", "seed": "7",
    },
    "planned-si-tests": {
        "plan": "C1-T1-P1", "mouse": "M001", "order_of_day": "2", "turn": "1", "arena": "box 1", "target": "1A",
    },
    "phenotype-rules": {"name": "ours 1"},
    "response-rules": {"name": "ours 1"},
    "assays": {"name": "marble burying"},
    "assay-metrics": {"assay": "test assay", "name": "marbles", "minimum": "0", "maximum": "20"},
    "assay-readings": {"metric": "test metric", "statistic": "time in zones", "zones": "center | rim"},
    "assay-results": {"mouse": "M001", "metric": "test metric", "session": "1", "value": "3"},
    "drugs": {"name": "psilocybin", "molar_mass_g_per_mol": "284.25", "base_molar_mass_g_per_mol": "284.25"},
    "solutions": {
        "study": "S1", "code": "SOL9", "drug": "test drug", "drug_form": "salt", "stock_mg_per_ml": "2",
        "prepared_at": "2025-06-01 08:00", "expires_at": "2025-06-08 08:00",
    },
    "solution-keys": {"code": "B", "solution": "SOL1"},
    "treatment-arms": {"study": "S1", "name": "arm Z"},
    "treatment-components": {
        "arm": "arm A", "part": "2", "day_from": "1", "day_to": "14", "time_of_day": "09:00", "drug": "test drug",
        "dose_mg_per_kg": "20", "route": "i.p.", "volume_ml_per_kg": "10",
    },
    "randomizations": {"study": "S1", "code": "R9", "method": "simple", "performed_at": "2025-06-01"},
    "allocations": {"mouse": "M002", "code": "X9", "randomization": "R1"},
    "allocation-keys": {"allocation": "X1", "arm": "arm A"},
    "doses": {
        "mouse": "M001", "planned_at": "2025-06-02 09:00", "status": "given", "given_at": "2025-06-02 09:12",
        "solution_code": "A", "body_mass_g": "25", "volume_ml": "0.25", "route": "i.p.",
    },
    "brain-regions": {"code": "LHb", "name": "lateral habenula"},
    "dissections": {"mouse": "M002", "performed_at": "2025-07-01 10:00", "order_of_day": "3"},
    "storage-boxes": {"code": "BOX9", "freezer": "F1", "n_rows": "9", "n_columns": "9"},
    "tissue-samples": {
        "code": "T900", "mouse": "M001", "region": "TST", "punch_mm": "1.2", "bregma_from_mm": "1.9",
        "bregma_to_mm": "0.9", "box": "BOX1", "position": "C4", "thaws": "0", "frozen_at": "2025-07-01 10:06",
    },
    "regions-not-taken": {"mouse": "M001", "region": "TST", "reason": "crushed"},
    "tube-events": {
        "sample": "T001", "kind": "placed", "performed_at": "2025-07-02 10:00", "performed_by": "anna", "box": "BOX1",
        "position": "D4",
    },
    "box-checks": {"code": "BOX1-9", "box": "BOX1", "performed_at": "2025-08-02 10:00", "performed_by": "anna", "unknown_codes": "X-1"},
    "checked-tubes": {
        "box_check": "BOX1-1", "sample": "T001", "result": "elsewhere", "position_recorded": "A1", "position_found": "A2",
        "decision": "moved",
    },
    "tissue-measurements": {
        "mouse": "M001", "region": "TST", "hemisphere": "L", "modality": "MRI", "metric": "volume", "value": "12.5",
        "unit": "mm3", "replicate": "1", "performed_at": "2025-06-03 10:00", "rated_date": "2025-06-10",
    },
    "rna-extractions": {"study": "S1", "code": "E900", "samples": "T001; T002", "rin": "8.5"},
    "extraction-inputs": {"extraction": "E001", "sample": "T002", "amount_used_mg": "1.5"},
    "sequencing-runs": {"code": "RUN9", "run_date": "2025-08-01", "platform": "ILLUMINA", "read_length_bp": "100"},
    "libraries": {"study": "S1", "code": "L900", "extractions": "E001", "runs": "RUN1"},
    "library-inputs": {"library": "L002", "extraction": "E001", "input_ng": "100"},
    "library-lanes": {"library": "L001", "run": "RUN1", "lane": "2", "planned_reads_million": "25"},
    "pool-plans": {"study": "S1", "code": "PLAN9", "factors": "group; sex", "n_pools": "4", "n_libraries": "32"},
    "sequencing-selections": {
        "study": "S1", "code": "SEL9", "rule": "all of them", "decided": "before", "decided_at": "2025-06-20",
        "decided_by": "anna", "mice": "M001; M002",
    },
    "genes": {"annotation": "test-1", "gene_id": "ENSMUSG1", "symbol": "Fos"},
    "lab-fields": {
        "resource": "mice", "name": "tail_length_mm", "label": "tail length", "kind": "number", "unit": "mm",
        "minimum": "10", "maximum": "120",
    },
    "analysis-plans": {
        "study": "S1", "number": "9", "title": "What will be compared", "groups": "control 10; defeated 40",
        "primary_outcome": "SI ratio of the re-test", "contrasts": "a-b",
    },
    "contrasts": {"study": "S1", "name": "a-b", "group_by": "mouse__group", "numerator": "a", "denominator": "b"},
    "schedules": {
        "name": "Classes at noon", "task": "classify", "cron": "0 12 * * *", "only_study": "S1", "parameters": "test_number=2",
        "is_on": "yes",
    },
}  # fmt: skip
MAY_LIE_AHEAD = {  # planned
    ("cohorts", "start_date"), ("defeat-courses", "start_date"), ("aggressors", "resting_from"),
    ("aggressors", "resting_until"), ("si-test-plans", "test_date"), ("doses", "planned_at"), ("solutions", "expires_at"),
}  # fmt: skip


@dataclass(frozen=True)
class BadRow:
    """A good row with some cells changed, the field that is wrong and words of its sentence."""

    name: str
    cells: dict[str, str]
    field: str
    says: str
    rule: str = ""  # the constraint it breaks
    is_stored_first: bool = False
    is_taken: bool = False  # another row has this natural key, so that a file would change that row


def _si(field: str, value: str, says: str, rule: str) -> BadRow:
    return BadRow(f"{field} {value}", {field: value}, field, says, rule)


def _outside(field: str, value: str, rule: str) -> BadRow:
    return BadRow(f"{field} {value}", {field: value}, field, f"{value} ", rule)


_NO_DRUG = {"drug": "", "dose_mg_per_kg": "", "route": "", "volume_ml_per_kg": ""}
_DEVICE = {**_NO_DRUG, "device": "DBS"}

OWN: dict[str, list[BadRow]] = {
    "contrasts": [
        BadRow("no such field", {"group_by": "mouse__colour"}, "group_by", "colour is not a field of a mouse"),
        BadRow("against nothing", {"denominator": ""}, "denominator", "Nothing to compare a with", "contrast_against_something"),
        BadRow("a formula with *", {"formula": "~ 0 + a * b"}, "formula", "character 7: a * b is not understood"),
        BadRow("no coefficients", {"formula": "~ mouse__sex", "numerator": "2 a"}, "numerator", "character 1: 2 a is not"),
    ],
    "schedules": [
        BadRow("no cron line", {"cron": "every day"}, "cron", "every day has 2 parts; a cron line has five"),
        BadRow("an hour that is none", {"cron": "0 24 * * *"}, "cron", "24 is not an hour; enter a number"),
        BadRow("a day that never comes", {"cron": "0 3 31 2 *"}, "cron", "names a day that never comes"),
        BadRow("no such test", {"parameters": "test_number=100"}, "parameters", "test_number is 100; enter a whole number from 1 to 99"),
        BadRow("nothing to be set", {"parameters": "color=blue"}, "parameters", "color=blue is nothing that can be set here"),
        BadRow(
            "a backup of one study", {"task": "backup", "parameters": "keep=14"}, "only_study", "Of the whole database, not of one study",
            rule="schedule_study_where_it_counts",
        ),
    ],
    "analysis-plans": [
        _outside("number", "0", "analysis_plan_number"),
        BadRow("groups without n", {"groups": "control; defeated 40"}, "groups", "control has no number"),
    ],
    "mice": [
        BadRow(
            "dies before birth", {"death_date": "2024-12-31"}, "death_date",
            "2024-12-31 is before its birth (2025-01-01)", "mouse_dies_after_birth",
        ),
        BadRow("cohort of another study", {"cohort": "C2"}, "cohort", "There is no cohort C2 in study S1"),
        BadRow(
            "born on another day than its litter", {"litter": "L1", "birth_date": "2025-01-02"}, "birth_date",
            "Litter L1 was born on 2025-01-01, not on 2025-01-02",
        ),
        BadRow(
            "born after the window of its shipment", {"shipment": "D1", "birth_date": "2025-01-08"}, "birth_date",
            "The mice of shipment D1 were born from 2025-01-01 to 2025-01-07, this one on 2025-01-08",
        ),
        BadRow(
            "born before the window of its shipment", {"shipment": "D1", "birth_date": "2024-12-31"}, "birth_date",
            "this one on 2024-12-31; correct the date or the shipment",
        ),
        BadRow(
            "of two origins", {"litter": "L1", "shipment": "D1"}, "shipment", "leave one of the two empty",
            "mouse_of_one_origin",
        ),
    ],
    "litters": [
        _outside("born_count", "0", "litter_born_count"),
        BadRow(
            "weaned before birth", {"wean_date": "2024-12-31"}, "wean_date", "2024-12-31 is before the birth (2025-01-01)",
            "litter_weaned_after_birth",
        ),
        BadRow(
            "weans more than were born", {"weaned_count": "9"}, "weaned_count", "9 pups weaned are more than were born (8)",
            "litter_weans_what_was_born",
        ),
    ],
    "shipments": [
        _outside("animal_count", "0", "shipment_animal_count"),
        BadRow(
            "window reversed", {"birth_date_to": "2024-12-31"}, "birth_date_to",
            "2024-12-31 is before the first day of the window (2025-01-01)", "shipment_birth_window",
        ),
        BadRow(
            "arrives before births", {"arrival_date": "2025-01-06"}, "arrival_date",
            "2025-01-06 is before the last birth (2025-01-07)", "shipment_arrives_after_births",
        ),
    ],
    "mouse-identifications": [
        BadRow(
            "removed before applied", {"removed_date": "2025-01-31"}, "removed_date",
            "2025-01-31 is before it was applied (2025-02-01)", "mouse_identification_dates_in_order",
        ),
        BadRow("applied before birth", {"applied_date": "2024-12-31"}, "applied_date", "M001 was born on 2025-01-01"),
        BadRow(
            "removed after death", {"mouse": "M003", "removed_date": "2025-07-02"}, "removed_date",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
    ],
    "housings": [
        BadRow(
            "moves out before it moves in", {"housed_to": "2025-05-31"}, "housed_to",
            "2025-05-31 is before the day of moving in (2025-06-01)", "housing_days_in_order",
        ),
        BadRow(
            "a side without a divider", {"kind": "pair"}, "side", "A side needs a divider", "housing_side_of_a_divider"
        ),
        BadRow("housed before birth", {"housed_from": "2024-12-31"}, "housed_from", "M001 was born on 2025-01-01"),
        BadRow(
            "housed after death", {"mouse": "M003", "housed_to": "2025-07-02"}, "housed_to",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
        BadRow("cage of another study", {"cage": "K2"}, "cage", "K2 belongs to study S2, this record to S1"),
    ],
    "defeat-courses": [
        _outside("days", "0", "defeat_course_days"),
        _outside("bout_length_min", "600", "defeat_course_bout_length"),
        _outside("sensory_contact_h", "-1", "defeat_course_sensory_contact"),
        BadRow(
            "another model without words", {"stress_model": "other"}, "stress_model_detail", "say in words which",
            "defeat_course_other_in_words",
        ),
    ],
    "aggressors": [
        BadRow(
            "arrives before birth", {"arrival_date": "2024-05-31"}, "arrival_date",
            "2024-05-31 is before its birth (2024-06-01)", "aggressor_arrives_after_birth",
        ),
        BadRow(
            "retires before arrival", {"retired_date": "2024-11-30"}, "retired_date",
            "2024-11-30 is before its arrival (2024-12-01)", "aggressor_retires_after_arrival",
        ),
        BadRow(
            "days of rest, not resting", {"resting_until": "2030-01-01"}, "is_resting", "Days of rest are entered",
            "aggressor_rest_is_stated",
        ),
        BadRow(
            "rest reversed", {"is_resting": "yes", "resting_from": "2025-03-02", "resting_until": "2025-03-01"},
            "resting_until", "2025-03-01 is before the first day of rest (2025-03-02)", "aggressor_rest_in_order",
        ),
    ],
    "aggressor-screenings": [
        _outside("series", "0", "aggressor_screening_series"),
        _outside("day", "0", "aggressor_screening_day"),
        _outside("latency_s", "-1", "aggressor_screening_latency"),
        _outside("attacks", "5000", "aggressor_screening_attacks"),
        BadRow(
            "latency without an attack", {"attacks": "0"}, "latency_s", "12 s to an attack, but 0 attacks",
            "aggressor_screening_latency_of_an_attack",
        ),
        BadRow(
            "before birth", {"performed_at": "2024-05-31 10:00"}, "performed_at",
            "1A was born on 2024-06-01; 2024-05-31 is before it",
        ),
    ],
    "screening-rules": [
        _outside("max_latency_s", "0", "screening_rule_max_latency"),
        _outside("sessions", "61", "screening_rule_sessions"),
        BadRow(
            "more in a row than there are", {"consecutive_sessions": "4"}, "consecutive_sessions",
            "4 sessions in a row do not fit a series of 3", "screening_rule_consecutive_within_series",
        ),
    ],
    "rotation-plans": [
        _outside("from_day", "0", "rotation_plan_from_day"),
        BadRow("from beyond the course", {"from_day": "11"}, "from_day", "Day 11 is beyond the 10 days of course DC1"),
        BadRow("replaces without a reason", {"reason": ""}, "reason", "Course DC1 has the plan P1 already; say why"),
    ],
    "planned-bouts": [
        _outside("place", "0", "planned_bout_place"),
        BadRow("day 0", {"day": "0"}, "day", "0 is outside 1 to 365", "planned_bout_day"),
        BadRow("beyond the course", {"day": "11"}, "day", "Plan P1 covers days 1 to 10, not 11"),
        BadRow("mouse of another cohort", {"mouse": "M004"}, "mouse", "M004 is of cohort C3, course DC1 of C1"),
        BadRow(
            "an aggressor twice a day", {"day": "9"}, "aggressor", "1A already has a mouse on day 9 of P1",
            "planned_bout_aggressor_once_per_day",
        ),
    ],
    "defeat-bouts": [
        _outside("day", "0", "defeat_bout_day"),
        _outside("physical_s", "4000", "defeat_bout_physical"),
        _outside("attack_latency_s", "-1", "defeat_bout_attack_latency"),
        _outside("attacks", "5000", "defeat_bout_attacks"),
        _outside("score", "11", "defeat_bout_score"),
        _outside("wound_score", "5", "defeat_bout_wound_score"),
        _outside("sensory_contact_h", "100", "defeat_bout_sensory_contact"),
        BadRow(
            "attack after the contact", {"attack_latency_s": "301"}, "attack_latency_s",
            "301 s to the first attack is longer than the contact (300 s)", "defeat_bout_attack_within_contact",
        ),
        BadRow("a witness is touched", {"kind": "witness"}, "kind", "A witness is not touched", "defeat_bout_witness_untouched"),
        BadRow(
            "reason without substitution", {"substitution_reason": "slept"}, "substituted",
            "A reason for a substitution is entered", "defeat_bout_reason_of_substitution",
        ),
        BadRow("before birth", {"performed_at": "2024-12-31 10:00"}, "performed_at", "M001 was born on 2025-01-01"),
        BadRow(
            "after death", {"mouse": "M003", "performed_at": "2025-07-02 10:00"}, "performed_at",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
        BadRow(
            "before the aggressor came", {"performed_at": "2025-01-31 10:00"}, "aggressor",
            "1A arrived on 2025-02-01; the bout of 2025-01-31 is before it",
        ),
        BadRow(
            "course of another cohort", {"mouse": "M004"}, "course",
            "DC1 is the course of cohort C1, M004 is of C3; choose another course",
        ),
    ],
    "control-rotations": [
        _outside("day", "0", "control_rotation_day"),
        BadRow(
            "its own partner", {"partner": "M001"}, "partner", "M001 cannot be its own partner",
            "control_rotation_of_two_mice",
        ),
        BadRow("before birth", {"performed_at": "2024-12-31 10:00"}, "performed_at", "M001 was born on 2025-01-01"),
        BadRow(
            "after the partner's death", {"partner": "M003", "performed_at": "2025-07-02 10:00"}, "performed_at",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
    ],
    "arenas": [
        _outside("width_cm", "1", "arena_width"),
        _outside("length_cm", "4000", "arena_length"),
        BadRow(
            "zone wider than the arena", {"zone_width_cm": "43"}, "zone_width_cm", "43 cm does not fit an arena of 42 cm",
            "arena_zone_width_within_arena",
        ),
        BadRow(
            "zone deeper than the arena", {"zone_depth_cm": "41"}, "zone_depth_cm", "41 cm does not fit an arena of 40 cm",
            "arena_zone_depth_within_arena",
        ),
        BadRow("no corner", {"corner_cm": "0"}, "corner_cm", "0 cm does not fit", "arena_corner_within_arena"),
        _outside("px_per_cm", "0", "arena_px_per_cm"),
        _outside("origin_x_px", "-30000", "arena_origin_x"),
        _outside("origin_y_px", "30000", "arena_origin_y"),
    ],
    "arena-zones": [
        BadRow("no zone of that role", {"role": "middle"}, "role", "middle is not one of"),
        *(
            BadRow(f"geometry {text}", {"shape": shape, "geometry": text}, "geometry", says)
            for shape, text, says in (
                ("rectangle", "x 14, y 0, width 14", "Height of the rectangle is missing; write a rectangle like x 14"),
                ("rectangle", "x 1, y 2, width 3, height 4 inches", "'inches' cannot be read; write a rectangle like"),
                ("rectangle", "x 1, y 2, width 0, height 4", "must be more than 0 cm; got 0"),
                ("rectangle", "x 1, x 2, width 3, height 4", "X stands in"),
                ("circle", "x 1, y 2, width 3", "A circle has no width; write a circle like x 21"),
                ("polygon", "(0, 0) (9, 9)", "A polygon needs 3 corners or more; got 2; write a polygon like (0, 0)"),
                ("polygon", "(0, 0) (9, 9) (9, 0) (0, 5)", "cross; give its corners in order"),
            )
        ),
    ],
    "tracker-mappings": [
        _outside("origin_x_cm", "-5000", "tracker_mapping_origin_x"),
        _outside("origin_y_cm", "5000", "tracker_mapping_origin_y"),
        _outside("frame_rate_hz", "0", "tracker_mapping_frame_rate"),
        BadRow(
            "variable without a name", {"told_variable": ""}, "told_variable", "Name the variable that tells",
            "tracker_mapping_names_variable",
        ),
        BadRow(
            "one side only", {"present_says": ""}, "absent_says", "Enter what it says without target",
            "tracker_mapping_says_both",
        ),
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
    "welfare-checks": [
        BadRow("before birth", {"performed_at": "2024-12-31 09:00"}, "performed_at", "M001 was born on 2025-01-01"),
        BadRow("no action", {"action": ""}, "action", "This is needed"),
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
        BadRow(
            "after death", {"mouse": "M003", "test_at": "2025-07-02"}, "test_at",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
        _outside("scoring_number", "0", "si_test_scoring_number"),
        _outside("lux", "-1", "si_test_lux"),
        _outside("light_cycle_hour", "25", "si_test_light_cycle_hour"),
        _outside("gap_between_trials_min", "2000", "si_test_gap_between_trials"),
        _outside("order_of_day", "0", "si_test_order_of_day"),
        BadRow(
            "a digest that is none", {"tracker_sha256": "ABC"}, "tracker_sha256", "ABC is no SHA-256",
            "si_test_sha256_of_tracker_file",
        ),
        BadRow(
            "cycle of a male", {"mouse": "M004", "estrous_stage": "estrus"}, "estrous_stage",
            "M004 is male; leave the stage empty",
        ),
        BadRow(
            "excluded, nobody knows why", {"is_exclusion_blind": "no"}, "exclusion_criterion",
            "An exclusion needs its criterion", "socialinteractiontest_exclusion_has_criterion",
        ),
    ],
    "si-test-plans": [
        _outside("test_number", "0", "si_test_plan_test_number"),
        _outside("trial_s", "5000", "si_test_plan_trial_length"),
        _outside("lux", "-1", "si_test_plan_lux"),
        BadRow("lights at no time", {"lights_on": "7.30"}, "lights_on", "7.30 is not a time of day", "si_test_plan_lights_on"),
        BadRow(
            "replaces without a reason", {"reason": ""}, "reason",
            "SI test 1 of cohort C1 has the plan C1-T1-P1 already; say why",
        ),
    ],
    "planned-si-tests": [
        _outside("order_of_day", "0", "planned_si_test_order_of_day"),
        _outside("turn", "0", "planned_si_test_turn"),
        BadRow(
            "skipped, nobody knows why", {"state": "skipped"}, "state_reason", "The test is skipped; say why",
            "planned_si_test_state_has_reason",
        ),
        BadRow(
            "planned, with a reason", {"state_reason": "ill"}, "state_reason", "ill: the test is planned; leave this empty",
            "planned_si_test_reason_of_a_state",
        ),
        BadRow("of another cohort", {"mouse": "M004"}, "mouse", "M004 is of cohort C3, plan C1-T1-P1 of C1"),
        BadRow("place taken", {"order_of_day": "1"}, "order_of_day", "Place 1 of C1-T1-P1 is taken"),
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
    "assays": [_outside("trial_s", "5", "assay_trial_length")],
    "assay-metrics": [
        BadRow("range reversed", {"maximum": "-1"}, "maximum", "-1 is below the minimum (0)", "assay_metric_range"),
    ],
    "assay-readings": [
        BadRow("no zones", {"zones": ""}, "zones", "Name the zones of which test metric", "assay_reading_names_zones"),
        BadRow(
            "zones of the whole", {"statistic": "time covered"}, "zones",
            "The time covered is of the whole trial, not of center | rim", "assay_reading_of_whole_trial",
        ),
        BadRow(
            "share of no share", {"share_of": "arms"}, "share_of", "arms stands for the 100 % of a share",
            "assay_reading_share_of_zones",
        ),
        BadRow(
            "another unit", {"statistic": "entries"}, "statistic",
            "test metric is in s, and entries would be without a unit; choose another statistic.",
        ),
    ],
    "assay-results": [
        BadRow("outside its metric", {"value": "101"}, "value", "101 is outside the range of test metric (0 to 100 s)"),
        BadRow(
            "excluded, nobody knows why", {"excluded_by": "anna"}, "exclusion_criterion",
            "An exclusion needs its criterion", "assayresult_exclusion_has_criterion",
        ),
    ],
    "drugs": [
        _outside("molar_mass_g_per_mol", "0", "drug_molar_mass"),
        _outside("base_molar_mass_g_per_mol", "-1", "drug_base_molar_mass"),
        BadRow(
            "base heavier than salt", {"base_molar_mass_g_per_mol": "300"}, "base_molar_mass_g_per_mol",
            "The base (300 g/mol) cannot be heavier than its salt (284.25 g/mol)", "drug_base_within_salt",
        ),
    ],
    "solutions": [
        BadRow(
            "no strength", {"stock_mg_per_ml": "0"}, "stock_mg_per_ml", "0 mg/ml is no strength of a solution",
            "solution_stock",
        ),
        BadRow(
            "expires before it is made", {"expires_at": "2025-05-31 08:00"}, "expires_at",
            "2025-05-31 08:00 is not after the preparation (2025-06-01 08:00)", "solution_expires_after_preparation",
        ),
    ],
    "solution-keys": [
        BadRow("code of another syringe", {"code": "A"}, "code", "A is already a code on syringes of this study", is_taken=True),
        BadRow("study of another", {"study": "S2"}, "solution", "There is no solution SOL1 in study S2"),
    ],
    "treatment-components": [
        BadRow(
            "days reversed", {"day_from": "5", "day_to": "4"}, "day_to", "day 4 is before the first day (5)",
            "component_days_in_order",
        ),
        _outside("dose_mg_per_kg", "5000", "component_dose"),
        BadRow("part 0", {"part": "0"}, "part", "0 is not the number of a part", "component_part_from_1"),
        BadRow("part taken", {"part": "1"}, "part", "arm A already has a part 1; edit that component", is_taken=True),
        BadRow("half past", {"time_of_day": "9.30"}, "time_of_day", "9.30 is not a time of day", "component_time_of_day"),
        BadRow("drug and device", {"device": "DBS"}, "drug", "one drug or one device", "component_drug_or_device"),
        BadRow("neither", _NO_DRUG, "drug", "one drug or one device", "component_drug_or_device"),
        *(
            BadRow(
                f"{field} of a device", {**_DEVICE, field: value}, field, f"{value} goes with a drug; empty it",
                f"component_{field}_of_a_drug",
            )
            for field, value in {
                "dose_mg_per_kg": "20", "drug_form": "salt", "route": "i.p.", "vehicle": "saline",
                "volume_ml_per_kg": "10",
            }.items()
        ),
        *(
            BadRow(
                f"{field} of a drug", {field: value}, field, f"{value} goes with a device; empty it",
                f"component_{field}_of_a_device",
            )
            for field, value in {
                "device_target": "PFC", "frequency_hz": "130", "pulse_width_us": "90", "current_ua": "100",
                "hours_per_day": "8",
            }.items()
        ),
        *(
            BadRow(f"{field} {value}", {**_DEVICE, field: value}, field, f"{value} ", rule)
            for field, value, rule in (
                ("frequency_hz", "-1", "component_frequency"), ("pulse_width_us", "0", "component_pulse_width"),
                ("current_ua", "0", "component_current"), ("hours_per_day", "25", "component_hours_per_day"),
            )
        ),
        _outside("volume_ml_per_kg", "1000", "component_volume_per_kg"),
        BadRow("sham of a drug", {"is_sham": "yes"}, "is_sham", "Sham goes with a device", "component_sham_of_a_device"),
        BadRow(
            "sham with a current", {**_DEVICE, "is_sham": "yes", "current_ua": "100"}, "current_ua",
            "100 uA: a sham passes no current", "component_sham_without_current",
        ),
    ],
    "randomizations": [
        BadRow(
            "replaces without a reason", {"replaces": "R1"}, "reason", "Say why R1 is replaced",
            "randomization_replaced_for_reason",
        ),
        BadRow(
            "goes on and is replaced", {"replaces": "R1", "continues": "R1", "reason": "both"}, "replaces",
            "A list goes on or is replaced, not both", "randomization_continues_or_replaces",
        ),
    ],
    "allocations": [
        BadRow(
            "in two arms at a time", {"mouse": "M001"}, "mouse",
            "M001 is already allocated; a mouse is in one arm at a time", "allocation_once_per_mouse",
        ),
    ],
    "doses": [
        BadRow(
            "given without a time", {"given_at": ""}, "given_at", "A dose that was given needs its time",
            "dose_given_has_time",
        ),
        BadRow(
            "planned with a time", {"status": "planned"}, "given_at",
            "2025-06-02 09:12: a dose that is planned was not given", "dose_not_given_has_no_time",
        ),
        BadRow(
            "missed with a volume", {"status": "missed", "given_at": "", "reason": "ill"}, "volume_ml",
            "0.25 ml: a missed dose has no volume", "dose_missed_has_no_volume",
        ),
        BadRow(
            "partial without a reason", {"status": "partial"}, "reason", "Say why this dose is partial",
            "dose_lacking_has_reason",
        ),
        _outside("body_mass_g", "250", "dose_mass_of_a_mouse"),
        _outside("volume_ml", "0", "dose_volume"),
        _outside("volume_ml_per_kg", "1000", "dose_volume_per_kg"),
        BadRow(
            "ul as ml", {"volume_ml": "2.6"}, "volume_ml", "2.6 ml for 25 g is more than 100 ml/kg; check the units",
            "dose_volume_fits_mass",
        ),
        BadRow("before birth", {"given_at": "2024-12-31 09:00"}, "given_at", "M001 was born on 2025-01-01"),
        BadRow("due before birth", {"planned_at": "2024-12-31 09:00"}, "planned_at", "M001 was born on 2025-01-01"),
        BadRow(
            "after death", {"mouse": "M003", "given_at": "2025-07-02 09:00"}, "given_at",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
    ],
    "dissections": [
        _outside("minutes_to_freeze", "300", "dissection_minutes_to_freeze"),
        BadRow("before birth", {"performed_at": "2024-12-31 10:00"}, "performed_at", "M002 was born on 2025-01-01"),
        BadRow(
            "after death", {"mouse": "M003", "performed_at": "2025-07-02 10:00"}, "performed_at",
            "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
        BadRow(
            "before death", {"mouse": "M003", "performed_at": "2025-06-30 10:00"}, "performed_at",
            "M003 died on 2025-07-01, not on 2025-06-30",
        ),
    ],
    "storage-boxes": [
        BadRow("no rows", {"n_rows": "0"}, "n_rows", "0 rows is outside 1 to 26", "storage_box_rows"),
        BadRow("too wide", {"n_columns": "100"}, "n_columns", "100 columns is outside 1 to 99", "storage_box_columns"),
    ],
    "tissue-samples": [
        _outside("punch_mm", "20", "tissue_sample_punch"),
        _outside("tissue_mg", "0", "tissue_sample_tissue"),
        BadRow("dissection of another", {"mouse": "M002", "dissection": "M001"}, "dissection", "This dissection is of M001"),
        _outside("bregma_from_mm", "19", "tissue_sample_bregma_from"),
        _outside("bregma_to_mm", "-19", "tissue_sample_bregma_to"),
        BadRow(
            "wrong way round", {"bregma_from_mm": "0.9", "bregma_to_mm": "1.9"}, "bregma_to_mm",
            "1.9 mm lies anterior of the anterior end (0.9 mm)", "tissue_sample_bregma_in_order",
        ),
        BadRow("no position", {"position": "4C"}, "position", "4C is not a position", "tissue_sample_position"),
        BadRow(
            "position nowhere", {"box": ""}, "box", "Position C4 needs its box", "tissue_sample_position_in_box"
        ),
        BadRow("beside the box", {"position": "K4"}, "position", "K4 is not in box BOX1; its positions are A1 to I9"),
        BadRow("frozen tomorrow", {"frozen_at": "2150-01-01 10:00"}, "frozen_at", "2150-01-01 10:00 is in the future"),
        BadRow("below the box", {"position": "C10"}, "position", "C10 is not in box BOX1; its positions are A1 to I9"),
        BadRow(
            "excluded without why", {"excluded_by": "anna"}, "exclusion_criterion",
            "An exclusion needs its criterion", "tissuesample_exclusion_has_criterion",
        ),
    ],
    "tube-events": [
        _outside("amount_used_mg", "0", "tube_event_amount"),
        BadRow("placed nowhere", {"box": "", "position": ""}, "box", "A tube is placed in a box", "tube_event_placed_in_box"),
        BadRow(
            "discarded into a box", {"kind": "discarded"}, "kind", "A tube that is discarded has no place any more",
            "tube_event_gone_from_box",
        ),
        BadRow("no position", {"position": "4C"}, "position", "4C is not a position", "tube_event_position"),
        BadRow(
            "position nowhere", {"kind": "thawed", "box": ""}, "box", "Position D4 needs its box",
            "tube_event_position_in_box",
        ),
        BadRow("thawed elsewhere", {"kind": "thawed"}, "box", "A thaw leaves the tube where it is"),
        BadRow("beside the box", {"position": "K4"}, "position", "K4 is not in box BOX1; its positions are A1 to I9"),
    ],
    "checked-tubes": [
        BadRow(
            "missing and found", {"result": "missing"}, "position_found", "A tube that is missing was found nowhere",
            "checked_tube_missing_nowhere",
        ),
    ],
    "tissue-measurements": [
        BadRow("replicate 0", {"replicate": "0"}, "replicate", "0 is not a replicate", "tissue_measurement_replicate_from_1"),
        BadRow("before birth", {"performed_at": "2024-12-31"}, "performed_at", "M001 was born on 2025-01-01"),
        BadRow(
            "scanned after death", {"mouse": "M003", "performed_at": "2025-07-02 10:00", "rated_date": ""},
            "performed_at", "M003 died on 2025-07-01; 2025-07-02 is after it",
        ),
        BadRow("read before the scan", {"rated_date": "2025-06-02"}, "rated_date", "2025-06-02 is before the scan (2025-06-03)"),
    ],
    "lab-fields": [
        BadRow("range reversed", {"maximum": "9"}, "maximum", "9 is below the minimum (10)", "lab_field_range"),
        BadRow(
            "minimum of a text", {"kind": "text", "unit": "", "maximum": ""}, "minimum",
            "Only a number has a minimum; leave 10 out", "lab_field_minimum_of_a_number",
        ),
        BadRow(
            "maximum of a text", {"kind": "text", "unit": "", "minimum": ""}, "maximum",
            "Only a number has a maximum; leave 120 out", "lab_field_maximum_of_a_number",
        ),
        BadRow(
            "unit of a date", {"kind": "date", "minimum": "", "maximum": ""}, "unit",
            "Only a number has a unit; leave mm out", "lab_field_unit_of_a_number",
        ),
        BadRow(
            "choices of a number", {"choices": "long; short"}, "choices",
            "Only a field of the kind choice has choices; leave long; short out", "lab_field_choices_of_a_choice",
        ),
        BadRow(
            "nothing to choose", {"kind": "choice", "unit": "", "minimum": "", "maximum": ""}, "choices",
            "Nothing to choose from; enter the choices", "lab_field_choice_has_choices",
        ),
        BadRow(
            "a choice twice", {"kind": "choice", "unit": "", "minimum": "", "maximum": "", "choices": "Red; blue; red"},
            "choices", "Red; blue; red names a choice twice",
        ),
        BadRow("name with a blank", {"name": "tail length"}, "name", "A name starts with a small letter"),
        BadRow("name of a field", {"name": "ear_tag"}, "name", "ear_tag is already a field of mice"),
        BadRow("name of a column", {"name": "strain_id"}, "name", "strain_id is already a field of mice"),
        BadRow("label of a field", {"label": "Ear tag"}, "label", "Ear tag is already the label of a field of mice"),
        BadRow("name of what refers to it", {"name": "weighings"}, "name", "weighings is already a field of mice"),
        BadRow("name of a word of addresses", {"name": "ordering"}, "name", "ordering has a meaning of its own"),
        BadRow("name of a lookup", {"name": "gte"}, "name", "gte has a meaning of its own in addresses"),
        BadRow("another unit than the name's", {"unit": "cm"}, "unit", "The name tail_length_mm says mm, the unit says cm"),
        BadRow("no unit", {"unit": ""}, "unit", "The name tail_length_mm says mm, the unit says nothing; enter mm"),
        BadRow("name without its unit", {"name": "tail"}, "name", "The name of a number says its unit; end it so: tail_mm."),
        BadRow("record of results", {"resource": "phenotype-calls"}, "resource", "phenotype-calls is not one of studies"),
        BadRow("field of fields", {"resource": "lab-fields"}, "resource", "lab-fields is not one of studies"),
    ],
    "rna-extractions": [
        _outside("rin", "11", "rna_extraction_rin"),
        _outside("rna_conc_ng_per_ul", "-1", "rna_extraction_concentration"),
        _outside("volume_ul", "0", "rna_extraction_volume"),
        _outside("dv200_percent", "101", "rna_extraction_dv200"),
        _outside("ratio_260_280", "6", "rna_extraction_ratio_260_280"),
        BadRow("one sample unknown", {"samples": "T001; T999"}, "samples", "There is no tissue sample T999"),
    ],
    "extraction-inputs": [
        _outside("amount_used_mg", "0", "extraction_sample_amount"),
        BadRow("the same again", {"sample": "T001"}, "sample", "T001 is already in E001", is_taken=True),
        BadRow("study of another", {"study": "S2"}, "extraction", "There is no RNA extraction E001 in study S2"),
    ],
    "sequencing-runs": [_outside("read_length_bp", "2", "sequencing_run_read_length")],
    "libraries": [
        _outside("fragment_length_bp", "1", "library_fragment_length"),
        _outside("library_conc_nm", "-1", "library_concentration"),
        BadRow("one run unknown", {"runs": "RUN1; RUN99"}, "runs", "There is no sequencing run RUN99"),
    ],
    "library-inputs": [
        _outside("input_ng", "0", "library_extraction_input"),
        _outside("volume_used_ul", "0", "library_extraction_volume"),
        BadRow("the same again", {"library": "L001"}, "extraction", "E001 is already in L001", is_taken=True),
    ],
    "library-lanes": [
        _outside("planned_reads_million", "0", "library_run_planned_reads"),
        _outside("received_reads_million", "-1", "library_run_received_reads"),
        BadRow("the same again", {"lane": "1"}, "lane", "L001 is already on this lane of RUN1", is_taken=True),
    ],
    "pool-plans": [_outside("n_pools", "97", "pool_plan_pools")],
    "sequencing-selections": [
        BadRow("mouse of another study", {"mice": "M001; N001"}, "mice", "There is no mouse N001 in study S1"),
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
    elsewhere = Cohort.objects.create(study=study, code="C3")
    Mouse.objects.create(study=study, code="M004", cohort=elsewhere, sex="M", birth_date=born)
    Litter.objects.create(study=study, code="L1", birth_date=born)
    Shipment.objects.create(study=study, code="D1", birth_date_from=born, birth_date_to="2025-01-07")
    Cage.objects.create(study=study, code="K1")
    Cage.objects.create(study=other, code="K2")
    course = DefeatCourse.objects.create(study=study, code="DC1", cohort=cohort)
    resident = Aggressor.objects.create(code="1A", birth_date="2024-06-01", arrival_date="2025-02-01")
    planned_at = datetime(2025, 5, 30, 10, tzinfo=UTC)
    plan = RotationPlan.objects.create(study=study, course=course, code="P1", performed_at=planned_at)
    PlannedBout.objects.create(study=study, plan=plan, mouse=Mouse.objects.get(code="M002"), day=9, aggressor=resident)
    day = SiTestPlan.objects.create(study=study, cohort=cohort, code="C1-T1-P1", performed_at=planned_at)
    box, fifth = Arena.objects.create(name="box 1"), Mouse.objects.create(study=study, code="M005", cohort=cohort)
    PlannedSiTest.objects.create(study=study, plan=day, mouse=fifth, order_of_day=1, turn=1, arena=box, target=resident)
    Arena.objects.create(name="test box", width_cm=42, length_cm=42)
    assay = Assay.objects.create(name="test assay")
    AssayMetric.objects.create(assay=assay, name="test metric", unit="s", minimum=0, maximum=100)
    Mouse.objects.create(study=other, code="N001")
    drug = Drug.objects.create(name="test drug")
    solution = Solution.objects.create(study=study, code="SOL1", drug=drug)
    SolutionKey.objects.create(study=study, code="A", solution=solution)
    arm = TreatmentArm.objects.create(study=study, name="arm A")
    TreatmentComponent.objects.create(study=study, arm=arm, drug=drug)
    randomization = Randomization.objects.create(study=study, code="R1", method="simple")
    Allocation.objects.create(study=study, mouse=one, code="X1", randomization=randomization)
    region = BrainRegion.objects.create(code="TST", name="test region")
    BoxCheck.objects.create(code="BOX1-1", box=StorageBox.objects.create(code="BOX1"))
    dissection = Dissection.objects.create(study=study, mouse=one)
    samples = [
        TissueSample.objects.create(study=study, code=code, mouse=one, region=region, dissection=dissection)
        for code in ("T001", "T002")
    ]
    extraction = RnaExtraction.objects.create(study=study, code="E001")
    ExtractionSample.objects.create(study=study, extraction=extraction, sample=samples[0])
    library = Library.objects.create(study=study, code="L001")
    LibraryExtraction.objects.create(study=study, library=library, extraction=extraction)
    Library.objects.create(study=study, code="L002")
    run = SequencingRun.objects.create(code="RUN1")
    LibraryRun.objects.create(study=study, library=library, run=run, lane="1")
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
