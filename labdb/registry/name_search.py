"""Names as the search compares them: in capitals, in the order of bytes, so that an index finds how a name begins."""

from django.db import models
from django.db.models.functions import Collate, Upper


def folded(path: str) -> Collate:
    """Return a name as the search compares it."""
    return Collate(Upper(path), "C")


def folded_index(field: str, name: str) -> models.Index:
    """Return the index by which a name is found however it is typed, and by how it begins."""
    return models.Index(folded(field), name=name)
