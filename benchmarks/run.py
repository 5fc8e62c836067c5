"Run every benchmark in a process of its own, then gather their results in results/benchmarks.json."
import json
import subprocess
import sys
from pathlib import Path

here = Path(__file__).parent
names = ("histories", "training", "evaluation", "scale", "labs", "notebooks")
for name in names:
    print(f"--- {name}", flush=True)
    subprocess.run([sys.executable, str(here / f"{name}.py")], check=True)
gathered = {name: json.loads((here / "results" / f"{name}.json").read_text()) for name in names}
(here / "results" / "benchmarks.json").write_text(json.dumps(gathered, indent=1))
print(f"all results: {here / 'results' / 'benchmarks.json'}")
