"""Addresses of the pages that look across rooms."""

from django.urls import path
from django.views.generic import RedirectView

from labdb.desk import (
    assay_entry_page,
    assay_form_page,
    assays_page,
    dictionary_page,
    exclusions_page,
    gene_page,
    health,
    home_page,
    merge_page,
    mouse_page,
    scoring_again_page,
    scoring_page,
    search_page,
    study_figures,
    study_page,
    weighing_page,
)

# Codes may hold a slash (R1/2), hence path:, the longer addresses first.
urlpatterns = [
    path("", home_page.home, name="home"),
    path("search/", search_page.search, name="search"),
    path("health/", health.health, name="health"),
    path("studies/", RedirectView.as_view(pattern_name="home")),
    path("studies/<path:code>/mice/<path:mouse>/merge/", merge_page.merge_mice, name="mouse-merge"),
    path("studies/<path:code>/mice/<path:mouse>/", mouse_page.mouse, name="mouse-page"),
    path(
        "studies/<path:code>/assays/<int:pk>/figures/<int:metric>.<slug:file_format>",
        assays_page.assay_figure,
        name="assay-figure",
    ),
    path(
        "studies/<path:code>/figures/<slug:name>.<slug:file_format>",
        study_figures.study_figure,
        name="study-figure",
    ),
    path("studies/<path:code>/bench/weighing/", weighing_page.weighing, name="bench-weighing"),
    path("studies/<path:code>/exclusions/", exclusions_page.exclusions, name="exclusions-page"),
    path("studies/<path:code>/assays/new/", assay_form_page.assay_form, name="assay-form"),
    path("studies/<path:code>/assays/<int:pk>/entry/", assay_entry_page.assay_entry, name="assay-entry"),
    path("studies/<path:code>/assays/<int:pk>/", assays_page.assay_page, name="assay-page"),
    path("studies/<path:code>/assays/", assays_page.assay_index, name="assay-index"),
    path("studies/<path:code>/scoring/again/", scoring_again_page.scoring_again, name="scoring-again"),
    path("studies/<path:code>/scoring/<int:pk>/counts/", scoring_page.scoring_counts, name="scoring-counts"),
    path("studies/<path:code>/scoring/", scoring_page.scoring_page, name="scoring-page"),
    path("studies/<path:code>/", study_page.study, name="study-page"),
    path("records/dictionary/", dictionary_page.data_dictionary, name="data-dictionary"),
    path("genes/", gene_page.search, name="gene-index"),
    path("genes/<path:symbol>/figures/expression.<slug:file_format>", gene_page.expression_figure, name="gene-figure"),
    path("genes/<path:symbol>/", gene_page.gene, name="gene-page"),
]
