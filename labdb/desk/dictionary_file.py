"""The data dictionary as Markdown: docs/data-dictionary.md."""

from collections.abc import Iterator

from labdb.desk.data_dictionary import FieldEntry, RecordEntry, RoomEntry, dictionary, shared_fields, shared_rules

INTRODUCTION = """\
# Data dictionary

Every record, field, unit and rule of labdb. Written by `manage.py data_dictionary` from the declarations in the code:
change those, not this file.

A heading is the record's name in REST and in `manage.py import_records`; fields are named as in files, filters and
REST. `<field>` in a rule stands for what was entered."""


def markdown() -> str:
    """Return the whole file."""
    rooms = dictionary()
    lines = [INTRODUCTION, "", *_contents(rooms), *_shared()]
    for room in rooms:
        lines += ["", f"## {room.title}"]
        for record in room.records:
            lines += ["", *_record(record)]
    return "\n".join(lines) + "\n"


def _contents(rooms: list[RoomEntry]) -> Iterator[str]:
    for room in rooms:
        links = ", ".join(f"[{record.title}](#{record.resource})" for record in room.records)
        yield f"- {room.title}: {links}"


def _shared() -> Iterator[str]:
    yield from ("", "## Every record", "", "Every record that people enter has these beside its own fields.", "")
    yield from _fields(shared_fields())
    yield from ("", "Every record of a study:", "")
    yield from (f"- {rule}" for rule in shared_rules())


def _record(record: RecordEntry) -> Iterator[str]:
    about = "\n\n".join(record.about)
    yield from (f"### {record.resource}", "", f"**{record.title}.** {about}", "")
    yield f"- Called by {record.named_by}."
    yield from (f"- Once per {fields}." for fields in record.once)
    if record.study:
        yield f"- Study: {record.study}."
    yield f"- Entered by {record.entered_by}." if record.entered_by else "- Never entered by hand."
    yield ""
    yield from _fields(record.fields)
    if record.rules:
        yield from ("", "| rule on | refused with |", "|---|---|")
        yield from (_row(f"`{rule.field}`", _cell(rule.sentence)) for rule in record.rules)
    if record.further_rules:
        yield from ("", "Across records:", "")
        yield from (f"- {rule}" for rule in record.further_rules)


def _fields(fields: list[FieldEntry]) -> Iterator[str]:
    yield from ("| field | what | value | unit | needed |", "|---|---|---|---|---|")
    for field in fields:
        kind = f"[{field.kind}](#{field.target})" if field.target else _cell(field.kind)
        what = f"{field.label}. {field.meaning}" if field.meaning else field.label
        yield _row(f"`{field.name}`", _cell(what), kind, field.unit, _cell(field.needed))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Return text that stays in its cell and is no HTML."""
    return text.replace("|", "\\|").replace("<", "\\<")
