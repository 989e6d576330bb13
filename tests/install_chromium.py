"""Install Debian's Chromium for the browser tests when it is missing and this account may; else say so."""

import os
import shutil
import subprocess
import sys


def main() -> int:
    """Try; browser tests skip with a reason where there is none."""
    if shutil.which("chromium") or not shutil.which("apt-get"):
        return 0
    if os.geteuid() != 0:
        sys.stderr.write("Browser tests need Chromium: `sudo apt-get install chromium`; they are skipped without it.\n")
        return 0
    sys.stdout.write("Installing Chromium for the browser tests ...\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(f"Chromium could not be installed: {done.stderr.strip()[-300:]}\n")
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
