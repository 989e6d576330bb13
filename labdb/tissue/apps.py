from django.apps import AppConfig


class TissueConfig(AppConfig):
    """Dissection and tissue samples."""

    name = "labdb.tissue"
    verbose_name = "Tissue"
