"""What `up` looks at while it runs."""

import io
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.utils import timezone

from analysis import runs
from analysis.models import AnalysisRun, RunStatus
from labdb.colony.models import Study
from labdb.desk.management.commands import up
from labdb.supervisor import Check


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_worker_died_is_queued_again_while_labdb_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study.objects.create(code="S1", title="one")
    dead, alive = (runs.request_run(task, study, queue=False) for task in ("phenotype", "response"))
    silent_s = {dead.pk: runs.LOST_AFTER_S + 1, alive.pk: 5}
    for pk, seconds in silent_s.items():
        heartbeat = timezone.now() - timedelta(seconds=seconds)
        AnalysisRun.objects.filter(pk=pk).update(status=RunStatus.RUNNING, attempt=1, heartbeat_at=heartbeat)
    checks: list[Check] = []

    def supervisor(programs: Any, say: Any, **options: Any) -> Any:
        checks.extend(options["checks"])
        return SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(up, "Supervisor", supervisor)
    command = up.Command()
    command.stdout = OutputWrapper(said := io.StringIO())
    command.host, command.port, command.embedded_folder, command.has_answered = "127.0.0.1", 8000, None, True
    command._run(SimpleNamespace())  # type: ignore[arg-type]
    for check in checks:
        check.look()
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.status, alive.status) == (RunStatus.QUEUED, RunStatus.RUNNING)
    assert said.getvalue() == f"The worker of run {dead.pk} (phenotype) died; the run is queued again.\n"


def test_a_host_without_a_shared_database_adds_no_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "EMBEDDED_FOLDER", tmp_path)
    with pytest.raises(CommandError, match="DATABASE_URL is not set, and the PostgreSQL that comes along serves its"):
        call_command("work")
