"""Addresses of what is special to sequencing."""

from django.urls import path

from labdb.sequencing.count_originals import count_original
from labdb.sequencing.count_page import count_import

urlpatterns = [
    path("import/", count_import, name="count-import"),
    path("<int:pk>/original/", count_original, name="count-original"),
]
