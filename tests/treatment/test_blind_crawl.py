"""Whoever is blinded goes through the whole site, and neither reads a treatment nor can tell one key from another."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from labdb.accounts.models import User
from labdb.colony.models import Study
from labdb.registry.record import Record, all_records, record_for
from labdb.treatment.models import (
    AllocationKey,
    Drug,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)
from tests.treatment.crawling import Answer, Crawl, ask
from tests.treatment.planted_study import (
    ARMS,
    BOTTLES,
    DOSE,
    DRAWN,
    DRUGS,
    LOT,
    SECRETS,
    SEED,
    exchange,
    make_planted_study,
    member,
    traces_of_the_allocator,
)

pytestmark = pytest.mark.timeout(900)  # the whole site, twice
BLINDED = ("blind scorer", "scorer", "technician", "analyst", "investigator", "manager")
NONSENSE = "xylophantic"
DEEPEST = 5  # relations from a row to what is secret: a weighing's mouse's allocation's key's arm's components
PLANTED: dict[Any, dict[str, Any]] = {
    TreatmentArm: {"name": ARMS[1]}, TreatmentComponent: {"dose_mg_per_kg": DOSE, "vehicle": ARMS[0]},
    Solution: {"code": BOTTLES[1], "lot": LOT}, Drug: {"name": DRUGS[1]}, SolutionKey: {"code": "SYR03"},
    Randomization: {"code": DRAWN, "seed": SEED}, AllocationKey: {},
}  # fmt: skip
OF_DRUGS = tuple(record_for(model).resource for model in PLANTED)


@dataclass
class Site:
    """The planted study, who is blinded in it and who is not."""

    study: Study
    blinded: dict[str, Client]
    allocator: Client


@pytest.fixture(scope="module")
def site(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Site]:
    """Make it once for all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        study = make_planted_study()
        allocator = member(study, "allocator")
        traces_of_the_allocator(study, allocator)
        people = {role: member(study, role) for role in BLINDED}
        people["administrator"] = User.objects.create(username="root", is_superuser=True, is_staff=True)
        yield Site(study, {name: _browser(user) for name, user in people.items()}, _browser(allocator))
        transaction.set_rollback(True)


