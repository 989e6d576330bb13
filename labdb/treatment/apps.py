from django.apps import AppConfig


class TreatmentConfig(AppConfig):
    """Drugs, arms, randomization and allocation."""

    name = "labdb.treatment"
    verbose_name = "Treatment"

    def ready(self) -> None:
        """Let earlier rooms know who holds the key of a study, and how many keys there are."""
        from labdb.colony import blinding
        from labdb.treatment.allocators import holds_key, n_keys

        for answers, answer in ((blinding.HOLDS_KEY, holds_key), (blinding.KEYS, n_keys)):
            if answer not in answers:
                answers.append(answer)
