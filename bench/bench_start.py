"""From an empty data folder to pages, the demo's records and its analyses; and the second start."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

CHECKOUT = Path(__file__).resolve().parent.parent
LIMIT_S = 900


def measure() -> list[dict[str, Any]]:
    """Start labdb as `make run` does once its packages are there; wait for the demo's pipeline; start again."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # as root, the server runs as another account
        installation = _Installation(Path(folder) / "data")
        first_page_s, output = installation.start()
        pipeline_s, worker_peak_gb = installation.wait_for_pipeline()
        installation.stop()
        second_page_s, _output = installation.start()
        installation.stop()
    demo_s = float(next(line for line in output if "loaded in" in line).split("loaded in")[1].split()[0])
    return [
        _row("first start to a page, demo loaded", first_page_s, "s", 180),
        _row("second start to a page", second_page_s, "s", 15),
        _row("demo loaded", demo_s, "s", 25),
        _row("demo's analyses on one worker", pipeline_s, "s", 180),
        _row("greatest memory of a worker", worker_peak_gb, "GB", 1.5),
    ]


def _row(what: str, measured: float, unit: str, target: float) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "reference": None, "reference_what": "", "target": target}


class _Installation:
    """One data folder and the `up` that serves it."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {**os.environ, "LABDB_DATA_DIR": str(folder), "PORT": str(self.port), "WORKERS": "1"}
        self.output: list[str] = []

    def start(self) -> tuple[float, list[str]]:
        """Start and return the seconds until a page is answered, and what was printed."""
        self.output = []
        begun = time.monotonic()
        self.process = subprocess.Popen(
            self._manage("up"), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._listen, daemon=True).start()
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - begun > LIMIT_S:
                raise RuntimeError("labdb did not start: " + "".join(self.output[-20:]))
            time.sleep(0.05)
        return time.monotonic() - begun, self.output

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)

    def wait_for_pipeline(self) -> tuple[float, float]:
        """Return seconds from start to end of the demo's pipeline, and the greatest memory of a worker in GB."""
        made = subprocess.run(
            self._manage("token", "bench", "--role", "investigator"),
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        headers = {"Authorization": f"Token {made.stdout.strip()}"}
        address = f"http://127.0.0.1:{self.port}/api/v1/analysis-runs/?task=pipeline"
        request = urllib.request.Request(address, headers=headers)
        peak, deadline = 0, time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            peak = max(peak, self._worker_memory())
            with urllib.request.urlopen(request) as answer:
                run = json.load(answer)["results"][0]
            if run["status"] == "done":
                return _seconds(run["started_at"], run["finished_at"]), peak / 1e9
            if run["status"] in ("failed", "cancelled"):
                raise RuntimeError(f"the pipeline {run['status']}: {run['reason']}")
            time.sleep(0.2)
        raise RuntimeError("the pipeline did not end")

    def _worker_memory(self) -> int:
        sizes = [0]
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "qcluster" in " ".join(child.cmdline()):
                    sizes.append(child.memory_info().rss)
        return max(sizes)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.output.extend(self.process.stdout)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/accounts/login/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    @staticmethod
    def _manage(*words: str) -> list[str]:
        return [sys.executable, str(CHECKOUT / "manage.py"), *words]


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
