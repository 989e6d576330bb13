from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The simulated study with a known truth."""

    name = "labdb.demo"
    verbose_name = "Demo"
