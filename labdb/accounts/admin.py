"""Roles in Django's own admin; accounts are only looked at there: their rules stand on the pages under *People*."""

from typing import Any, NoReturn

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.authtoken import admin as _token_admin  # noqa: F401  (registers tokens, or could not be undone)
from rest_framework.authtoken.models import TokenProxy

from labdb.accounts.models import NEVER_DELETED, Role, User

admin.site.site_header = admin.site.site_title = "labdb"
admin.site.index_title = "Roles, and every record as it is stored"


@admin.register(User)
class AccountAdmin(admin.ModelAdmin):
    """Accounts as they are stored, without their passwords."""

    fields = ("username", "first_name", "last_name", "is_active", "is_superuser", "last_login", "date_joined")
    list_display = ("username", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    search_fields = ("username", "first_name", "last_name")
    actions = None
    view_on_site = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Accounts are made under *People*."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accounts are changed under *People*."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accounts are closed, not deleted."""
        return False

    def delete_view(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, in words."""
        raise PermissionDenied(NEVER_DELETED)


admin.site.unregister(Group)  # a role is a group
admin.site.unregister(TokenProxy)  # its list would show every token; they are made and revoked under *People*
admin.site.register(Role, GroupAdmin)
