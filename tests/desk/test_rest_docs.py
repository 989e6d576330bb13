"""What `docs/rest.md` and `docs/rest.ipynb` tell scripts to do works, word for word, against a server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from analysis import runs
from analysis.models import AnalysisRun, Contrast, SignatureReversal
from labdb.accounts.models import User
from labdb.accounts.rest_token import make_token
from labdb.colony.models import Mouse, Study, Weighing
from labdb.sequencing.models import Gene
from labdb.tissue.models import TissueSample
from tests.analysis.small_study import make_treated_study

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
TASKS = ("phenotype", "response", "differential_expression", "reversal", "mouse_scores")


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture
def study(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Study:
    """An analyzed study of the name that the examples use, and what they find in their environment."""
    study = make_treated_study(code="DEMO")
    Contrast.objects.create(
        study=study, name="stress", group_by="mouse__phenotype", numerator="susceptible", denominator="control"
    )
    for task in TASKS:
        carry_out(runs.request_run(task, study, {}, queue=False))
    Gene.objects.filter(pk=Gene.objects.order_by("pk").first().pk).update(symbol="Fos")  # type: ignore[union-attr]
    script = User.objects.create(username="script", is_superuser=True)
    monkeypatch.setenv("LABDB_URL", server.url)
    monkeypatch.setenv("LABDB_TOKEN", make_token(script, "examples"))
    return study


def carry_out(run: AnalysisRun) -> None:
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.reason


def work_meanwhile(_seconds: float) -> None:
    """What a worker does while a script waits."""
    for run in AnalysisRun.objects.filter(status="queued"):
        runs.execute(run.pk)


def test_the_examples_do_what_they_say(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", work_meanwhile)
    blocks = BLOCK.findall((DOCS / "rest.md").read_text())
    assert len(blocks) >= 8
    names: dict[str, Any] = {"__name__": "examples"}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"docs/rest.md, example {number}", "exec"), names)  # as a reader runs it
    said = capsys.readouterr().out
    n_mice = Mouse.objects.filter(study=study).count()
    assert said.startswith(f"{n_mice} ['")
    assert f"\n{n_mice}\n" in said  # page by page
    assert "[25.5, 25.6, 25.7]" in said
    assert "400 [{}, {'body_mass_g': ['900 g is outside" in said
    assert "412 {'notes': 'scale calibrated'} {'notes': 'another word'}" in said
    assert "phenotype done False" in said
    assert not Weighing.objects.exists()
    n_susceptible = int((names["calls"]["phenotype"] == "susceptible").sum())
    assert names["found"].height == n_susceptible * TissueSample.objects.count() // n_mice > 0
    assert len(names["gene"]["samples"]) == n_mice
    assert names["gene"]["contrasts"][0]["contrast"] == "stress"
    names["labdb"].close()


def test_the_notebook_leads_from_a_token_to_the_figure_of_reversal(study: Study) -> None:
    notebook = json.loads((DOCS / "rest.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [cell for cell in notebook["cells"] if cell.get("outputs")], "clear the outputs before it is stored"
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells, start=1):
        exec(compile(cell, f"docs/rest.ipynb, cell {number}", "exec"), names)
    drawn = names["figure"].to_dict()
    points = next(rows for rows in drawn["datasets"].values() if "fraction_undone" in rows[0])
    assert points
    expected = pd.DataFrame(study_reversals(study)).sort_values("region")
    found = pd.DataFrame(points).sort_values("region")
    assert found["fraction_undone"].tolist() == pytest.approx(expected["fraction_undone"].tolist())
    assert set(names["by_mouse"]["arm"]) == {"ketamine"}
    names["labdb"].close()


def study_reversals(study: Study) -> list[dict[str, Any]]:
    rows = SignatureReversal.objects.filter(study=study, estimand="arm", fraction_undone__isnull=False)
    return [
        {"region": code, "fraction_undone": value}
        for code, value in rows.values_list("region__code", "fraction_undone")
    ]
