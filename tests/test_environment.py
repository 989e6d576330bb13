"""Settings that cannot be used are said in a sentence, before anything is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labdb import environment

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("TIME_ZONE", "Nowhere/X", "TIME_ZONE must name a time zone such as Europe/Berlin; it is 'Nowhere/X'."),
        ("TIME_ZONE", "../passwd", "TIME_ZONE must name a time zone"),
        ("LIGHTS_ON", "7", "LIGHTS_ON must be a time of day such as 07:00; it is '7'."),
        ("WORKERS", "many", "WORKERS must be a whole number from 1 on; it is 'many'."),
        ("WORKERS", "0", "WORKERS must be a whole number from 1 on; it is '0'."),
        ("ANALYSIS_TIMEOUT_S", "-1", "ANALYSIS_TIMEOUT_S must be a whole number from 1 on"),
        (
            "ANALYSIS_TIMEOUTS_S",
            "quality:9",
            "ANALYSIS_TIMEOUTS_S must hold seconds by name, such as pipeline=7200,quality",
        ),
        ("ANALYSIS_TIMEOUTS_S", "dance=9", "ANALYSIS_TIMEOUTS_S: dance is not a task; the tasks are phenotype, "),
        (
            "SHORT_TASKS",
            "quality; response",
            "SHORT_TASKS must hold names separated by commas, such as phenotype,response",
        ),
        ("SHORT_TASKS", "quality,dance", "SHORT_TASKS: dance is not a task; the tasks are phenotype, "),
        ("LABDB_DATA_DIR", "a file", "cannot be written: "),
        ("LABDB_DATA_DIR", "a file/within", "cannot be written: Not a directory. Name a folder of your own"),
    ],
)
def test_what_cannot_be_a_setting_ends_in_one_sentence(name: str, text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    value = str(tmp_path / text) if name == "LABDB_DATA_DIR" else text
    environ = {key: kept for key, kept in os.environ.items() if key != "SECRET_KEY"}
    environ |= {"LABDB_DATA_DIR": str(tmp_path / "data"), name: value}
    command = [sys.executable, str(CHECKOUT / "manage.py"), "up"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_zone_is_that_of_the_machine_unless_one_is_set(tmp_path, monkeypatch):
    zone = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    zone.parent.mkdir(parents=True)
    zone.write_bytes(b"")
    linked = tmp_path / "localtime"
    linked.symlink_to(zone)
    monkeypatch.delenv("TZ", raising=False)
    assert environment.machine_zone(linked) == "Europe/Berlin"
    assert environment.machine_zone(zone.with_name("Nowhere")) == "UTC"
    assert environment.machine_zone(tmp_path / "missing") == "UTC"
    monkeypatch.setenv("TZ", ":America/New_York")
    assert environment.machine_zone(linked) == "America/New_York"
