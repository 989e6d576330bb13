"""SI tests as the behavior kernels want them; shared by `phenotype` and `response`."""

import numpy as np
import pandas as pd
from django.db.models import QuerySet

from analysis.shared_reading import shared
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study

TIMES = ["trial_s", "iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s"]


def included_tests(study: Study) -> QuerySet[SocialInteractionTest]:
    """Return the tests of a study that analyses read."""
    return SocialInteractionTest.objects.filter(SocialInteractionTest.included(), study=study)


@shared
def left_out(study: Study, test_number: int) -> tuple[str, ...]:
    """Say how many mice have this test and are not read, and where it says why; nothing where all are."""
    tested = SocialInteractionTest.objects.filter(study=study, test_number=test_number, counts=True)
    n_out = tested.count() - included_tests(study).filter(test_number=test_number).count()
    if not n_out:
        return ()
    what = "1 SI test" if n_out == 1 else f"{n_out} SI tests"
    return (f"{what} with number {test_number} left out by exclusion; the study's exclusions say why.",)


@shared
def read_si_tests(study: Study, test_number: int) -> pd.DataFrame:
    """Return one row per mouse that has this test: the scoring that counts, unless test or mouse is excluded.

    Returns
    -------
    pandas.DataFrame
        Indexed by mouse (primary key, ascending): ``si_test`` (primary key), ``group``, ``cohort`` and times (s).
    """
    names = {"mouse_id": "mouse", "pk": "si_test", "mouse__group": "group", "mouse__cohort__code": "cohort"}
    rows = included_tests(study).filter(test_number=test_number).order_by("mouse_id")
    columns = [*names, *TIMES]
    tests = pd.DataFrame(rows.values_list(*columns), columns=columns).rename(columns=names).set_index("mouse")
    return tests.astype({**dict.fromkeys(TIMES, np.float64), "group": object, "cohort": object})
