"""Who asked for a run is told when it ends.

A notice is written with the request and is shown once the run has ended. So nothing has to be written at the end, and
no death of a worker or a database loses a notice or doubles one.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from analysis.models import ENDED, AnalysisRun

UNREAD = "n_unread_notices"  # of the account of a request


class RunNotice(models.Model):
    """An account that asked for a run, or for what the run answers too; and whether it has seen how it ended."""

    run = models.ForeignKey(AnalysisRun, on_delete=models.CASCADE, related_name="notices")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="run_notices")
    asked_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["account", "run"], name="run_notice_once")]
        indexes = [models.Index(fields=["account"], name="run_notice_unread", condition=Q(read_at=None))]

    def __str__(self) -> str:
        return f"notice of {self.run} to {self.account}"


def tell_at_end(run: AnalysisRun, user: Any) -> None:
    """Have an account told when a run ends; a second request for the same run tells it once."""
    if user is not None and not user.is_system:
        RunNotice.objects.bulk_create([RunNotice(run=run, account=user)], ignore_conflicts=True)


def notices_of(user: Any) -> QuerySet[RunNotice]:
    """Return the notices of an account: runs that have ended and that it may see, the last to end first."""
    seen = AnalysisRun.objects.visible_to(user).filter(status__in=ENDED)
    ended = RunNotice.objects.filter(account=user, run__in=seen)
    return ended.select_related("run__study", "run__same_as").order_by("-run__finished_at", "-pk")


def unread_of_account() -> Coalesce:
    """Return how many runs ended that an account asked for and has not looked at, asked with the account itself."""
    ended = RunNotice.objects.filter(account=OuterRef("pk"), read_at=None, run__status__in=ENDED)
    counted = ended.order_by().values("account").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def mark_read(user: Any, run: AnalysisRun | None = None) -> None:
    """Note that the account has seen how its runs ended, or one of them; the bell of this answer knows it too."""
    ended = RunNotice.objects.filter(account=user, read_at=None, run__status__in=ENDED)
    n_read = (ended.filter(run=run) if run else ended).update(read_at=Now())
    if n_unread := getattr(user, UNREAD, 0):
        setattr(user, UNREAD, max(0, n_unread - n_read))
