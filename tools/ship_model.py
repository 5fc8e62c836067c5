"""Put the trained model of a run into the package: its weights, and beside them how it was trained.

    python tools/ship_model.py runs/gallery

The run must have been evaluated (cad-evaluate). Models of the package lie in compressed_ad/models.
"""
import sys
from pathlib import Path

from compressed_ad.checkpoints import load_checkpoint, load_model, save_checkpoint
from compressed_ad.files import write_json
from compressed_ad.reports import runs_report
from compressed_ad.runs import read_run

MODELS = Path(__file__).parent.parent / "compressed_ad" / "models"

folder = Path(sys.argv[1])
path = MODELS / f"{folder.name}.safetensors"
tensors, about = load_checkpoint(read_run(folder).checkpoints.latest())
about["config"] |= {"run_folder": "", "histories_file": ""}  # paths of this machine
weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
save_checkpoint(path, weights, **{key: about[key] for key in ("config", "step", "spaces") if key in about})
load_model(path)  # whatever is shipped can be loaded
report = runs_report([folder])
[[_, model]] = report["models"].items()
kept = (model["statistic"], "statistic", "n_tasks", "n_streams", "n_episodes", "compressions", "curve",
        "curve_low", "curve_high", "episodes_per_point", "training")
record = {key: model[key] for key in kept}
record |= {"train_seconds": model["train_seconds"][0], "configuration": about["config"]}
record |= {key: report[key] for key in ("processor", "cores", "versions", "date")}
write_json(path.with_suffix(".json"), record)
print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
