"""`/api/v1/genes/SYMBOL/expression/`: one gene over all samples, groups and contrasts that the account may see."""

import math
from typing import Any

import pandas as pd
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.gene_expression import expression_frame, matrices_with
from analysis.gene_results import current_results, estimates_of_gene
from analysis.links import storable
from labdb.colony.models import Study
from labdb.desk.gene_names import genes_called, near_names, pages_meant
from labdb.registry.rest_answers import Refused
from labdb.registry.rest_json import AlwaysJson
from labdb.registry.rest_schema import refusals
from labdb.sequencing.models import CountMatrix, Gene

KNOWN = ("study", "matrix")
SAMPLE = ("study", "matrix", "sample", "mouse", "region", "group", "count", "log2_cpm")
ESTIMATE = (
    "study", "run", "contrast", "region", "log2_fold_change", "low", "high", "average_expression", "t", "p_value",
    "adj_p_value",
)  # fmt: skip


class _GeneNamed(serializers.Serializer):
    annotation = serializers.CharField()
    gene_id = serializers.CharField()
    symbol = serializers.CharField()


class _SampleOfGene(serializers.Serializer):
    study = serializers.CharField()
    matrix = serializers.CharField()
    sample = serializers.CharField(help_text="Code of the library.")
    mouse = serializers.CharField()
    region = serializers.CharField()
    group = serializers.CharField(
        help_text="Treatment and outcome where the account may know the arms, else the phenotype."
    )
    count = serializers.IntegerField()
    log2_cpm = serializers.FloatField(help_text="Library sizes by TMM within the region.")


class _GroupOfGene(serializers.Serializer):
    study = serializers.CharField()
    matrix = serializers.CharField()
    region = serializers.CharField()
    group = serializers.CharField()
    n = serializers.IntegerField()
    mean_log2_cpm = serializers.FloatField()
    sd_log2_cpm = serializers.FloatField(allow_null=True, help_text="Null of one sample.")


class _EstimateOfGene(serializers.Serializer):
    study = serializers.CharField()
    run = serializers.IntegerField(help_text="Id of the current run.")
    contrast = serializers.CharField()
    region = serializers.CharField(allow_null=True)
    log2_fold_change = serializers.FloatField()
    low = serializers.FloatField(allow_null=True, help_text="95 % interval, not adjusted.")
    high = serializers.FloatField(allow_null=True)
    average_expression = serializers.FloatField(allow_null=True)
    t = serializers.FloatField(allow_null=True)
    p_value = serializers.FloatField(allow_null=True)
    adj_p_value = serializers.FloatField(allow_null=True)


class GeneExpressionSerializer(serializers.Serializer):
    """A gene over samples, groups and contrasts."""

    genes = _GeneNamed(many=True, help_text="One for each annotation that has it.")
    samples = _SampleOfGene(many=True)
    groups = _GroupOfGene(many=True)
    contrasts = _EstimateOfGene(many=True)


class GeneExpressionView(APIView):
    """One gene across all samples, groups and contrasts."""

    content_negotiation_class = AlwaysJson

    @extend_schema(
        parameters=[
            OpenApiParameter("symbol", OpenApiTypes.STR, "path", description="Symbol or gene id, also a former one."),
            OpenApiParameter("study", OpenApiTypes.STR, description="Code of a study; by default all."),
            OpenApiParameter("matrix", OpenApiTypes.STR, description="Code of a count matrix; by default the newest."),
        ],
        responses={200: GeneExpressionSerializer, **refusals(400, 404)},
        tags=["genes"],
    )
    def get(self, request: Request, symbol: str) -> Response:
        """Return the counts and estimates of a gene; of each study those of its newest matrix and its current run."""
        _refuse_unknown(request)
        genes = _genes(Gene.objects.all().visible_to(request.user), storable(symbol))
        studies = _studies(request)
        matrices = _matrices(genes, studies, request.query_params.get("matrix", ""))
        frames = [_samples(matrix, genes, request.user) for matrix in matrices]
        samples = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(SAMPLE))
        estimates = estimates_of_gene(genes, current_results(studies, "differential_expression"))
        return Response(
            {
                "genes": [
                    {name: getattr(gene, name) for name in ("annotation", "gene_id", "symbol")} for gene in genes
                ],
                "samples": _rows(samples, SAMPLE),
                "groups": _groups(samples),
                "contrasts": _rows(estimates, ESTIMATE),
            }
        )


def _refuse_unknown(request: Request) -> None:
    known = ", ".join(KNOWN)
    unknown = [name for name in request.query_params if name not in KNOWN]
    if unknown:
        raise Refused(
            {name: [f"{name} is not a filter of a gene's expression; known are {known}."] for name in unknown}
        )


def _genes(seen: Any, name: str) -> list[Gene]:
    """Return the genes that are called so, or are meant by it; 404 with the nearest names where there are none."""
    if genes := genes_called(seen, name):
        return genes
    if len(pages := pages_meant(seen, name)) == 1:
        return genes_called(seen, pages[0])
    near = pages or near_names(seen, name)
    advice = f"there are {', '.join(near)}." if near else "ask /api/v1/genes/?search= for those there are."
    raise NotFound(f"No gene is called {name}; {advice}")


def _studies(request: Request) -> list[Study]:
    seen = Study.objects.all().visible_to(request.user)
    code = request.query_params.get("study", "")
    studies = list(seen.filter(code=storable(code)) if code else seen)
    if code and not studies:
        raise Refused({"study": [f"There is no study {code[:50]} that you may see."]})
    return studies


def _matrices(genes: list[Gene], studies: list[Study], code: str) -> list[CountMatrix]:
    """Return the newest matrix of each study that holds the gene, or the one that is asked for."""
    matrices = matrices_with(genes, studies)
    if code:
        found = [matrix for matrix in matrices if matrix.code == code]
        if not found:
            known = ", ".join(sorted({matrix.code for matrix in matrices})) or "none"
            raise Refused({"matrix": [f"{code[:50]} is not a count matrix with this gene; there are: {known}."]})
        return found
    newest: dict[int, CountMatrix] = {}
    for matrix in matrices:  # the newest first
        newest.setdefault(matrix.study_id, matrix)
    return list(newest.values())


def _samples(matrix: CountMatrix, genes: list[Gene], user: Any) -> pd.DataFrame:
    gene = next(one for one in genes if one.count_blocks.filter(matrix=matrix).exists())
    return expression_frame(matrix, gene, user).assign(study=matrix.study.code, matrix=matrix.code)


def _groups(samples: pd.DataFrame) -> list[dict[str, Any]]:
    keys = ["study", "matrix", "region", "group"]
    if samples.empty:
        return []
    summed = samples.groupby(keys, sort=True)["log2_cpm"].agg(["size", "mean", "std"]).reset_index()
    named = summed.rename(columns={"size": "n", "mean": "mean_log2_cpm", "std": "sd_log2_cpm"})
    return _rows(named, tuple(named.columns))


def _rows(table: pd.DataFrame, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return rows as JSON has them: what is missing, or no finite number, is null."""
    rows = table[list(names)].to_dict("records")
    return [{str(name): _value(value) for name, value in row.items()} for row in rows]


def _value(value: Any) -> Any:
    return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value
