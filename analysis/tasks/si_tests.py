"""SI tests as the behavior kernels want them; shared by `phenotype` and `response`."""

import numpy as np
import pandas as pd

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study

TIMES = ["trial_s", "iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s"]


def read_si_tests(study: Study, test_number: int) -> pd.DataFrame:
    """Return one row per mouse that has this test.

    Returns
    -------
    pandas.DataFrame
        Indexed by mouse (primary key, ascending): ``si_test`` (primary key), ``group``, ``cohort`` and times (s).
    """
    names = {"mouse_id": "mouse", "pk": "si_test", "mouse__group": "group", "mouse__cohort__code": "cohort"}
    rows = SocialInteractionTest.objects.filter(study=study, test_number=test_number).order_by("mouse_id")
    columns = [*names, *TIMES]
    tests = pd.DataFrame(rows.values_list(*columns), columns=columns).rename(columns=names).set_index("mouse")
    return tests.astype({**dict.fromkeys(TIMES, np.float64), "group": object, "cohort": object})
