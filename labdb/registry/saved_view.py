"""A view of a list that people come back to: what it is filtered by, how it is sorted, which columns it shows."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Now


class SavedView(models.Model):
    """A list as somebody wants to see it again; shared, it is offered to all who may see its study."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    resource = models.CharField(max_length=60)
    name = models.CharField(max_length=80)
    query = models.TextField(help_text="As the address of the list says it.")
    study = models.ForeignKey("colony.Study", null=True, on_delete=models.CASCADE, related_name="+")
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = [Lower("name"), "pk"]
        constraints = [models.UniqueConstraint("owner", "resource", Lower("name"), name="saved_view_name_once")]

    def __str__(self) -> str:
        return self.name
