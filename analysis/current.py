"""Which run's results count: the latest adoption of a study, task and scope. Reading changes nothing."""

from analysis.models import Adoption, AnalysisRun, Contrast
from analysis.shared_reading import shared
from labdb.colony.models import Study


@shared
def current_run(study: Study, task: str, scope: str = "") -> AnalysisRun | None:
    """Return the run whose results are current, or None; the results are those of its `results_run`.

    Parameters
    ----------
    scope : str
        Empty for the question as it is usually asked; else the parameters that ask another, as `contrast=NAME`.
    """
    adoption = (
        Adoption.objects.filter(study=study, task=task, scope=scope)
        .select_related("run__same_as", "run__study")
        .order_by("-pk")
        .first()
    )
    return adoption.run if adoption else None


def current_run_of_contrast(contrast: Contrast) -> AnalysisRun | None:
    """Return the run that counts for one contrast: the latest adopted that holds it, alone or among all."""
    adoptions = (
        Adoption.objects.filter(
            study_id=contrast.study_id,
            task="differential_expression",
            scope__in=("", f"contrast={contrast.name}"),
        )
        .select_related("run__same_as")
        .order_by("-pk")
    )
    for adoption in adoptions:
        if adoption.run.results_run.generesults.filter(contrast=contrast).exists():
            return adoption.run
    return None
