"""The tasks there are."""

from collections.abc import Sequence

from analysis.tasks import (
    bring_up_to_date,
    calibration,
    differential_expression,
    mouse_scores,
    phenotype,
    pipeline,
    quality,
    response,
    reversal,
    reversal_power,
)
from analysis.tasks.task import Task

TASKS: Sequence[Task] = (
    phenotype.TASK,
    response.TASK,
    quality.TASK,
    differential_expression.TASK,
    reversal.TASK,
    mouse_scores.TASK,
    calibration.TASK,
    reversal_power.TASK,
    pipeline.TASK,
    bring_up_to_date.TASK,
)
