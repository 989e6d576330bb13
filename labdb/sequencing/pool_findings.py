"""What libraries say against each other by pool and lane: an index twice where reads meet, a pool of one group alone."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from labdb.registry.findings import Finding, Grade, stored_beside

FEWEST_ONE_SIDED = 4  # libraries of a pool; the first few of any pool are of one group


def one_group_alone(rows: Sequence[Any], model: type[Any], inputs: type[Any]) -> Iterator[Finding]:
    """Warn of a pool that holds one group of mice alone while other pools of the study hold others."""
    pooled = [(number, row) for number, row in enumerate(rows) if row.pool]
    if not pooled:
        return
    entered = {number: [one.pk for one in row.named_by("extractions")] for number, row in pooled}
    named = {pk for some in entered.values() for pk in some}
    group_of: dict[int, set[str]] = defaultdict(set)
    for pk, group in inputs.objects.filter(extraction__in=named).values_list("extraction", "sample__mouse__group"):
        group_of[pk].add(group)
    holds: dict[Any, dict[Any, set[str]]] = defaultdict(dict)
    stored = stored_beside(model, rows).filter(study__in={row.study_id for _number, row in pooled}).exclude(pool="")
    path = "extractions__samples__mouse__group"
    for study, pool, pk, group in stored.order_by().values_list("study", "pool", "pk", path):
        holds[study, pool].setdefault(pk, set()).update({group} - {None, ""})
    for number, row in pooled:
        groups = {group for pk in entered[number] for group in group_of[pk]} - {""}
        holds[row.study_id, row.pool][f"row {number}"] = groups
    everywhere: dict[Any, set[str]] = defaultdict(set)
    for (study, _pool), libraries in holds.items():
        everywhere[study].update(*libraries.values())
    said = set()
    for number, row in pooled:
        libraries = holds[row.study_id, row.pool]
        here = set().union(*libraries.values())
        others = everywhere[row.study_id] - here
        if len(libraries) < FEWEST_ONE_SIDED or len(here) != 1 or not others or (row.study_id, row.pool) in said:
            continue
        said.add((row.study_id, row.pool))
        yield Finding(
            number,
            "pool",
            f"Pool {row.pool} would hold {len(libraries)} libraries of {here.pop()} alone, while others are of "
            f"{', '.join(sorted(others))}: the group could not be told from the pool. Mix the groups in each pool "
            "(the page of pools deals them).",
            Grade.WARNING,
        )


def equal_indexes_on_a_lane(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Refuse a library on a lane where another, of whatever pool or study, has its index."""
    placed = [(number, row) for number, row in enumerate(rows) if row.lane and row.library.index_i7]
    if not placed:
        return
    stored = stored_beside(model, rows).filter(
        run__in={row.run_id for _number, row in placed}, lane__in={row.lane for _number, row in placed}
    )
    names = "library__index_i7", "library__index_i5", "library", "library__code"
    has: dict[tuple[Any, ...], list[tuple[str, int, str]]] = defaultdict(list)
    for run, lane, i7, i5, pk, code in stored.exclude(library__index_i7="").values_list("run", "lane", *names):
        has[run, lane, i7.upper()].append((i5.upper(), pk, code))
    for number, row in placed:
        one = row.library
        place = row.run_id, row.lane, one.index_i7.upper()
        i5 = one.index_i5.upper()
        for other_i5, pk, code in has[place]:
            if pk != one.pk and (i5 == other_i5 or not i5 or not other_i5):
                index = " + ".join(filter(None, [one.index_i7, one.index_i5]))
                yield Finding(
                    number,
                    "lane",
                    f"{code} has the index {index} on lane {row.lane} of {row.run} already; choose another lane, or "
                    "give one of the two another index.",
                )
                break
        has[place].append((i5, one.pk, one.code))


def index_changes_on_a_lane(rows: Sequence[Any], lanes: type[Any]) -> Iterator[Finding]:
    """Refuse a new index of a library that lies on a lane with another library of that index."""
    changed = {row.pk: (number, row) for number, row in enumerate(rows) if row.pk is not None and row.index_i7}
    if not changed:
        return
    own = lanes.objects.filter(library__in=changed).exclude(lane="").values_list("library", "run", "lane")
    places: dict[tuple[int, str], list[int]] = defaultdict(list)
    for library, run, lane in own:
        places[run, lane].append(library)
    if not places:
        return
    beside = lanes.objects.filter(run__in={run for run, _lane in places}, lane__in={lane for _run, lane in places})
    fields = "run", "lane", "library", "library__index_i7", "library__index_i5", "library__code", "run__code"
    said = set()
    for run, lane, pk, i7, i5, code, run_code in beside.values_list(*fields):
        if pk in changed:
            i7, i5 = changed[pk][1].index_i7, changed[pk][1].index_i5
        for library in places.get((run, lane), []):
            number, row = changed[library]
            is_equal = row.index_i7.upper() == i7.upper() and (
                row.index_i5.upper() == i5.upper() or not row.index_i5 or not i5
            )
            if library != pk and is_equal and number not in said:
                said.add(number)
                yield Finding(
                    number,
                    "index_i7",
                    f"{code} has this index on lane {lane} of {run_code}, where {row.code} lies too; give this "
                    "library another index, or move one of the two.",
                )
