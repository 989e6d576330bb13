from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """What is computed from the records."""

    name = "analysis"
    verbose_name = "Analysis"
