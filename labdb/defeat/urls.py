"""Addresses of the defeat: the courses of a study, and the screening of aggressors."""

from django.urls import path

from labdb.defeat import course_page, day_page, screening_page

# Codes may hold a slash (R1/2), hence path:, the longer addresses first.
urlpatterns = [
    path("defeat/screening/", screening_page.screening, name="defeat-screening"),
    path("defeat/screening/<int:pk>/", screening_page.aggressor_state, name="aggressor-state"),
    path(
        "studies/<path:code>/defeat/<path:course>/day/<int:day>/stored/",
        day_page.stored_bouts,
        name="defeat-day-stored",
    ),
    path("studies/<path:code>/defeat/<path:course>/day/<int:day>/sheet/", day_page.day_sheet, name="defeat-day-sheet"),
    path("studies/<path:code>/defeat/<path:course>/day/<int:day>/", day_page.day_page, name="defeat-day"),
    path("studies/<path:code>/defeat/<path:course>/plan/", course_page.course_plan, name="defeat-plan"),
    path("studies/<path:code>/defeat/<path:course>/", course_page.course_page, name="defeat-course"),
    path("studies/<path:code>/defeat/", course_page.course_index, name="defeat-courses"),
]
