"""Names of zones as one text: separated by |, and, where a tracker calls them otherwise, as "its name = ours"."""

from collections.abc import Iterable, Mapping, Sequence

SEPARATOR, IS = " | ", " = "


def joined(names: Iterable[str]) -> str:
    """Return names of zones as one text."""
    return SEPARATOR.join(names)


def parted(text: str) -> tuple[str, ...]:
    """Return the names that a text joins."""
    return tuple(name for name in (part.strip() for part in text.split("|")) if name)


def paired(ours: Mapping[str, Sequence[str]]) -> str:
    """Return what each of a tracker's zones is, such as "Open 1 = open arm 1 | Open 2 = open arm 2".

    A zone of the tracker that is several of ours stands once for each.
    """
    return joined(f"{theirs}{IS}{name}" for theirs, names in ours.items() for name in names)


def unpaired(text: str) -> dict[str, tuple[str, ...]]:
    """Return what `paired` joined: our names by the tracker's."""
    found: dict[str, tuple[str, ...]] = {}
    for part in parted(text):
        theirs, equals, ours = part.rpartition(IS)
        if equals:
            found[theirs] = (*found.get(theirs, ()), ours)
    return found
