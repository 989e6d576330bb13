"""Accounts and roles, by Django's own admin."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group

from labdb.accounts.models import Role, User

admin.site.site_header = admin.site.site_title = "labdb"
admin.site.index_title = "Accounts, roles, tokens, and every record as it is stored"
admin.site.register(User, UserAdmin)
admin.site.unregister(Group)  # a role is a group
admin.site.register(Role, GroupAdmin)
