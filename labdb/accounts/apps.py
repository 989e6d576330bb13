from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, roles, tokens, sign-in."""

    name = "labdb.accounts"
    verbose_name = "Accounts"
