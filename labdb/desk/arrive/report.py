"""What a report is made of, whatever shows it: sections, items, sentences, tables, and what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Avg, Count, Max, Min, QuerySet, StdDev
from django.urls import reverse

from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.registry.record import record_for


@dataclass(frozen=True)
class Gap:
    """What nobody has entered, and where it is entered; without a place it is for the authors to write."""

    sentence: str
    url: str = ""


@dataclass(frozen=True)
class Table:
    """Numbers that belong together; every cell a text."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class Item:
    """One item of the checklist, such as 2a, and what the records say of it."""

    number: str
    title: str
    sentences: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    has_flow: bool = False  # the figure of the flow of animals belongs here

    def say(self, *sentences: str) -> None:
        """Add sentences; empty ones are left out."""
        self.sentences += [sentence for sentence in sentences if sentence]

    def show(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add a table, where it has rows."""
        if rows:
            cells = tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows)
            self.tables.append(Table(title, tuple(header), cells))

    def miss(self, sentence: str, url: str = "") -> None:
        """Add what is missing."""
        self.gaps.append(Gap(sentence, url))


@dataclass(frozen=True)
class Section:
    """One of the topics, with its items."""

    number: int
    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Report:
    """The whole report."""

    study: Study
    essential: tuple[Section, ...]
    recommended: tuple[Section, ...]

    @property
    def gaps(self) -> list[tuple[str, Gap]]:
        """What the records lack, with the number of its item, in order."""
        return [(item.number, gap) for item in self.items for gap in item.gaps if gap.url]

    @property
    def for_authors(self) -> list[Item]:
        """Items of which no record can say everything."""
        return [item for item in self.items if any(not gap.url for gap in item.gaps)]

    @property
    def items(self) -> Iterator[Item]:
        """Every item."""
        for section in (*self.essential, *self.recommended):
            yield from section.items


@dataclass(frozen=True)
class Asked:
    """The study, and for whom it is reported: what one may not see is not in it."""

    study: Study
    user: Any

    def rows(self, model: Any) -> QuerySet[Any]:
        """Return the rows of the study that this account may see, without an order."""
        return model.objects.visible_to(self.user).filter(study=self.study).order_by()

    def list_url(self, model: Any, query: str = "") -> str:
        """Return the address of the study's rows in a list."""
        listed = reverse("record-list", kwargs={"resource": record_for(model).resource})
        return f"{listed}?study={self.study.code}" + (f"&{query}" if query else "")

    @property
    def edit_url(self) -> str:
        """Where the study itself is changed, or read where this account may not change it."""
        page = "record-edit" if may(self.user, "change", Study, self.study) else "record-detail"
        return reverse(page, args=["studies", self.study.pk])


def counted(n: int, one: str, several: str = "") -> str:
    """Return a number of things in words: ``3 mice``."""
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def spelled(values: Sequence[Any]) -> str:
    """Return names as a sentence lists them: ``a, b and c``."""
    texts = [str(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else ""


def number(value: float | None, digits: int = 1) -> str:
    """Return a number without needless zeros; a question mark where there is none."""
    if value is None:
        return "?"
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def spread(rows: QuerySet[Any], name: str, unit: str, digits: int = 1) -> str:
    """Return the mean, SD and range of a column, with n: ``25.1 ± 1.2 g (21 to 28.3, n = 90)``; empty without any."""
    found = rows.aggregate(
        n=Count(name), mean=Avg(name), sd=StdDev(name, sample=True), low=Min(name), high=Max(name)
    )  # fmt: skip
    if not found["n"]:
        return ""
    mean = number(found["mean"], digits)
    middle = f"{mean} ± {number(found['sd'], digits)}" if found["sd"] is not None else mean
    unit = f" {unit}" if unit else ""
    return f"{middle}{unit} ({number(found['low'], digits)} to {number(found['high'], digits)}, n = {found['n']:,})"


def tally(rows: QuerySet[Any], name: str) -> list[tuple[Any, int]]:
    """Return the values of a column with how many rows have them, most first; empty ones last."""
    counts = rows.values_list(name).annotate(n=Count("pk"))
    return sorted(counts, key=lambda one: (one[0] in (None, ""), -one[1], str(one[0])))


def told(rows: QuerySet[Any], name: str, unknown: str = "not stated") -> str:
    """Return the values of a column in words: ``C57BL/6J 90, CD-1 2``."""
    return ", ".join(f"{unknown if value in (None, '') else value} {n:,}" for value, n in tally(rows, name))
