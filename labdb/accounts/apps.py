from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    """Users, roles, tokens, sign-in."""

    name = "labdb.accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Let the roles know the records that a new version brings, once Django has made their permissions."""
        from labdb.accounts.roles import grant_new_records

        post_migrate.connect(grant_new_records, dispatch_uid="labdb.accounts.roles")
