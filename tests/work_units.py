"""What workers of pytest-xdist are given at once: a file of tests each, the longest first.

A file's tests share its setup, so it is made once. pytest-xdist's own groups (`--dist loadgroup`) say the same by a mark
and silently ceased to with pytest 9.2 (github.com/pytest-dev/pytest-xdist/issues/1386); a file needs no mark.
"""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

TEST_S = 0.4  # for each test of a file that is not listed below
BROWSER_TEST_S = 8
FILES_S = {  # on two processors that do nothing else; what is long is to begin early, its seconds need not be right
    "tests/registry/test_one_sentence.py": 350,
    "tests/tutorial/test_tutorial_real_data.py": 200,
    "tests/treatment/test_blind_crawl.py": 190,
    "tests/test_up.py": 130,
    "tests/demo/test_loading.py": 70,
    "tests/defeat/test_course_page.py": 60,
    "tests/treatment/test_blinding.py": 60,
    "tests/accounts/test_bench_pin.py": 30,
}


class LongestFirst(LoadScopeScheduling):
    """Give a free worker the longest file that is left, so that all end at about the same time."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(max(self.workqueue, key=self._expected_s), last=False)
        super()._assign_work_unit(node)

    def _expected_s(self, file: str) -> float:
        test_s = BROWSER_TEST_S if file.startswith("tests/browser/") else TEST_S
        return FILES_S.get(file, test_s * len(self.workqueue[file]))
