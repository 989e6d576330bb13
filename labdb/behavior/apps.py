from django.apps import AppConfig


class BehaviorConfig(AppConfig):
    """Social-interaction tests, other assays, and the rules that read them."""

    name = "labdb.behavior"
    verbose_name = "Behavior"
