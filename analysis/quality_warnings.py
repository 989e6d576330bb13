"""What quality has to say before a contrast is fitted or read."""

from analysis.current import current_run
from analysis.shared_reading import shared
from labdb.colony.models import Study


@shared
def confounding_warnings(study: Study, grouping: str, region: str = "") -> list[str]:
    """Return what the current quality run says of a grouping, before a contrast by it is fitted or read.

    Parameters
    ----------
    region : str, optional
        Code; only what holds there, or of mice.
    """
    run = current_run(study, "quality")
    if run is None:
        return []
    rows = run.results_run.confoundings.filter(grouping=grouping, is_confounded=True).select_related("region")
    return [
        row.sentence for row in rows.order_by("pk") if not region or row.region is None or row.region.code == region
    ]
