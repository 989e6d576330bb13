"""A unit is said by the name of a field, by its label and by people, and all three mean the same."""

import pytest
from django.core.checks import run_checks
from django.db import models

from labdb.registry.record import all_records
from labdb.registry.units import unit_of, unit_problem, unit_written


def number(name, label=None):
    field = models.FloatField(label)
    field.set_attributes_from_name(name)
    return field


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("body_mass_g", "g"),
        ("iz_absent_s", "s"),
        ("velocity_absent_cm_per_s", "cm/s"),
        ("rna_conc_ng_per_ul", "ng/ul"),
        ("dose_mg_per_kg", "mg/kg"),
        ("stimulation_h_per_day", "h/day"),
        ("pulse_width_us", "us"),
        ("minutes_to_freeze", "min"),
        ("days", "days"),
    ],
)
def test_the_name_of_a_field_says_its_unit(name, symbol):
    assert unit_of(number(name)).symbol == symbol


@pytest.mark.parametrize(
    "name", ["si_ratio", "cutoff", "attacks", "rin", "day", "min_iz_ratio", "p_value", "items_per_kit"]
)
def test_ratios_counts_and_numbers_of_days_have_no_unit(name):
    assert unit_of(number(name)) is None


def test_text_has_no_unit():
    field = models.CharField(max_length=5)
    field.set_attributes_from_name("wall_s")
    assert unit_of(field) is None


@pytest.mark.parametrize(
    ("suffix", "texts"),
    [
        ("g", ["g", "G", " gr. ", "grams", "gramme"]),
        ("s", ["s", "sec", "sec.", "secs", "Second", "seconds"]),
        ("ul", ["ul", "µl", "μL", "microliters"]),
        ("ng_per_ul", ["ng/ul", "ng/µL", "ng / ul", "ng per microliter"]),
        ("h_per_day", ["h/day", "hours per day", "hr/d", "h/days"]),
        ("days", ["d", "day", "days"]),
        ("percent", ["%", "percent"]),
        ("us", ["µs", "us"]),
    ],
)
def test_a_unit_is_understood_however_people_write_it(suffix, texts):
    assert {unit_written(text).suffix for text in texts} == {suffix}


@pytest.mark.parametrize("text", ["", "/", "g/", "stone", "g g", "mg/kg/day", "12", "SI ratio"])
def test_what_is_no_unit_is_not_taken_for_one(text):
    assert unit_written(text) is None


def test_milligrams_are_not_grams():
    assert unit_of(number("body_mass_g")).is_written("grams")
    assert not unit_of(number("body_mass_g")).is_written("mg")


@pytest.mark.parametrize(
    ("name", "label", "said"),
    [
        ("body_mass_g", "body mass (g)", None),
        ("days", "days of defeat", None),
        ("si_ratio", "SI ratio (IZ time with / without)", None),
        (
            "body_mass_g",
            "body mass",
            "body_mass_g: its name says g, its label is 'body mass'; let the label end in (g)",
        ),
        ("trial_s", "trial (min)", "trial_s: its name says s, its label is 'trial (min)'; let the label end in (s)"),
        ("trial", "trial (seconds)", "trial: its label says (s), its name does not; end the name in _s"),
    ],
)
def test_a_label_that_says_another_unit_than_the_name_is_a_problem(name, label, said):
    assert unit_problem(number(name, label)) == said


def test_every_record_passes_the_check_and_many_fields_have_a_unit():
    assert [message for message in run_checks() if message.id == "labdb.E003"] == []
    fields = [field for record in all_records() for field in record.model._meta.local_fields]
    assert sum(unit_of(field) is not None for field in fields) > 10
