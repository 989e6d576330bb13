"""What workers of pytest-xdist are given at once: a file of tests each, the longest first.

A file's tests share its setup, so it is made once. pytest-xdist's own groups (`--dist loadgroup`) say the same by a mark
and silently stopped to with pytest 9.2 (github.com/pytest-dev/pytest-xdist/issues/1386); a file needs no mark.
"""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

ALONE = ("tests/browser/",)  # a second Chromium on the same processors makes both slow: all of it is one unit
TEST_S = 0.4  # of a file that is not listed below, for each test
FILES_S: dict[str, float] = {}


class LongestFirst(LoadScopeScheduling):
    """Give a free worker the longest unit that is left, so that all end at about the same time."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(max(self.workqueue, key=self._expected_s), last=False)
        super()._assign_work_unit(node)

    def _expected_s(self, unit: str) -> float:
        return FILES_S.get(unit, TEST_S * len(self.workqueue[unit]))


def unit_of(nodeid: str) -> str:
    """Return the unit that a test belongs to."""
    return next((folder for folder in ALONE if nodeid.startswith(folder)), nodeid.partition("::")[0])
