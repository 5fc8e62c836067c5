"""Put the trained model of a run into the package: its weights, and beside them the record of its training.

    python tools/ship_model.py runs/gallery

The run must have been evaluated (cad-evaluate). The models of the package are in compressed_ad/models.
"""
import sys
from pathlib import Path

from compressed_ad.config import read_config
from compressed_ad.files import write_json
from compressed_ad.runs import RunFolder, runs_report
from compressed_ad.checkpoints import load_checkpoint, save_checkpoint

folder = Path(sys.argv[1])
run = RunFolder.of(read_config(folder / "config.yaml"), folder / "config.yaml")
path = Path("compressed_ad/models") / f"{folder.name}.safetensors"
path.parent.mkdir(exist_ok=True)
tensors, about = load_checkpoint(run.checkpoints.latest())
weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
save_checkpoint(path, weights, config=about["config"], step=about["step"])
report = runs_report([folder])
[[_, model]] = report["models"].items()
KEYS = ("last10", "n_tasks", "n_streams", "n_episodes", "compressions", "curve", "curve_low", "curve_high",
        "episodes_per_point", "training")
record = {key: model[key] for key in KEYS}
circumstances = {key: report[key] for key in ("processor", "cores", "versions", "date")}
training = {"train_seconds": model["train_seconds"][0], "configuration": about["config"]}
write_json(path.with_suffix(".json"), record | training | circumstances)
print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
