"""Addresses that follow from the declarations."""

from django.urls import path

from labdb.registry import pages, workbook_page
from labdb.registry.attachment_pages import attachment_add, attachment_delete, attachment_file
from labdb.registry.bench_entries import bench_clock, bench_entries
from labdb.registry.bench_offline import bench_worker
from labdb.registry.entry import record_add, record_delete, record_edit
from labdb.registry.entry_fields import record_keys
from labdb.registry.grid_doors import grid_check, grid_save
from labdb.registry.grid_page import grid_fill, record_grid
from labdb.registry.import_page import record_import
from labdb.registry.imported_rows_page import import_rows_table, import_undo
from labdb.registry.list_action_page import list_action
from labdb.registry.list_answers import kin_filters, list_counts, row_why
from labdb.registry.long_work_doors import work_state, work_stop
from labdb.registry.question_words import question_help, question_words
from labdb.registry.saved_view_pages import list_views, view_forget

page_urlpatterns = [
    path("", pages.record_index, name="record-index"),
    path("workbook/", workbook_page.workbook_page, name="workbook"),
    path("workbook/template.xlsx", workbook_page.workbook_template, name="workbook-template"),
    path("workbook/study/<path:code>.xlsx", workbook_page.workbook_of_study, name="workbook-of-study"),
    path("attachments/<int:pk>/file/", attachment_file, name="attachment-file"),
    path("attachments/<int:pk>/delete/", attachment_delete, name="attachment-delete"),
    path("<slug:resource>/<int:pk>/attachments/", attachment_add, name="attachment-add"),
    path("imports/<int:pk>/rows/", import_rows_table, name="import-rows"),
    path("imports/<int:pk>/undo/", import_undo, name="import-undo"),
    path("how-to-ask/", question_help, name="question-help"),
    path("<slug:resource>/", pages.record_list, name="record-list"),
    path("<slug:resource>/selected/<slug:name>/", list_action, name="list-action"),
    path("<slug:resource>/add/", record_add, name="record-add"),
    path("<slug:resource>/import/", record_import, name="record-import"),
    path("<slug:resource>/views/", list_views, name="list-views"),
    path("<slug:resource>/views/<int:pk>/forget/", view_forget, name="view-forget"),
    path("<slug:resource>/grid/", record_grid, name="record-grid"),
    path("<slug:resource>/grid/check/", grid_check, name="record-grid-check"),
    path("<slug:resource>/grid/save/", grid_save, name="record-grid-save"),
    path("<slug:resource>/grid/fill/", grid_fill, name="record-grid-fill"),
    path("<slug:resource>/keys/", record_keys, name="record-keys"),
    path("<slug:resource>/counts/", list_counts, name="list-counts"),
    path("<slug:resource>/kin/", kin_filters, name="record-kin"),
    path("<slug:resource>/words/", question_words, name="question-words"),
    path("<slug:resource>/<int:pk>/why/", row_why, name="row-why"),
    path("<slug:resource>/<int:pk>/", pages.record_detail, name="record-detail"),
    path("<slug:resource>/<int:pk>/edit/", record_edit, name="record-edit"),
    path("<slug:resource>/<int:pk>/delete/", record_delete, name="record-delete"),
]

work_urlpatterns = [
    path("<str:key>/", work_state, name="work-state"),
    path("<str:key>/stop/", work_stop, name="work-stop"),
]

bench_urlpatterns = [
    path("entries/", bench_entries, name="bench-entries"),
    path("clock/", bench_clock, name="bench-clock"),
    path("worker.js", bench_worker, name="bench-worker"),
]
