"""The tasks there are."""

from collections.abc import Sequence

from analysis.tasks import (
    bring_up_to_date,
    differential_expression,
    drug_genes,
    mouse_scores,
    phenotype,
    pipeline,
    quality,
    resilience,
    response,
    reversal,
)
from analysis.tasks.task import Task

TASKS: Sequence[Task] = (
    phenotype.TASK,
    response.TASK,
    quality.TASK,
    differential_expression.TASK,
    reversal.TASK,
    mouse_scores.TASK,
    resilience.TASK,
    drug_genes.TASK,
    pipeline.TASK,
    bring_up_to_date.TASK,
)
