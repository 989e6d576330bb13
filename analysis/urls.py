"""Addresses of analysis."""

from django.urls import path

from analysis import (
    comparison_views,
    export_views,
    figure_views,
    gene_list_views,
    gene_set_views,
    notice_views,
    outside_views,
    quality_views,
    refresh_views,
    rrho_page,
    take_away_views,
    views,
)

urlpatterns = [
    path("", views.run_list, name="analysis-runs"),
    path("request/", views.request_run, name="analysis-request"),
    path("runs/<int:pk>/", views.run_page, name="analysis-run"),
    path("runs/<int:pk>/cancel/", views.cancel_run, name="analysis-cancel"),
    path("runs/<int:pk>/adopt/", views.adopt_run, name="analysis-adopt"),
    path("runs/<int:pk>/figures/<slug:name>.<slug:file_format>", figure_views.run_figure, name="run-figure"),
    path("runs/<int:pk>/gene-sets/", gene_list_views.gene_sets, name="run-gene-sets"),
    path("runs/<int:pk>/gene-sets/<slug:name>.csv", gene_list_views.gene_set_file, name="run-gene-set-file"),
    path("runs/<int:pk>/overlap/", gene_list_views.overlap, name="run-overlap"),
    path("compare/<int:old>/<int:new>/", comparison_views.comparison, name="analysis-compare"),
    path("notices/", notice_views.notices, name="run-notices"),
    path("notices/read/", notice_views.read_all, name="run-notices-read"),
    path("studies/<str:code>/refresh/", refresh_views.refresh, name="analysis-refresh"),
    path("studies/<path:code>/take-away/", take_away_views.take_away, name="take-away"),
    path("studies/<path:code>/take-away/<slug:name>/", take_away_views.wide_table, name="wide-table"),
    path("findings/<int:pk>/decide/", quality_views.decide_finding, name="quality-decide"),
    path("rrho/<int:pk>/map.csv", rrho_page.map_file, name="rrho-map-file"),
    path("reversals/<int:pk>/", views.reversal_page, name="reversal-page"),
    path("outside/upload/", outside_views.upload, name="outside-upload"),
    path("outside/<int:pk>/", outside_views.signature_page, name="outside-signature"),
    path("outside/<int:pk>/original/", outside_views.original, name="outside-original"),
    path("outside/<int:pk>/figures/volcano.<slug:file_format>", outside_views.volcano, name="outside-volcano"),
    path("matrices/<int:pk>/counts.<str:kind>", export_views.export_matrix, name="matrix-export"),
    path("runs/<int:pk>/counts.<str:kind>", export_views.export_run, name="run-export"),
    path("gene-sets/", gene_set_views.gene_sets, name="gene-sets"),
    path("gene-sets/upload/", gene_set_views.upload, name="gene-set-upload"),
    path("gene-sets/<int:pk>/original/", gene_set_views.original, name="gene-set-original"),
]
