from django.apps import AppConfig


class TreatmentConfig(AppConfig):
    """Drugs, arms, randomization and allocation."""

    name = "labdb.treatment"
    verbose_name = "Treatment"

    def ready(self) -> None:
        """Let earlier rooms know who holds the key of a study, and how many keys there are."""
        from labdb.colony import blinding
        from labdb.treatment.allocators import holds_key, n_keys

        if holds_key not in blinding.HOLDS_KEY:
            blinding.HOLDS_KEY.append(holds_key)
            blinding.KEYS.append(n_keys)
