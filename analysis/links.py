"""Addresses of what results are about, so that every number and point leads to its origin."""

from urllib.parse import quote

import pandas as pd
from django.urls import reverse

from labdb.registry.form_fields import is_storable


def mouse_urls(study_code: str, mouse_codes: pd.Series) -> list[str]:
    """Return the page of each mouse; one reversal of the address serves all."""
    root = reverse("study-page", args=[study_code])
    return [f"{root}mice/{quote(code, safe='/')}/" for code in mouse_codes]


def si_test_urls(keys: pd.Series) -> list[str]:
    """Return the record of each SI test, by primary key."""
    root = reverse("record-list", args=["si-tests"])
    return [f"{root}{key}/" for key in keys]


def gene_urls(symbols: pd.Series) -> list[str]:
    """Return the page of each gene; a figure asks for twenty thousand, so all are quoted at once."""
    root, between = reverse("gene-index"), "\0"  # which no text of the database holds
    quoted = quote(between.join(symbols), safe=f"/{between}").split(between)
    return [f"{root}{symbol}/" for symbol in quoted] if len(symbols) else []


def storable(text: str) -> str:
    """Return a text of an address if the database can hold it, else one that nothing is called by."""
    return text if is_storable(text) else "?"