def _browser(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def starts() -> list[str]:
    """Where a walk begins: the first page, and what no page leads to."""
    rest = [f"/api/v1/{record.resource}/" for record in all_records()]
    exports = [f"{address}?export=csv" for address in rest]
    exports += [f"{address}?export=ndjson" for address in rest[::5]]
    tables = [f"/api/v1/studies/S1/{name}-table/" for name in ("animal", "sample", "gene")]
    words = [f"/search/?q={word}" for word in ("M0", "k0")]
    return [
        "/",
        "/records/",
        "/admin/",
        "/api/schema/",
        "/records/workbook/study/S1.xlsx",
        *words,
        *rest,
        *exports,
        *tables,
    ]


def test_nobody_blinded_reads_a_treatment_or_can_tell_one_key_from_another(site: Site) -> None:
    """The administrator goes everywhere, before and after the exchange; the others take turns at every second address."""
    client = site.blinded["administrator"]
    before = Crawl(client).run(*starts())
    assert len(before) > 300
    wrong = _wrong("administrator", before)
    with transaction.atomic():
        exchange(site.study)
        for at, (address, answer) in enumerate(before.items()):
            if answer != (now := ask(client, address)):
                wrong.append(f"{address} tells the administrator of the key: {_first_difference(answer, now)}")
            if at % 2 == 0:
                role = BLINDED[at // 2 % len(BLINDED)]
                wrong += _wrong(role, {address: ask(site.blinded[role], address)})
        transaction.set_rollback(True)
    assert not wrong, f"{len(wrong)} of {len(before)} addresses:\n" + "\n".join(wrong[:60])


def _wrong(who: str, answers: dict[str, Answer]) -> list[str]:
    found = [f"{address} answers {one.status} to the {who}" for address, one in answers.items() if one.status >= 500]
    for address, one in answers.items():
        if said := one.tells(SECRETS):
            found.append(f"{address} tells the {who} {', '.join(said)}")
    return found


def _first_difference(one: Answer, other: Answer) -> str:
    if one.status != other.status:
        return f"{one.status}, then {other.status}"
    at = next((at for at, (a, b) in enumerate(zip(one.text, other.text, strict=False)) if a != b), 0)
    return f"...{one.text[max(0, at - 60) : at + 60]!r}, then ...{other.text[max(0, at - 20) : at + 60]!r}"


def test_the_allocator_reads_all_of_it(site: Site) -> None:
    """Else the crawl would find nothing because there is nothing."""
    addresses = [f"/api/v1/{resource}/" for resource in OF_DRUGS] + ["/api/v1/imports/?limit=200"]
    told = {word for address in addresses for word in ask(site.allocator, address).tells(SECRETS)}
    assert {"zephrosal", "quorvex", *BOTTLES, LOT, "17.31", str(SEED), DRAWN} <= told
    arm = TreatmentArm.objects.get(name=ARMS[1])
    page = ask(site.allocator, f"/records/treatment-arms/{arm.pk}/")
    assert page.tells(["oldquorvex", f"{ARMS[1]}.txt"]) == ["oldquorvex", f"{ARMS[1]}.txt"]


def test_no_search_or_filter_tells_a_treatment(site: Site) -> None:
    """A planted word is answered as one that nobody ever wrote, whichever way it is asked for."""
    client = site.blinded["administrator"]
    wrong = []
    for record in all_records():
        for name, value, other in questions(record):
            doors = ("/api/v1/{}/", "/records/{}/") if name == "search" else ("/api/v1/{}/",)
            for door in doors:
                address = door.format(record.resource)
                if _without(client, address, name, value) != _without(client, address, name, other):
                    wrong.append(f"{address}?{name}={value}")
    assert not wrong, "\n".join(wrong)


def _without(client: Client, address: str, name: str, value: Any) -> tuple[int, str]:
    """What is answered to a question, without its words."""
    answer = ask(client, f"{address}?{name}={value}")
    return answer.status, answer.text.replace(f"{value}", "?")


def questions(record: type[Record]) -> Iterator[tuple[str, Any, Any]]:
    """Yield what can be asked of a list that may tell: a search, and a filter by each way that leads to a treatment."""
    word = (ARMS[1], DRUGS[1], LOT, BOTTLES[1], DRAWN)[len(record.resource) % 5]
    yield "search", word, NONSENSE
    for path, model in ways(record.model):
        for name, value in list(PLANTED[model].items())[:1]:
            yield f"{path}{name}", value, NONSENSE if isinstance(value, str) else 3
        known = {"name": DRUGS[1]} if model is Drug else {"study__code": "S1"}  # other drugs are everybody's
        yield f"{path}id", model._default_manager.filter(**known)[0].pk, 999_999


def ways(model: Any) -> list[tuple[str, Any]]:
    """Return the shortest path of relations from a record to each that is secret, itself included: (path, model)."""
    found: dict[Any, str] = {model: ""} if model in PLANTED else {}
    level: list[tuple[str, Any, tuple[Any, ...]]] = [("", model, (model,))]
    for _step in range(DEEPEST):
        level = [
            (f"{path}{relation.name}__", relation.related_model, (*passed, relation.related_model))
            for path, at, passed in level
            for relation in at._meta.get_fields()
            if _leads_on(relation) and relation.related_model not in passed
        ]
        for path, at, _passed in level:
            if at in PLANTED:
                found.setdefault(at, path)
    return [(path, at) for at, path in found.items()]


def _leads_on(relation: Any) -> bool:
    """Whether an address may ask through a relation: to a record, and not to who entered it."""
    if not relation.is_relation or relation.related_model is User or not hasattr(relation.related_model, "key_field"):
        return False
    return bool(relation.concrete or relation.related_name)


def test_no_order_of_a_list_follows_the_key(site: Site) -> None:
    """Both ways round, by every column that a list sorts by, and by whether something is known of it."""
    client = site.blinded["administrator"]
    before = {address: ask(client, address) for address in sorted_lists(client)}
    with transaction.atomic():
        exchange(site.study)
        differs = [address for address, answer in before.items() if ask(client, address) != answer]
        transaction.set_rollback(True)
    assert not differs, "\n".join(differs)


def sorted_lists(client: Client) -> Iterator[str]:
    for record in all_records():
        rest = f"/api/v1/{record.resource}/"
        if len(json.loads(client.get(f"{rest}?limit=2&fields=id").content).get("results", ())) < 2:
            continue
        said = client.get(f"{rest}?ordering=nonsense").json()["ordering"][0]
        for name in said.partition("sortable are ")[2].rstrip(".").split(", "):
            yield f"{rest}?fields=id&limit=200&ordering={name}"
            yield f"{rest}?fields=id&limit=200&ordering=-{name}"
        for path, _model in ways(record.model):
            if path:
                yield f"{rest}?fields=id&limit=200&{path.removesuffix('__')}__isnull=true"


def test_nobody_blinded_learns_a_name_by_writing(site: Site) -> None:
    """An entry that names a treatment is refused in the words that refuse one that names nothing."""
    rows: dict[str, list[dict[str, Any]]] = {
        "allocation-keys": [{"allocation": "Ak0", "arm": ARMS[1]}, {"allocation": "Ak0", "arm": NONSENSE}],
        "treatment-arms": [{"study": "S1", "name": ARMS[1]}, {"study": "S1", "name": NONSENSE}],
        "solutions": [{"study": "S1", "code": BOTTLES[1], "drug": DRUGS[1]}, {"study": "S1", "code": NONSENSE, "drug": NONSENSE}],
        "drugs": [{"name": DRUGS[1]}, {"name": NONSENSE}],
        "treatment-components": [{"arm": ARMS[1], "drug": DRUGS[1]}, {"arm": NONSENSE, "drug": NONSENSE}],
        "randomizations": [{"study": "S1", "code": DRAWN, "method": "simple"}, {"study": "S1", "code": NONSENSE, "method": "simple"}],
        "allocations": [{"mouse": "k0", "code": "Z1", "randomization": DRAWN}, {"mouse": "k0", "code": "Z1", "randomization": NONSENSE}],
    }  # fmt: skip
    wrong = []
    for who, client in site.blinded.items():
        for resource, (planted, other) in rows.items():
            for many in (False, True):
                said = [_refused(client, resource, row, many=many) for row in (planted, other)]
                if said[0] != said[1]:
                    wrong.append(f"{who}, {resource}: {said[0]}, but {said[1]}")
    assert not wrong, "\n".join(wrong)


def _refused(client: Client, resource: str, row: dict[str, Any], *, many: bool) -> tuple[int, str]:
    with transaction.atomic():
        body = json.dumps([row] if many else row)
        answer = client.post(f"/api/v1/{resource}/", body, content_type="application/json")
        transaction.set_rollback(True)
    said = answer.content.decode()
    for word in row.values():
        said = said.replace(str(word), "?")
    return answer.status_code, said
