"""Which column or variable names the subject, in the words of labs."""

import re
from collections.abc import Iterable

WORDS = frozenset(
    {
        "mouse", "mouse id", "mouse code", "mouse name", "mouse number", "mouse no",
        "animal", "animal id", "animal code", "animal name", "animal number", "animal no",
        "subject", "subject id", "subject code", "subject name", "subject number",
        "ear tag", "eartag", "id",
    }
)  # fmt: skip


def naming_subject(names: Iterable[str]) -> list[str]:
    """Return those of some columns or variables that name the subject, in their order."""
    return [name for name in names if re.sub(r"[\W_]+", " ", name).strip().casefold() in WORDS]
