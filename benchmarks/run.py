"Run every benchmark in a process of its own, then gather their results in results/benchmarks.json."

import subprocess
import sys
from pathlib import Path

from compressed_ad.files import read_json, write_json

here = Path(__file__).parent
names = ("histories", "training", "evaluation", "scale", "labs", "notebooks")
for name in names:
    print(f"--- {name}", flush=True)
    subprocess.run([sys.executable, str(here / f"{name}.py")], check=True)
gathered = {name: read_json(here / "results" / f"{name}.json") for name in names}
write_json(here / "results" / "benchmarks.json", gathered)
print(f"all results: {here / 'results' / 'benchmarks.json'}")
