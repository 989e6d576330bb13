from django.apps import AppConfig


class SequencingConfig(AppConfig):
    """RNA, libraries, runs, and the counts."""

    name = "labdb.sequencing"
    verbose_name = "Sequencing"
