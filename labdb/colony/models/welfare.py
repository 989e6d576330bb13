"""What was seen of a mouse that does not do well, and what was done about it."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from labdb.colony.models.events import BenchEvent
from labdb.colony.models.mouse import Mouse
from labdb.registry.history import tracked
from labdb.registry.rules import one_per


class WelfareFinding(models.TextChoices):
    """Why a mouse was looked at."""

    MASS_LIMIT = "mass limit", "body mass at the limit of the protocol"
    MASS_FALLING = "mass falling", "body mass falling"
    WOUND = "wound", "wound"
    BEHAVIOR = "behavior", "posture, coat or behavior"
    OTHER = "other", "other"


class WelfareAction(models.TextChoices):
    """What was done about it."""

    WATCH = "watch", "watched more closely"
    FEED = "feed", "soft food, fluid or warmth"
    TREAT = "treat", "treated"
    VET = "vet", "veterinarian called"
    PAUSE = "pause", "taken out of the experiment for now"
    KILLED = "killed", "killed humanely"
    NONE = "none", "nothing needed"


@tracked
class WelfareCheck(BenchEvent):
    """One look at a mouse that does not do well, with what was done about it."""

    key_field: ClassVar[str] = "pk"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="welfare_checks")
    performed_at = models.DateTimeField("checked at", default=timezone.now)
    finding = models.CharField(max_length=12, choices=WelfareFinding)
    finding_detail = models.CharField(
        "what was seen", max_length=300, blank=True, help_text="Such as 19.4 g, 79 % of its baseline."
    )
    action = models.CharField("action taken", max_length=12, choices=WelfareAction)
    action_detail = models.CharField(
        "action in words", max_length=300, blank=True, help_text="Such as gel and wet food, weighed again tomorrow."
    )

    class Meta:
        ordering = ["-performed_at", "-pk"]
        constraints = [
            one_per(
                "mouse", "performed_at", "finding", name="welfare_check_once", field="performed_at",
                sentence="{row.mouse} was already checked for this at {value}; edit that check or correct the time.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse}: {self.get_action_display()}"
