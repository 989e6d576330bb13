"""Addresses of the pages that look across rooms."""

from django.urls import path
from django.views.generic import RedirectView

from labdb.desk import (
    dictionary_page,
    exclusions_page,
    gene_page,
    health,
    home_page,
    merge_page,
    mouse_page,
    phenotype_labels,
    phenotype_page,
    search_page,
    si_day_page,
    si_plan_page,
    si_test_page,
    study_figures,
    study_page,
    tracker_files_page,
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
        "studies/<path:code>/si-tests/<int:pk>/figures/<slug:name>.<slug:file_format>",
        si_test_page.si_test_figure,
        name="si-test-figure",
    ),
    path(
        "studies/<path:code>/si-tests/<int:pk>/trials/<int:trial>/remove/",
        si_test_page.tracked_trial_remove,
        name="tracked-trial-remove",
    ),
    path("studies/<path:code>/si-tests/<int:pk>/", si_test_page.si_test, name="si-test-page"),
    path(
        "studies/<path:code>/figures/<slug:name>.<slug:file_format>",
        study_figures.study_figure,
        name="study-figure",
    ),
    path("studies/<path:code>/bench/weighing/stored/", weighing_page.weighed_today, name="bench-weighed"),
    path("studies/<path:code>/bench/weighing/", weighing_page.weighing, name="bench-weighing"),
    path("studies/<path:code>/phenotype/", phenotype_page.comparison, name="phenotype-page"),
    path("studies/<path:code>/phenotype/labels/", phenotype_labels.labels, name="phenotype-labels"),
    path("studies/<path:code>/phenotype/run/", phenotype_page.run_rule, name="phenotype-run"),
    path("studies/<path:code>/phenotype/ratios.<slug:file_format>", phenotype_page.figure, name="phenotype-figure"),
    path("studies/<path:code>/bench/si-tests/plan/", si_plan_page.si_plan, name="si-test-plan"),
    path("studies/<path:code>/bench/si-tests/stored/", si_day_page.stored_tests, name="bench-si-stored"),
    path("studies/<path:code>/bench/si-tests/class/", si_day_page.si_class, name="bench-si-class"),
    path("studies/<path:code>/bench/si-tests/", si_day_page.si_tests, name="bench-si-tests"),
    path("studies/<path:code>/tracker-files/", tracker_files_page.tracker_files, name="tracker-files"),
    path("studies/<path:code>/exclusions/", exclusions_page.exclusions, name="exclusions-page"),
    path("studies/<path:code>/", study_page.study, name="study-page"),
    path("records/dictionary/", dictionary_page.data_dictionary, name="data-dictionary"),
    path("genes/", gene_page.search, name="gene-index"),
    path("genes/<path:symbol>/figures/expression.<slug:file_format>", gene_page.expression_figure, name="gene-figure"),
    path("genes/<path:symbol>/", gene_page.gene, name="gene-page"),
]
