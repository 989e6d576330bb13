"""Workers get whole files: the setup of a file is made once."""

import os
import subprocess
import sys
from pathlib import Path

from tests import work_units

CHECKOUT = Path(__file__).resolve().parent.parent
CONFTEST = """
from tests.work_units import LongestFirst

def pytest_xdist_make_scheduler(config, log):
    return LongestFirst(config, log)
"""
TEST = """
import os, pathlib, pytest

@pytest.mark.parametrize("n", range({n}))
def test(n):
    with open(pathlib.Path(__file__).with_suffix(".workers"), "a") as said:
        said.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""


def test_each_file_goes_to_one_worker(tmp_path):
    sizes = {"few": 2, "many": 9, "some": 5, "one": 1}
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name, n in sizes.items():
        (tmp_path / f"test_{name}.py").write_text(TEST.format(n=n))
    plain = [argument for name in ("cacheprovider", "django", "hypothesispytest") for argument in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-n", "2", *plain, "--rootdir", str(tmp_path), str(tmp_path)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ["PYTHONPATH"] = str(CHECKOUT)
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = {name: (tmp_path / f"test_{name}.workers").read_text().split() for name in sizes}
    assert {name: len(said) for name, said in workers.items()} == sizes
    assert all(len(set(said)) == 1 for said in workers.values())


def test_every_file_whose_time_is_known_is_there():
    assert [name for name in work_units.FILES_S if not (CHECKOUT / name).exists()] == []
