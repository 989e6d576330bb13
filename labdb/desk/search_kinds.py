"""What the search finds: each kind of record, the names it goes by, and what is said beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Value
from django.urls import reverse

from analysis.models import AnalysisRun
from labdb.colony.models import Cage, Cohort, Mouse, MouseIdentification, Study
from labdb.defeat.models import Aggressor
from labdb.registry.cells import detail_url
from labdb.sequencing.models import Gene, Library, RnaExtraction, SequencingRun
from labdb.tissue.models import TissueSample


@dataclass(frozen=True)
class Name:
    """One way to call a record: where it stands, and what it is called itself (a code, an ear tag)."""

    model: Any
    path: str
    what: Any = field(default_factory=lambda: Value("code"))
    owner: str = "pk"


@dataclass(frozen=True)
class Kind:
    """One kind of record that is searched for."""

    title: str
    model: Any
    names: tuple[Name, ...]
    joined: tuple[str, ...] = ()
    about: Callable[[Any], tuple[Any, ...]] = lambda row: ()
    address: Callable[[Any], str] = detail_url
    lists: tuple[Name, ...] = ()  # several names in one text: looked at for what they hold alone

    @property
    def key(self) -> str:
        """What the kind is called in a query."""
        return str(self.model._meta.label_lower)

    @property
    def in_study(self) -> bool:
        """Whether its rows belong to a study."""
        return "study" in self.joined


def _of_mouse(mouse: Mouse) -> tuple[Any, ...]:
    died = f"died {mouse.death_date}" if mouse.death_date else ""
    return mouse.group, mouse.get_sex_display(), f"cohort {mouse.cohort}" if mouse.cohort else "", died


def _of_cage(cage: Cage) -> tuple[Any, ...]:
    return tuple(f"{word} {value}" for word, value in (("room", cage.room), ("rack", cage.rack)) if value)


def _mouse_url(mouse: Mouse) -> str:
    return reverse("mouse-page", args=[mouse.study.code, mouse.code])


KINDS: tuple[Kind, ...] = (
    Kind(
        "Mice", Mouse,
        (
            Name(Mouse, "code"), Name(Mouse, "ear_tag", Value("ear tag")),
            Name(MouseIdentification, "value", F("kind"), owner="mouse_id"),
        ),
        ("study", "cohort"), _of_mouse, _mouse_url,
    ),
    Kind(
        "Tissue samples", TissueSample, (Name(TissueSample, "code"),), ("study", "mouse", "region"),
        lambda sample: (sample.region, f"of {sample.mouse}"),
    ),
    Kind("Cages", Cage, (Name(Cage, "code"),), ("study",), _of_cage),
    Kind(
        "Cohorts", Cohort, (Name(Cohort, "code"),), ("study",),
        lambda cohort: (f"from {cohort.start_date}" if cohort.start_date else "",),
    ),
    Kind(
        "Studies", Study, (Name(Study, "code"), Name(Study, "title", Value("title"))), (),
        lambda study: (study.title,), lambda study: reverse("study-page", args=[study.code]),
    ),
    Kind(
        "Aggressors", Aggressor, (Name(Aggressor, "code"),), (),
        lambda aggressor: (f"retired {aggressor.retired_date}" if aggressor.retired_date else "",),
    ),
    Kind(
        "RNA extractions", RnaExtraction, (Name(RnaExtraction, "code"),), ("study",),
        lambda extraction: (f"RIN {extraction.rin:g}" if extraction.rin is not None else "",),
    ),
    Kind("Libraries", Library, (Name(Library, "code"),), ("study",), lambda library: (library.pool,)),
    Kind(
        "Sequencing runs", SequencingRun, (Name(SequencingRun, "code"),), (),
        lambda run: (run.center, run.run_date),
    ),
    Kind(
        "Analysis runs", AnalysisRun, (), ("study",),
        lambda run: (run.task.replace("_", " "), run.get_status_display()),
        lambda run: reverse("analysis-run", args=[run.pk]),
    ),
    Kind(
        "Genes", Gene, (Name(Gene, "symbol", Value("symbol")), Name(Gene, "gene_id", Value("id"))), (),
        lambda gene: (gene.gene_id, gene.synonyms), lambda gene: reverse("gene-page", args=[gene.symbol or gene.gene_id]),
        (Name(Gene, "synonyms", Value("synonyms")),),
    ),
)  # fmt: skip
KIND_OF = {kind.key: kind for kind in KINDS}
