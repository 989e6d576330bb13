"""The data dictionary says what the declarations say: every record, field, unit and rule, the same on every machine."""

import re
from html import unescape

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import F, Value
from django.db.models.functions import NullIf

from labdb.accounts.models import Role, User
from labdb.accounts.roles import ROLES, install_roles, may_enter
from labdb.colony.models import Mouse, Study
from labdb.desk import data_dictionary
from labdb.desk.dictionary_file import markdown
from labdb.desk.management.commands.data_dictionary import PLACE
from labdb.registry.record import all_records


def entries():
    return {record.resource: record for room in data_dictionary.dictionary() for record in room.records}


def test_the_committed_file_is_what_the_declarations_say():
    committed = (settings.CHECKOUT / PLACE).read_text(encoding="utf-8")
    assert committed == markdown(), f"{PLACE} is out of date; run .venv/bin/python manage.py data_dictionary"


def test_the_command_writes_the_file(settings, tmp_path, capsys):
    settings.CHECKOUT = tmp_path
    (tmp_path / "docs").mkdir()
    call_command("data_dictionary")
    assert (tmp_path / PLACE).read_bytes() == markdown().encode()
    assert capsys.readouterr().out == f"{PLACE} is written.\n"


def test_every_record_and_every_field_that_is_entered_is_in_it():
    found = entries()
    assert list(found) == [record.resource for record in all_records()]
    shared = {field.name for field in data_dictionary.shared_fields()}
    for record in all_records():
        said = {field.name for field in found[record.resource].fields}
        assert set(record.fields) <= said | shared, record.resource


def test_a_field_is_told_with_its_unit_choices_and_default():
    fields = {field.name: field for field in [*entries()["weighings"].fields, *entries()["mice"].fields]}
    mass, sex, strain = fields["body_mass_g"], fields["sex"], fields["strain"]
    assert (mass.label, mass.kind, mass.unit, mass.needed) == ("Body mass (g)", "number", "g", "yes")
    assert (sex.kind, sex.needed) == ("one of M (male), F (female), U (unknown)", "no; U by default")
    assert (strain.kind, strain.target, strain.needed) == ("a strain", "strains", "no")


def test_a_computed_field_is_told_with_its_formula():
    ratio = next(field for field in entries()["si-tests"].fields if field.name == "si_ratio")
    assert ratio.meaning == "Computed: iz_present_s / iz_absent_s (empty where it is 0)."
    assert ratio.needed == "never entered"


def test_a_formula_keeps_its_brackets():
    expression = (F("volume_ml") + Value(2.5)) * NullIf(F("body_mass_g"), Value(0.0))
    assert data_dictionary._formula(expression) == "(volume_ml + 2.5) * body_mass_g (empty where it is 0)"


def test_a_rule_names_fields_where_its_sentence_has_values():
    sentences = {rule.sentence for rule in entries()["mice"].rules}
    assert "<death_date> is before its birth (<birth_date>); correct one of the two dates." in sentences


def test_rules_against_other_records_are_told_once_for_each_base():
    assert entries()["weighings"].further_rules == [
        "Refuse an event in the future, before the mouse's birth or after its death.",
        "Warn of a mass far from the mouse's others.",
    ]
    assert len(data_dictionary.shared_rules()) == 1


@pytest.mark.django_db
def test_the_roles_it_names_are_those_that_may():
    install_roles()
    for model in (Mouse, Study):
        codename = f"add_{model._meta.model_name}"
        allowed = Role.objects.filter(permissions__codename=codename, permissions__content_type__app_label="colony")
        assert set(may_enter(model)) == set(allowed.values_list("name", flat=True))
    assert set(may_enter(Study)) == {"manager"} < set(ROLES)


@pytest.mark.django_db
def test_the_page_says_the_same_and_lists_lead_to_their_part(client):
    client.force_login(User.objects.create_superuser("boss", password="x"))
    page = client.get("/records/dictionary/").content.decode()
    anchors = set(re.findall(r'<section class="card mb-3" id="([a-z-]+)"', page))
    assert anchors == {record.resource for record in all_records()}
    for record in entries().values():
        for rule in record.rules:
            assert rule.sentence in unescape(page)
    for address in ("/records/mice/", "/records/mice/import/"):
        assert "/records/dictionary/#mice" in client.get(address).content.decode()


def test_the_page_asks_for_a_sign_in(client):
    assert client.get("/records/dictionary/").status_code == 302
