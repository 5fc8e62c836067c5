"""How long it takes until something has been learned, and how fast it is done: results/speed.json.

    python benchmarks/speed.py quick default key_to_door default_key_to_door acting demo training lab_results

Without a name, all of it. Each part replaces its own figures in the file and leaves the others. Nothing else
should run meanwhile.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from common import RESULTS
from compressed_ad.config import read_config
from compressed_ad.evaluation import evaluate
from compressed_ad.files import read_json, write_json
from compressed_ad.models import make_model
from compressed_ad.runs import circumstances

HERE = Path(__file__).parent
RECORD = HERE.parent / "results" / "speed.json"


def studied(name: str) -> dict:
    "The record of one of the studies, done afresh."
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        study = f"{HERE / 'studies' / 'speed.py'}:{name}"
        command = ["cad-study", study, "--folder", folder, "--record", str(record)]
        subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]], check=True)
        return read_json(record)


def values(record: dict, model: str, **where: object) -> tuple[float, list[float]]:
    "The value of all seeds together, and that of each."
    by_seed = {
        row["seed"]: round(row["value"], 4)
        for row in record["rows"]
        if row["model"] == model and where.items() <= row["setting"].items()
    }
    return by_seed.pop("all"), list(by_seed.values())


def seconds(record: dict, model: str) -> list[float]:
    "Training seconds by seed."
    return next(run["train_seconds"] for run in record["runs"] if run["model"] == model)


def returns(record: dict, model: str) -> dict:
    "Seconds of training, and the normalised return of the last ten of fifty episodes."
    mean, per_seed = values(record, model, first_episode=41)
    return {"train_seconds": seconds(record, model), "last10": {"mean": mean, "per_seed": per_seed}}


def quick() -> dict:
    record = studied("quick")
    return {"quick": returns(record, "CompressedAD"), "quick_AD": returns(record, "AD")}


def default() -> dict:
    return {"default": returns(studied("default"), "CompressedAD")}


def doors(name: str) -> dict:
    "Seconds of training, and the doors of the first and the last of eight windows."
    record = studied(name)
    first, last = (values(record, "CompressedAD", first_call=call)[0] for call in (1, 3501))
    return {name: {"train_seconds": seconds(record, "CompressedAD"), "first": first, "last": last}}


def lab_results() -> dict:
    "What the single results of the labs took by the clock, with two runs at a time: from their own seconds."
    took: dict[str, float] = {}
    for path in (HERE.parent / "results" / "labs" / "runs").glob("*/*.json"):
        result = read_json(path)
        seed = path.stem.rpartition("seed")[2]
        took[seed] = took.get(seed, 0) + (result["train_seconds"] or 0) + result["measure_seconds"]
    return {"lab_results_seconds": {"one_seed": round(took["0"] / 2), "all": round(sum(took.values()) / 2)}}


def acting() -> dict:
    "Environment steps a second of 64 streams, untrained: the median of five evaluations, with one thread."
    torch.set_num_threads(1)
    found = {}
    for key, name in (("default", "ad_compressed_dr"), ("quick", "ad_compressed_dr_quick")):
        config = read_config(name)
        family = config.family
        model = make_model(config, family.observation_space, family.action_space, family.actions)
        rounds = [
            evaluate(model, family, config.split.held_out, 8, 25, number, progress=False)
            for number in range(6)
        ]
        found[key] = round(median(64 * one.n_steps / one.seconds for one in rounds[1:]))
    return {"acting_steps_per_second": found}


def demo() -> dict:
    "The demonstration from nothing, but for the installation."
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        program = str(Path(sys.executable).with_name("cad-study"))
        subprocess.run([program, "demo", "--folder", folder], check=True)
        return {"demo_seconds": round(time.perf_counter() - began, 1)}


def training() -> dict:
    "What benchmarks/training.py measured."
    subprocess.run([sys.executable, str(HERE / "training.py")], check=True, stdout=subprocess.DEVNULL)
    found = read_json(RESULTS / "training.json")
    models = ("AD", "CompressedAD")
    return {
        "targets_per_second": {name: found[name]["targets_per_second"]["median"] for name in models},
        "share_of_peak": {name: found[name]["share_of_matmul_peak"]["median"] for name in models},
        "one_core_busy_share": found["CompressedAD, laptop preset"]["one_core_busy_share"]["median"],
    }


PARTS: dict[str, Callable[[], dict]] = {
    "quick": quick,
    "default": default,
    "key_to_door": lambda: doors("key_to_door"),
    "default_key_to_door": lambda: doors("default_key_to_door"),
    "acting": acting,
    "demo": demo,
    "training": training,
    "lab_results": lab_results,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        figures = PARTS[part]()
        record = read_json(RECORD) if RECORD.exists() else {}
        commands = record.get("commands", {})
        commands |= dict.fromkeys(figures, f"python benchmarks/speed.py {part}")
        write_json(RECORD, record | figures | {"commands": commands} | circumstances())
        print(part, figures, flush=True)
