from typing import Any

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """What is computed from the records."""

    name = "analysis"
    verbose_name = "Analysis"

    def ready(self) -> None:
        """Let a rule know that runs name it, an account what ended, and a worker what memory it may take."""
        from django_q.signals import post_spawn

        from analysis import kin  # noqa: F401  (declares what results say of a mouse)
        from analysis.notices import UNREAD, unread_of_account
        from analysis.rule_uses import named_in_runs
        from labdb.accounts.sign_in import ASKED_WITH_ACCOUNT
        from labdb.registry.versioned_rule import USES

        if named_in_runs not in USES:
            USES.append(named_in_runs)
        ASKED_WITH_ACCOUNT[UNREAD] = unread_of_account()
        post_spawn.connect(_limit_memory, dispatch_uid="limit the memory of a worker")


def _limit_memory(**_signal: Any) -> None:
    from analysis.worker_memory import limit_memory

    limit_memory()
