"""docs/tutorial-real-data.md, typed as it stands into an installation of its own; its numbers against R and the authors.

Only what leaves the machine is replaced: `git clone` links the folder of public files from ../shared/data, and `make
run` is its last step, `manage.py up`.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labdb import postgres
from tests.tutorial.console import Printed, Typed, is_as_expected, type_all, typed_commands

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = CHECKOUT.parent / "shared"
PAGE = (CHECKOUT / "docs" / "tutorial-real-data.md").read_text()
PUBLIC = {  # repository -> our folder of its files, the folder that holds them there
    "https://github.com/raynamharris/IntegrativeProjectWT2015": (SHARED / "data" / "integrative_wt2015", "data"),
    "https://github.com/madmaxpython/DeepOF_SIT": (SHARED / "data" / "deepof_sit", "Datas"),
}
START = "DEMO=0 make run"
EXPORT_BEHAVIOR = Typed(
    'curl -sS -H "Authorization: Token $TOKEN" '
    '"http://127.0.0.1:8000/api/v1/assay-results/?study=APA2015&export=csv" -o ~/labdb-tutorial/behavior.csv',
    "",
)
LIMIT_S = 900.0  # of all commands together: it finds one that hangs, not a slow machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),  # two dozen commands, on a machine that may be busy
    pytest.mark.skipif(
        not (SHARED / "data").is_dir(), reason="the public files lie in ../shared/data, which is absent"
    ),
    pytest.mark.skipif(not shutil.which("curl"), reason="the tutorial exports by curl, which is absent"),
    pytest.mark.skipif(not (CHECKOUT / ".venv/bin/python").exists(), reason="the tutorial uses the .venv of make run"),
]

GIT = """#!/bin/bash
# Stands in for git where the tutorial leaves the machine.
case "$1 $2 $3" in
{clones}
esac
[ "$1 $3" = "-C checkout" ] && exit 0
exec {git} "$@"
"""


@dataclass(frozen=True)
class Session:
    """What the tutorial's commands printed, and the folder that they filled."""

    typed: list[Typed]
    printed: list[Printed]
    folder: Path


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Follow the page in a home and a data folder of its own."""
    home = Path(tempfile.mkdtemp(prefix="labdb-tutorial-", dir="/tmp"))
    home.chmod(0o755)  # as root, the server runs as another account
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = _environment(home, port)
    commands = [typed for typed in typed_commands(PAGE) if typed.command != START]
    here = [_at(port, typed) for typed in [*commands, EXPORT_BEHAVIOR]]
    with open(home / "up.log", "w+") as log:  # noqa: PTH123
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=CHECKOUT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for_answer(up, home / "up.log")
            yield Session(
                here, type_all(here, folder=CHECKOUT, environment=environment, limit_s=LIMIT_S), home / "labdb-tutorial"
            )
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(120)
            postgres.stop(home / "data")  # if `up` itself was killed
            shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path, port: int) -> dict[str, str]:
    left_out = {"DATABASE_URL", "DATABASE_OWNER_URL", "PYTHONDONTWRITEBYTECODE"}  # compiling all anew doubles the time
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    (home / "bin").mkdir()
    git = home / "bin" / "git"
    clones = "\n".join(
        f'"clone --quiet {url}") mkdir -p "$4" && ln -s {files} "$4/{name}"; exit;;'
        for url, (files, name) in PUBLIC.items()
    )
    git.write_text(GIT.format(clones=clones, git=shutil.which("git")))
    git.chmod(0o755)
    if "PYTHONDONTWRITEBYTECODE" in os.environ:
        environment["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")
    return environment | {
        "HOME": str(home), "LABDB_DATA_DIR": str(home / "data"), "PORT": str(port), "DEMO": "0",
        "PATH": f"{home / 'bin'}:{environment['PATH']}",
        "OMP_NUM_THREADS": "1", "WEB_WORKERS": "1", "TIME_ZONE": "UTC",
    }  # fmt: skip


def _at(port: int, typed: Typed) -> Typed:
    return Typed(typed.command.replace("127.0.0.1:8000", f"127.0.0.1:{port}"), typed.expected)


def _wait_for_answer(up: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 300
    while "labdb answers at" not in log.read_text():
        assert up.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_the_page_begins_as_the_readme_does_and_names_the_commits_that_the_numbers_come_from():
    assert typed_commands(PAGE)[0].command == START
    for url, (files, _name) in PUBLIC.items():
        source = (files / "SOURCE.md").read_text()
        (commit,) = re.findall(r"@ ([0-9a-f]{40})", source)
        assert url.removeprefix("https://github.com/") in source
        assert f"git clone --quiet {url} " in PAGE
        assert f"checkout --quiet {commit}\n" in PAGE


def test_every_command_ends_well_and_prints_what_the_page_says(session):
    for typed, printed in zip(session.typed, session.printed, strict=False):
        assert is_as_expected(typed, printed), (
            f"$ {typed.command}\nprinted (exit {printed.exit_code}):\n{printed.output}\nthe page says:\n{typed.expected}"
        )
    assert len(session.printed) == len(session.typed)


@pytest.mark.parametrize("training", ["standard", "conflict"])
def test_the_exported_contrast_has_the_genes_and_numbers_of_r(session, training):
    oracle_file = SHARED / "oracle" / f"integrative_DG_limma_voom_{training}_trained_{training}_yoked.csv.gz"
    if not oracle_file.exists():
        pytest.skip("the R oracles lie in ../shared/oracle, which is absent")
    ours = pd.read_csv(session.folder / f"dg-{training}.csv").set_index("gene")
    oracle = pd.read_csv(oracle_file).set_index("gene")
    assert set(ours.index) == set(oracle.index)  # filterByExpr keeps the same 12,061
    assert len(ours) == len(oracle) == 12_061
    ours = ours.loc[oracle.index]
    np.testing.assert_allclose(ours["log2_fold_change"], oracle["logFC"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours["average_expression"], oracle["AveExpr"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours["t"], oracle["t"], rtol=1e-7)
    np.testing.assert_allclose(ours["p_value"], oracle["P.Value"], rtol=1e-7)
    np.testing.assert_allclose(ours["adj_p_value"], oracle["adj.P.Val"], rtol=1e-7)


def test_the_published_labels_are_ours_but_for_a_ratio_without_a_denominator(session):
    calls = pd.read_csv(session.folder / "phenotypes.csv").set_index("mouse")
    files = PUBLIC["https://github.com/madmaxpython/DeepOF_SIT"][0]
    columns = {"Male": "Time_SIR_Classification", "Female": "Time SIR_Classification"}
    published = pd.concat(
        pd.read_csv(files / f"{sex}_data_summary.csv", encoding="utf-8-sig").set_index("Animal_ID")[column]
        for sex, column in columns.items()
    )
    assert sorted(calls.index) == sorted(published.index)
    differs = calls.index[calls["phenotype"] != published.str.lower().loc[calls.index]]
    assert list(differs) == ["10.3_Stress"]  # 99.933 s / 0 s, published as 1 and resilient
    assert calls.at["10.3_Stress", "phenotype"] == "unclassified"
    assert calls.at["10.3_Stress", "reason"] == "0 s in the interaction zone without target: the ratio is undefined"


def test_every_value_of_the_behavior_is_stored_for_its_mouse_and_session(session):
    stored = pd.read_csv(session.folder / "behavior.csv")
    published = pd.read_csv(
        PUBLIC["https://github.com/raynamharris/IntegrativeProjectWT2015"][0] / "00_behaviordata.csv"
    )
    assert stored["mouse"].nunique() == 34
    by_session = stored.pivot(index=["mouse", "session"], columns="metric", values="value")
    published = published.set_index(["ID", "trial"]).loc[by_session.index]
    for metric, column in {
        "avoidance_path": "TotalPath", "avoidance_speed": "Speed", "avoidance_entrances": "NumEntrances",
        "avoidance_first_entrance": "Time1stEntr", "avoidance_longest": "MaxTimeAvoid",
        "avoidance_shock_zone": "TimeShockZone", "avoidance_shocks": "NumShock",
    }.items():  # fmt: skip
        np.testing.assert_array_equal(by_session[metric], published[column])
