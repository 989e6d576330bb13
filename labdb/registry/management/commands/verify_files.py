"""`verify_files`: read every attached file, and name those that are missing, damaged, or left without a record."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labdb.registry.attachments import Attachment, orphans
from labdb.registry.file_store import problem_of


class Command(BaseCommand):
    """Verify the attached files."""

    help = "Read every attached file and say which are missing, damaged, or attached to a record that is gone."

    def handle(self, *args: Any, **options: Any) -> None:
        """List what is wrong; exit 1 if anything is."""
        problems = [
            f"{one.resource} #{one.record_id}, {one}: its {one.resource} row is gone; the file {one.sha256[:12]} is kept."
            for one in orphans()
        ]
        digests: dict[str, str] = {}
        for one in Attachment.objects.all().iterator():
            if one.sha256 not in digests:
                digests[one.sha256] = problem_of(one.sha256)
            if digests[one.sha256]:
                problems.append(f"{one.resource} #{one.record_id}, {one}: {digests[one.sha256]}")
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(f"{len(digests)} attached files are all there, as they were stored.")
