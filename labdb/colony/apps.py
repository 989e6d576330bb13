from django.apps import AppConfig


class ColonyConfig(AppConfig):
    """Studies, cohorts, mice and their masses."""

    name = "labdb.colony"
    verbose_name = "Colony"
