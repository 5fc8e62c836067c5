"""Runs that are broken on purpose, and healthy ones: what the doctor must see, and whom it must not accuse.

Passive T-Maze with short corridors and Dark Room with 16 cells, so small that each trains in seconds.
`python patients.py` makes them all and writes what the doctor measures, results/troubleshooting.json.
"""
import shutil
import sys
import tempfile
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from compressed_ad.checkpoints import load_checkpoint
from compressed_ad.compressors import Replace
from compressed_ad.config import Config, make_config, read_config
from compressed_ad.files import write_json
from compressed_ad.registry import see
from compressed_ad.runs import RunFolder, circumstances, train_run

see(Path(__file__).parent)  # or the compressors below would not be found by name

MAZE = {
    "task_family_arguments": {"corridors": list(range(1, 16))}, "history_steps": 100,
    "decoder_max_seq_length": 16, "n_latent": 4, "tf_n_embd": 32, "encoder_n_layer": 1,
    "max_compress_length": 12, "max_uncompressed_length": 11, "max_compression_depth": 5,
    "depth_growth_steps": 30, "train_timesteps": 100, "warmup_steps": 10, "log_every": 5,
    "checkpoint_every": 1000, "evaluation_episodes": 20, "device": "cpu"}
ROOM = {
    "task_family_arguments": {"size": 4, "horizon": 8}, "n_held_out_tasks": 4, "history_steps": 90,
    "decoder_max_seq_length": 12, "n_latent": 4, "tf_n_embd": 32, "tf_n_layer": 2, "encoder_n_layer": 1,
    "keep_length": 0, "min_compress_length": 2, "max_compress_length": 8, "min_uncompressed_length": 7,
    "max_uncompressed_length": 7, "max_compression_depth": 8, "depth_growth_steps": 40,
    "train_batch_size": 16, "train_timesteps": 120, "warmup_steps": 10, "log_every": 5,
    "checkpoint_every": 1000, "evaluate_every": 0, "evaluation_episodes": 20, "device": "cpu"}
SHORT = {"train_timesteps": 60}


class Detached(Replace):
    "No gradient gets through what it writes."
    def write(self, memory, length):
        return super().write(memory, length).detach()


class Copies(Replace):
    "All query tokens are the same, and so all latents are."
    def write(self, memory, length):
        query_tokens = self.encoder.query_tokens.data
        query_tokens[1:] = query_tokens[:1]
        return super().write(memory, length)


def maze(**settings: Any) -> Config:
    "The small T-Maze, with other settings."
    return read_config("lab_t_maze", **(MAZE | settings))


def room(**settings: Any) -> Config:
    "The small Dark Room, with other settings."
    return read_config("ad_compressed_dr_quick", **(ROOM | settings))


def lenient(**settings: Any) -> Config:
    "The small T-Maze as an old checkpoint may say it: it would be refused today."
    return make_config(maze().model_dump() | settings, trained=True)


# trained: name to configuration, and the finding that must not be fine
TRAINED = {
    "compressor that clears": (maze(compressor="cleared", **SHORT), "memory is used"),
    "gradient cut": (maze(compressor="patients:Detached", **SHORT), "gradient into the latents"),
    "latents are copies": (maze(compressor="patients:Copies", **SHORT), "latents differ"),
    "rate too low": (maze(muon_lr=1e-5, lr=1e-5, train_timesteps=30), "distance of the weights"),
    "rate too high": (maze(muon_lr=1.0, lr=0.5, **SHORT), "distance of the weights"),
    "training too short": (maze(train_timesteps=12), "loss"),
    "two tasks": (room(n_training_tasks=2, n_streams=2, train_timesteps=80), "new histories and tasks"),
}
# seen before any training
CONFIGURED = {
    "random source": (room(source="AnnealedOracle", source_arguments={"anneal_fraction": 1e6}),
                      "source improves"),
    "samples end too early": (room(max_compression_depth=1), "samples reach what was learned"),
    "depth 1": (maze(max_compression_depth=1), "depth"),
    "other lengths in acting": (lenient(max_compress_length=10), "segment lengths"),
    "rate never lowered": (maze(final_lr_fraction=1.0), "learning rate at the end"),
    "too large for the machine": (maze(train_batch_size=2**22), "memory of this machine"),
    "too many histories": (maze(n_streams=10**9), "memory of this machine"),
}
HEALTHY = {
    "maze": maze(),
    "maze, seed 1": maze(seed=1),
    "maze, 2 latents": maze(n_latent=2, max_compress_length=14, max_uncompressed_length=13),
    "maze, encoder of 2 layers": maze(encoder_n_layer=2),
    "maze, 3 transitions kept": maze(keep_length=3, min_compress_length=2, max_compress_length=9),
    "room": room(),
    "room, AD": room(model="AD", decoder_max_seq_length=24, train_timesteps=100),
}
SHIPPED = ("t_maze", "gallery", "gallery_ad")  # healthy as well; their logs are not there


def trained(config: Config, folder: Path) -> RunFolder:
    "The run of a configuration, trained."
    run = RunFolder(config, folder)
    train_run(run, progress=False)
    return run


def shipped(name: str, folder: Path) -> RunFolder:
    "A run folder of a model that comes with the package."
    source = Path(str(files("compressed_ad"))) / "models" / f"{name}.safetensors"
    about = load_checkpoint(source)[1]
    run = RunFolder(make_config(about["config"], trained=True).changed(device="cpu"), folder)
    run.claim()
    run.checkpoints.folder.mkdir(parents=True)
    shutil.copy(source, run.checkpoints.path(about["step"]))
    return run


if __name__ == "__main__":
    import torch

    from compressed_ad.doctor import examine

    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as home:
        cases = [(name, config, expected) for name, (config, expected) in CONFIGURED.items()]
        for name, (config, expected) in TRAINED.items():
            cases.append((name, trained(config, Path(home) / name), expected))
        cases += [(name, trained(config, Path(home) / name), None) for name, config in HEALTHY.items()]
        cases += [(f"shipped {name}", shipped(name, Path(home) / name), None) for name in SHIPPED]
        for name, patient, expected in cases:
            about = {"patient": name, "expected": expected}
            rows += [about | asdict(finding) for finding in examine(patient)]
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "results/troubleshooting.json")
    write_json(place, {"rows": rows} | circumstances())
