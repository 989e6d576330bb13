"""A run names its rule in its parameters: even one that called no mouse would say something else by a changed rule."""

from django.db.models import Q

from analysis.models import AnalysisRun, RunStatus
from analysis.tasks import TASKS
from labdb.registry.models import counted
from labdb.registry.versioned_rule import Rule


def named_in_runs(rule: Rule) -> str:
    """Say how many runs name a rule; those that failed or were cancelled have no results and do not count."""
    named = Q()
    for task in TASKS:
        for name, parameter in task.parameters.items():
            if parameter.rule is type(rule):
                named |= Q(task=task.name, **{f"parameters__{name}": rule.name})
    if not named:
        return ""
    runs = AnalysisRun.objects.filter(named).exclude(status__in=(RunStatus.FAILED, RunStatus.CANCELLED))
    count = runs.count()
    return f"The rule {rule.name} stands in the parameters of {counted(AnalysisRun, count)}" if count else ""
