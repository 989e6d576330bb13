"""What is entered at the bench every day, one touch away: a form, a grid and a file for each record."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study, Weighing
from labdb.defeat.models import DefeatBout
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.tissue.models import TissueSample
from labdb.treatment.models import Dose

OF_STUDY: tuple[type[Any], ...] = (DefeatBout, SocialInteractionTest, Weighing, Dose, Mouse, TissueSample)
OF_MOUSE: tuple[type[Any], ...] = (DefeatBout, SocialInteractionTest, Weighing, Dose, TissueSample)


@dataclass(frozen=True)
class QuickEntry:
    """Where one record is entered."""

    what: str
    title: str
    add_url: str
    grid_url: str
    import_url: str


def entries_of_study(user: Any, study: Study) -> list[QuickEntry]:
    """Return what the account may enter in a study; nothing where it is closed."""
    return [_entry(model, study=study.code) for model in OF_STUDY if may(user, "add", model, study)]


def entries_of_mouse(user: Any, mouse: Mouse) -> list[QuickEntry]:
    """Return what the account may enter of one mouse; the form knows the mouse already."""
    given = {"study": mouse.study.code, "mouse": mouse.code}
    return [_entry(model, **given) for model in OF_MOUSE if may(user, "add", model, mouse.study)]


def _entry(model: type[Any], **given: str) -> QuickEntry:
    record = record_for(model)
    add, load = (
        f"{reverse(f'record-{page}', args=[record.resource])}?{urlencode(given)}" for page in ("add", "import")
    )
    grid = f"{reverse('record-grid', args=[record.resource])}?{urlencode({**given, 'rows': 'new'})}"
    return QuickEntry(str(model._meta.verbose_name), record.title(), add, grid, load)
