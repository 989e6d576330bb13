"""Looking up and walking through what the pages of the defeat are given."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from django import template

register = template.Library()


@register.filter
def of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return the value of a key that is itself a variable; None where there is none."""
    return mapping.get(key)


@register.filter
def frame_rows(frame: pd.DataFrame) -> Iterator[tuple[Any, list[Any]]]:
    """Yield the label and the values of each row."""
    for label, row in frame.iterrows():
        yield label, list(row)
