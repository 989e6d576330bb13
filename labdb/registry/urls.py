"""Addresses that follow from the declarations."""

from django.urls import path

from labdb.registry import pages
from labdb.registry.entry import record_add, record_delete, record_edit
from labdb.registry.entry_fields import record_keys
from labdb.registry.import_page import record_import

page_urlpatterns = [
    path("", pages.record_index, name="record-index"),
    path("<slug:resource>/", pages.record_list, name="record-list"),
    path("<slug:resource>/add/", record_add, name="record-add"),
    path("<slug:resource>/import/", record_import, name="record-import"),
    path("<slug:resource>/keys/", record_keys, name="record-keys"),
    path("<slug:resource>/<int:pk>/", pages.record_detail, name="record-detail"),
    path("<slug:resource>/<int:pk>/edit/", record_edit, name="record-edit"),
    path("<slug:resource>/<int:pk>/delete/", record_delete, name="record-delete"),
]
