"""Rows that lists, exports and REST leave out unless the address asks for them, such as results that are out of date."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict

YES, NO = ("1", "true", "yes"), ("", "0", "false", "no")


@dataclass(frozen=True)
class LeftOut:
    """Which rows those are.

    Attributes
    ----------
    word : str
        What asks for them in the address.
    label : str
        What a person ticks.
    rows : callable
        (account, study or None for all) -> the condition of these rows.
    made_by : str
        The field that names what made a row; an export says which there were.
    """

    word: str
    label: str
    rows: Callable[[Any, Any], Q]
    made_by: str = ""

    def asked(self, query: QueryDict) -> bool:
        """Whether an address asks for them; ValidationError where it says neither yes nor no."""
        text = query.get(self.word, "").strip().lower()
        if text not in (*YES, *NO):
            raise ValidationError(f"{text[:40]} is neither yes nor no; write {self.word}=1, or leave it out.")
        return text in YES


def left_out_word(record: Any) -> str:
    """Return the word of a record that asks for rows left out; empty where none are."""
    return record.left_out.word if record.left_out else ""
