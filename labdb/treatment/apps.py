from django.apps import AppConfig


class TreatmentConfig(AppConfig):
    """Drugs, arms, randomization and allocation."""

    name = "labdb.treatment"
    verbose_name = "Treatment"
