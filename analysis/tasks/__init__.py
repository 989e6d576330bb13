"""The tasks there are."""

from collections.abc import Sequence

from analysis.tasks import (
    bring_up_to_date,
    calibration,
    differential_expression,
    drug_genes,
    mouse_scores,
    outside_signature,
    phenotype,
    pipeline,
    quality,
    resilience,
    response,
    reversal,
    reversal_power,
    rrho,
)
from analysis.tasks.task import Task

TASKS: Sequence[Task] = (
    phenotype.TASK,
    response.TASK,
    quality.TASK,
    differential_expression.TASK,
    reversal.TASK,
    rrho.TASK,
    mouse_scores.TASK,
    resilience.TASK,
    drug_genes.TASK,
    outside_signature.TASK,
    calibration.TASK,
    reversal_power.TASK,
    pipeline.TASK,
    bring_up_to_date.TASK,
)
