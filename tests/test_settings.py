"""What a lab may set, and what is known of the code that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from labdb import settings

CHECKOUT = settings.CHECKOUT
READ = re.compile(
    r'(?:(?i:environ)(?:\.get\(|\[)|whole_number\(|time_zone\(|time_of_day\(|code_pattern\(|seconds_by_name\(|names\()"([A-Z_]+)"'
)


def test_every_variable_that_is_read_stands_in_the_operations_guide():
    guide = (CHECKOUT / "docs" / "operations.md").read_text()
    read = {
        name
        for folder in ("labdb", "analysis")
        for path in (CHECKOUT / folder).rglob("*.py")
        for name in READ.findall(path.read_text())
    }
    assert {"PORT", "DATABASE_URL", "TIME_ZONE", "LABDB_DATA_DIR", "WORKERS"} <= read
    assert not {name for name in read - {"PATH"} if f"`{name}`" not in guide}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("LABDB_CODE_VERSION", raising=False)
    folder = tmp_path / "outer" / "checkout"
    folder.mkdir(parents=True)
    monkeypatch.setattr(settings, "CHECKOUT", folder)
    return folder


def commit(folder: Path) -> str:
    me = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    (folder / "code.py").write_text("1\n")
    for command in (["init", "-q"], ["add", "code.py"], [*me, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    said = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return said.stdout[:12]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_code_version_is_the_commit_and_whether_files_differ_from_it(checkout):
    first = commit(checkout)
    assert settings._code_version() == first
    (checkout / "code.py").write_text("2\n")
    assert settings._code_version() == f"{first}+changes"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_of_a_folder_above_is_not_taken_for_ours(checkout):
    commit(checkout.parent)
    assert settings._code_version() == "unknown"


def test_without_git_the_code_version_is_unknown_and_labdb_starts(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert settings._code_version() == "unknown"
