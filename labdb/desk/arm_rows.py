"""The parts of an arm as lines of a form: what is stored, what was typed, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labdb.registry.forms import model_texts
from labdb.registry.grid_entry import GridRow
from labdb.registry.record import record_for
from labdb.treatment.models import TreatmentComponent

DRUG, DEVICE = "drug", "device"
_DAYS = ("day_from", "day_to", "time_of_day")
FIELDS = {
    DRUG: (*_DAYS, "drug", "dose_mg_per_kg", "drug_form", "route", "volume_ml_per_kg", "vehicle"),
    DEVICE: (
        *_DAYS, "device", "device_target", "frequency_hz", "pulse_width_us", "current_ua", "hours_per_day", "is_sham",
    ),
}  # fmt: skip
EMPTY = {"is_sham": "false"}
ALL_FIELDS = tuple(dict.fromkeys(name for some in FIELDS.values() for name in some))


@dataclass(frozen=True)
class Cell:
    """One input."""

    name: str  # of the input
    field: str
    label: str
    text: str
    errors: list[str]
    options: list[tuple[str, str]]

    @property
    def is_checked(self) -> bool:
        """Whether a tick is set."""
        return self.text == "true"


def _options(model_field: Any) -> list[tuple[str, str]]:
    """Return what can be chosen; of routes and devices the short names, as they are written everywhere."""
    choices = list(model_field.choices or [])
    return [(value, value if model_field.name in ("route", "device") else words) for value, words in choices]


@dataclass
class PartRow:
    """One line of the form."""

    arm: Any
    kind: str
    part: int
    texts: dict[str, str]
    component: Any = None
    version: int | None = None  # that the person saw
    is_removed: bool = False
    stored: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    number: int = 0

    @property
    def key(self) -> str:
        """What the names of its inputs end with."""
        return f"{self.arm.pk}-{self.kind if self.component is None else self.part}"

    @property
    def cells(self) -> list[Cell]:
        """The inputs of a drug or of a device."""
        fields: list[Any] = [TreatmentComponent._meta.get_field(name) for name in FIELDS[self.kind]]
        return [
            Cell(
                f"{one.name}-{self.key}", one.name, str(one.verbose_name), self.texts.get(one.name, ""),
                self.errors.get(one.name, []), _options(one),
            )
            for one in fields
        ]  # fmt: skip

    @property
    def changes(self) -> dict[str, str]:
        """What was typed otherwise than it is stored."""
        return {name: text for name, text in self.texts.items() if text != self.stored.get(name, EMPTY.get(name, ""))}

    @property
    def is_written(self) -> bool:
        """Whether there is something to store."""
        return bool(self.changes) and not self.is_removed

    def for_grid(self) -> GridRow:
        """Return it as the forms' batch takes it: a change of what the person saw, or a new row."""
        if self.component is not None:
            return GridRow(self.number, self.changes, self.component.pk, self.version)
        cells = {"arm": f"#{self.arm.pk}", "part": str(self.part), **{k: v for k, v in self.texts.items() if v}}
        return GridRow(self.number, cells)

    def take(self, said: Mapping[str, list[str]]) -> list[str]:
        """Put sentences beside their cells and return those that have none."""
        others = []
        for name, sentences in said.items():
            if name in FIELDS[self.kind]:
                self.errors.setdefault(name, []).extend(sentences)
            else:
                others += sentences
        return others


def rows_of_arm(arm: Any) -> list[PartRow]:
    """Return the parts of an arm, then an empty line for a drug and one for a device."""
    rows = [_stored_row(arm, component) for component in sorted(arm.components.all(), key=lambda one: one.part)]
    following = rows[-1].part + 1 if rows else 1
    return [*rows, PartRow(arm, DRUG, following, {}), PartRow(arm, DEVICE, following, {})]


def _stored_row(arm: Any, component: Any) -> PartRow:
    texts = model_texts(component, record_for(TreatmentComponent))
    stored = {name: _text(component, name, texts[name]) for name in ALL_FIELDS}
    kind = DRUG if component.drug_id else DEVICE
    shown = {name: stored[name] for name in FIELDS[kind]}
    return PartRow(arm, kind, component.part, shown, component, component.version, stored=shown)


def _text(component: Any, name: str, value: Any) -> str:
    if name == "drug":
        return component.drug.name if component.drug_id else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def posted_rows(arm: Any, sent: Mapping[str, str]) -> list[PartRow]:
    """Return the lines of an arm as they were sent; a new one takes the next number of a part."""
    rows = rows_of_arm(arm)
    following = next(row.part for row in rows if row.component is None)
    for row in rows:
        if f"day_from-{row.key}" not in sent:
            continue  # a part that was added since the page was opened stays as it is
        row.texts = {name: _typed(sent, f"{name}-{row.key}", name) for name in FIELDS[row.kind]}
        if row.component is not None:
            row.is_removed = f"remove-{row.key}" in sent
            version = sent.get(f"version-{row.key}", "")
            row.version = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0
    for row in [one for one in rows if one.component is None and one.is_written]:
        row.part = following
        following += 1
    return rows


def _typed(sent: Mapping[str, str], name: str, field_name: str) -> str:
    text = sent.get(name, "").replace("\0", "").strip()
    return ("true" if text else "false") if field_name == "is_sham" else text
