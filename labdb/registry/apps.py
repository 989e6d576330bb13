from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """One declaration per record; every door follows from it."""

    name = "labdb.registry"
    verbose_name = "Registry"

    def ready(self) -> None:
        """Collect the declarations of every room, then check the models they stand for."""
        from django.utils.module_loading import autodiscover_modules

        from labdb.registry import checks  # noqa: F401  (registers the checks)

        autodiscover_modules("records")
