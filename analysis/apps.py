from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """What is computed from the records."""

    name = "analysis"
    verbose_name = "Analysis"

    def ready(self) -> None:
        """Let a rule know that runs name it."""
        from analysis.rule_uses import named_in_runs
        from labdb.registry.versioned_rule import USES

        if named_in_runs not in USES:
            USES.append(named_in_runs)
