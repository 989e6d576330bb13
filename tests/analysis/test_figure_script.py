"""What goes into a page at once is what would go in bit by bit."""

import json
from urllib.parse import quote

import pandas as pd
import pytest
from django.utils.html import json_script

from analysis.links import gene_urls
from analysis.templatetags.figure_script import figure_script

SPECIFICATION = {"values": [{"gene": "</script><!--&", "p_value": 1e-300, "t": None, "name": 'α "β" \\u003C \u2028'}]}


def test_a_specification_stands_in_the_page_as_django_writes_it() -> None:
    written, reference = figure_script(SPECIFICATION, 'figure"1'), json_script(SPECIFICATION, 'figure"1')
    assert written.replace(" ", "") == reference.replace(" ", "")
    assert json.loads(written.partition(">")[2].removesuffix("</script>")) == SPECIFICATION


@pytest.mark.parametrize("symbols", [[], ["Fos"], ["Fos", "H2-K1", "a/b", "Ärger", "50% & <b>", "", "x y"]])
def test_genes_lead_to_their_pages(symbols: list[str]) -> None:
    expected = [f"/genes/{quote(symbol, safe='/')}/" for symbol in symbols]
    assert gene_urls(pd.Series(symbols, dtype=object)) == expected
