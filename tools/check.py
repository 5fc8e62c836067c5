"""What this machine has for the course, before anything is installed: `make check`. Needs only Python."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ((3, 11), (3, 12), (3, 13))
GIGABYTES = 4  # the environment with a CPU build of torch takes 2.5, runs and caches the rest


def findings() -> list[tuple[bool, str]]:
    "Pairs of whether something is as it should be, and what was found."
    version = sys.version_info[:2]
    names = ", ".join(".".join(map(str, one)) for one in PYTHONS)
    free = shutil.disk_usage(ROOT).free / 1e9
    look = ["sh", str(ROOT / "tools" / "find_chromium.sh"), "--only-look"]
    chromium = subprocess.run(look, capture_output=True)
    return [
        (version in PYTHONS, f"Python {version[0]}.{version[1]} (must be {names})"),
        (shutil.which("make") is not None, "make"),
        (free > GIGABYTES, f"{free:.0f} GB of disk are free ({GIGABYTES} are needed)"),
        ((os.cpu_count() or 1) >= 2, f"{os.cpu_count()} processor cores (2 make every time below true)"),
        (chromium.returncode == 0, "Chromium, for the tests of the pages (without it they are skipped)"),
        ((ROOT / ".venv" / "bin" / "python").exists(), ".venv is there (if not, the first `make` makes it)")]


if __name__ == "__main__":
    for fine, text in findings():
        print("ok     " if fine else "MISSING", text)
    print("\nOn two cores: installing takes 2 to 10 minutes, by the network; make demo 2, make test 15;\n"
          "each lesson runs in less than a minute. No GPU is needed.")
