"""What a first page says of the day: what is still to be done, and what went wrong; rooms and desk name the sources."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Due:
    """Something to be done today: for how many, how many of them are done, and the page where it is done.

    Attributes
    ----------
    study, cohort : str
        Codes; empty where it belongs to none.
    who : str
        Who does it, as far as that is known.
    is_late : bool
        It should have been done before today.
    """

    what: str
    url: str
    study: str = ""
    cohort: str = ""
    n_done: int = 0
    n_due: int = 1
    who: str = ""
    is_late: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of it."""
        return self.n_done >= self.n_due


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong and waits for a person.

    Attributes
    ----------
    is_always_named : bool
        However many there are of its kind; of others the first few are named.
    """

    what: str
    sentence: str
    url: str
    is_always_named: bool = False


DueSource = Callable[[Any, date], Iterable[Due]]  # takes who asks, and the day by the laboratory's clock
TroubleSource = Callable[[Any, date], Iterable[Trouble]]
