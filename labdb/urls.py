"""Every address, by door."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from analysis.export_views import CountsView
from analysis.records import AnalysisRunRecord
from analysis.rest import AnalysisRunView
from analysis.wide_table_rest import AnimalTableView, GeneTableView, SampleTableView
from labdb.accounts.bench_shell import bench_person
from labdb.accounts.rest_sign_in import SignedInWithinLimits
from labdb.desk.gene_rest import GeneExpressionView
from labdb.registry.attachment_rest import AttachmentView
from labdb.registry.rest import Router
from labdb.registry.rest_answers import UnknownAddress
from labdb.registry.schema_generator import KeptSchema
from labdb.registry.urls import bench_urlpatterns, page_urlpatterns, work_urlpatterns
from labdb.sequencing.records import CountMatrixRecord
from labdb.sequencing.rest import CountMatrixView

api = Router(special={CountMatrixRecord: CountMatrixView, AnalysisRunRecord: AnalysisRunView})
api.register("attachments", AttachmentView, basename="api-attachments")

urlpatterns = [
    path("", include("labdb.defeat.urls")),  # before the page of a study, whose code may hold a slash
    path("", include("labdb.desk.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("labdb.accounts.urls")),
    path("records/", include(page_urlpatterns)),
    path("work/", include(work_urlpatterns)),
    path("bench/", include(bench_urlpatterns)),
    path("bench/person/", bench_person, name="bench-person"),
    path("counts/", include("labdb.sequencing.urls")),
    path("analysis/", include("analysis.urls")),
    path("api/v1/studies/<path:code>/animal-table/", AnimalTableView.as_view(), name="api-animal-table"),
    path("api/v1/studies/<path:code>/sample-table/", SampleTableView.as_view(), name="api-sample-table"),
    path("api/v1/studies/<path:code>/gene-table/", GeneTableView.as_view(), name="api-gene-table"),
    path("api/v1/count-matrices/<str:name>/counts.<str:kind>", CountsView.as_view(), name="api-counts"),
    # before the records: a symbol may hold a slash
    path("api/v1/genes/<path:symbol>/expression/", GeneExpressionView.as_view(), name="api-gene-expression"),
    path("api/v1/", include(api.urls)),
    path(
        "api/schema/",
        SpectacularAPIView.as_view(permission_classes=[SignedInWithinLimits], generator_class=KeptSchema),
        name="api-schema",
    ),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[SignedInWithinLimits]),
        name="api-docs",
    ),
    re_path(r"^api/.*/$", UnknownAddress.as_view()),
]
