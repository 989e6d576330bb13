from django.apps import AppConfig


class DefeatConfig(AppConfig):
    """Stress courses, aggressors, defeat bouts and the rotation of controls."""

    name = "labdb.defeat"
    verbose_name = "Defeat"
