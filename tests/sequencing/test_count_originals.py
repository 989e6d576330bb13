"""The file of counts as it was sent: kept once, given to who may see its matrix, and named when it is damaged."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from labdb.accounts.first_account import system_account
from labdb.colony.models import Study
from labdb.registry.file_store import path_of
from labdb.registry.long_work import Stopped, told_to
from labdb.sequencing.count_import import Quantification, import_counts
from labdb.sequencing.models import CountMatrix
from tests.sequencing.bad_files import MATRIX
from tests.sequencing.lab import assert_nothing_stored, make_study, member, signed_in

pytestmark = pytest.mark.django_db
L1, L2 = b"Fos\t1\nArc\t3\n__no_feature\t9\n", b"Fos\t2\nArc\t4\n__no_feature\t9\n"


@pytest.fixture
def study() -> Study:
    return make_study()


def sent(*files: tuple[str, bytes]) -> dict[str, Any]:
    uploads = [SimpleUploadedFile(name, content) for name, content in files]
    return {"file": uploads, "study": "S1", "annotation": "A1", "step": "import"}


def downloaded(client: Client, matrix: CountMatrix) -> tuple[str, bytes]:
    page = client.get(f"/records/count-matrices/{matrix.pk}/").content.decode()
    assert f'href="/counts/{matrix.pk}/original/"' in page
    answer: Any = client.get(f"/counts/{matrix.pk}/original/")
    return answer["Content-Disposition"], b"".join(answer.streaming_content)


def test_a_file_comes_back_as_it_was_sent_for_who_may_see_its_matrix(study: Study) -> None:
    technician = signed_in(member(study, "technician"))
    technician.post("/counts/import/", sent(("c.csv", MATRIX)))
    matrix = CountMatrix.objects.get()
    assert downloaded(technician, matrix) == ('attachment; filename="c.csv"', MATRIX)
    assert matrix.original_sha256 == matrix.sha256
    stranger = signed_in(member(Study.objects.create(code="S2", title="other"), "manager"))
    assert stranger.get(f"/counts/{matrix.pk}/original/").status_code == 404
    CountMatrix.objects.update(original_sha256="")
    assert technician.get(f"/counts/{matrix.pk}/original/").status_code == 404
    assert "/original/" not in technician.get(f"/records/count-matrices/{matrix.pk}/").content.decode()


def test_files_sent_together_and_a_folder_come_back_as_one_archive(study: Study, tmp_path: Path) -> None:
    technician = signed_in(member(study, "technician"))
    technician.post("/counts/import/", sent(("L1.txt", L1), ("L2.txt", L2)))
    name, content = downloaded(technician, CountMatrix.objects.get())
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert name == 'attachment; filename="2 files.zip"'
    assert {one: archive.read(one) for one in archive.namelist()} == {"L1.txt": L1, "L2.txt": L2}
    CountMatrix.objects.all().delete()
    folder = tmp_path / "htseq"
    folder.mkdir()
    for path, text in (("L1.txt", L1), ("L2.txt", L2)):
        (folder / path).write_bytes(text)
    call_command("import_counts", str(folder), "--study", "S1", "--annotation", "A1", stdout=io.StringIO())
    name, content = downloaded(technician, CountMatrix.objects.get())
    assert name == 'attachment; filename="htseq.zip"'
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert {one: archive.read(one) for one in archive.namelist()} == {"htseq/L1.txt": L1, "htseq/L2.txt": L2}


def test_an_original_that_is_missing_or_altered_is_named(study: Study) -> None:
    user = system_account()
    matrix = import_counts(study, MATRIX, name="c.csv", source=Quantification("A1"), user=user).matrix
    assert matrix is not None
    out = io.StringIO()
    call_command("verify_counts", stdout=out)
    assert "Original files as they were sent: 1." in out.getvalue()
    kept = path_of(matrix.original_sha256)
    kept.write_bytes(MATRIX.replace(b"4", b"5"))
    with pytest.raises(CommandError, match=r"^S1 c: its original c\.csv: The file \w+ is not what was stored;"):
        call_command("verify_counts")
    kept.unlink()
    with pytest.raises(CommandError, match=r"^S1 c: its original c\.csv: The file \w+ is missing in "):
        call_command("verify_counts")


def test_an_import_that_is_stopped_at_the_last_moment_keeps_no_file(study: Study) -> None:
    def stop(done: int, total: int, doing: str) -> None:
        if doing == "keeping c.csv":
            raise Stopped

    with pytest.raises(Stopped), told_to(stop):
        import_counts(study, MATRIX, name="c.csv", source=Quantification("A1"), user=system_account())
    assert_nothing_stored()
    assert not [path for path in Path(settings.DATA_DIR).rglob("*") if path.is_file()]
