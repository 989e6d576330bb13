from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Pages and commands that look across rooms."""

    name = "labdb.desk"
    verbose_name = "Desk"
