"""Addresses of accounts."""

from django.contrib.auth import views as auth_views
from django.urls import path

from labdb.accounts import account_pages, people_pages, pin_pages, token_pages

urlpatterns = [
    path("login/", auth_views.LoginView.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("password/", account_pages.OwnPasswordView.as_view(), name="own-password"),
    path("pin/", pin_pages.own_pin, name="own-pin"),
    path("people/", people_pages.people_list, name="people"),
    path("people/add/", account_pages.person_add, name="person-add"),
    path("people/<int:pk>/", people_pages.person, name="person"),
    path("people/<int:pk>/edit/", account_pages.person_edit, name="person-edit"),
    path("people/<int:pk>/password/", account_pages.person_password, name="person-password"),
    path("people/<int:pk>/close/", account_pages.person_close, name="person-close"),
    path("people/<int:pk>/tokens/", token_pages.token_add, name="token-add"),
    path("people/<int:pk>/tokens/<int:token_pk>/revoke/", token_pages.token_revoke, name="token-revoke"),
    path("people/<int:pk>/pin/clear/", pin_pages.person_pin_clear, name="person-pin-clear"),
    path("people/<int:pk>/studies/", account_pages.study_role_add, name="study-role-add"),
    path("people/<int:pk>/studies/<int:membership_pk>/", account_pages.study_role_remove, name="study-role-remove"),
]
