"""Histories larger than memory, and the arithmetic of training.

    python benchmarks/scale.py [--gigabytes 20] [--memory 2] [--width 256]

First: a training that reads a file of so many gigabytes, in a process that may not allocate more than
`--memory` gigabytes, beside one that reads a small file. Then: training steps with 32 and with 16 bits, and
with compiled blocks; on a GPU if there is one, with the most memory that each took.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from common import in_turn, spread, write
from compressed_ad.config import make_config, read_config
from compressed_ad.recording import collect_for, recording_of
from compressed_ad.storage import open_histories, save_parts
from compressed_ad.trainer import Processes, Trainer

CONFIG = read_config("ad_compressed_dr_quick", log_every=10**6)


def compare_files(small: Path, large: Path) -> dict:
    "Milliseconds of reading a batch, and of a step, from two files in turn; memory allocated."
    began = time.perf_counter()
    with open_histories(large):
        verifying = time.perf_counter() - began
    with open_histories(small, verify=False) as few, open_histories(large, verify=False) as many:
        family = recording_of(CONFIG).family
        trainers = {"small file": Trainer(CONFIG, few, family), "large file": Trainer(CONFIG, many, family)}
        counters = dict.fromkeys(trainers, 0)

        def read(name):
            counters[name] += 1
            trainers[name].batches[1_000 + counters[name]]

        reading = in_turn({name: lambda name=name: read(name) for name in trainers}, rounds=200)

        def ten_steps(name):
            # in one go, as in a training: while a step is computed, only its own successor is read
            for _ in range(10):
                trainers[name].train_step()

        steps = in_turn({name: lambda name=name: ten_steps(name) for name in trainers}, rounds=20)
        sizes = {name: len(histories) for name, histories in (("small file", few), ("large file", many))}
    status = dict(
        line.split(":\t")
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        if ":\t" in line
    )

    def milliseconds(seconds, n=1):
        return {name: spread([1000 * value / n for value in values]) for name, values in seconds.items()}

    ratios = [a / b for a, b in zip(steps["large file"], steps["small file"])]
    return {
        "histories": sizes,
        "reading_a_batch_ms": milliseconds(reading),
        "step_ms": milliseconds(steps, 10),
        "large_over_small_step": spread(ratios),
        "seconds_of_verifying_the_large_one": round(verifying, 1),
        "allocated_gigabytes": round(int(status["VmData"].split()[0]) / 2**20, 2),
    }


def larger_than_memory(gigabytes: float, memory: float) -> dict:
    "Make the two files, and compare them in a process whose memory is limited."
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.h5", Path(folder) / "large.h5"
        base = collect_for(CONFIG)
        save_parts([base], small)
        began = time.perf_counter()
        save_parts([base] * max(1, round(gigabytes * 2**30 / small.stat().st_size)), large)
        os.sync()  # what is still being written would be in the way of reading
        print(
            f"wrote {large.stat().st_size / 2**30:.1f} GB in {time.perf_counter() - began:.0f} s", flush=True
        )
        limited = (
            f"ulimit -d {int(memory * 2**20)} && exec {sys.executable} {__file__} --compare {small} {large}"
        )
        done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=True)
        return {
            "gigabytes": round(large.stat().st_size / 2**30, 2),
            "memory_limit_gigabytes": memory,
        } | json.loads(done.stdout.splitlines()[-1])


def arithmetic(width: int) -> dict:
    """Targets per second with each kind of arithmetic, in turn, and how far the loss is from that of 32 bits.

    Every sample goes through four compressions, so that all steps have as many targets.
    """
    processes, histories, family = Processes.launched(), collect_for(CONFIG), recording_of(CONFIG).family
    base = CONFIG.model_dump() | {
        "tf_n_embd": width,
        "min_compression_depth": 4,
        "max_compression_depth": 4,
        "segment_lengths": "random",
        "min_compress_length": CONFIG.max_compress_length,
    }
    kinds = {
        "fp32": {},
        "bf16": {"precision": "bf16"},
        "fp32, compiled": {"compile": True},
        "bf16, compiled": {"precision": "bf16", "compile": True},
    }
    trainers = {
        name: Trainer(make_config(base | changes), histories, family, processes=processes)
        for name, changes in kinds.items()
    }
    on_gpu, memory, losses, compiling = processes.device.type == "cuda", {}, {}, {}
    for name, trainer in trainers.items():
        with torch.no_grad():
            losses[name] = float(trainer.loss(trainer.batches[0]))
        began = time.perf_counter()
        for _ in range(5):  # compiling happens in the first steps
            trainer.train_step()
        compiling[name] = round(time.perf_counter() - began, 1)

    def step(name):
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        trainers[name].train_step()
        if on_gpu:
            torch.cuda.synchronize()
            memory[name] = max(memory.get(name, 0), torch.cuda.max_memory_allocated() / 2**20)

    seconds = in_turn({name: lambda name=name: step(name) for name in kinds}, rounds=20)
    trainer = trainers["fp32"]
    targets = trainer.tally.sums[0].sum().item() / trainer.step
    return {
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "width": width,
        "targets_per_step": targets,
        "targets_per_second": {
            name: spread([targets / value for value in values]) for name, values in seconds.items()
        },
        "over_fp32": {
            name: spread([a / b for a, b in zip(seconds["fp32"], values)])
            for name, values in seconds.items()
            if name != "fp32"
        },
        "seconds_of_first_five_steps": compiling,
        "peak_megabytes": {name: round(value) for name, value in memory.items()},
        "loss_relative_to_fp32": {name: round(loss / losses["fp32"] - 1, 7) for name, loss in losses.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--memory", type=float, default=2)
    parser.add_argument(
        "--width", type=int, default=CONFIG.tf_n_embd, help="of the model whose steps are timed"
    )
    parser.add_argument("--compare", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.compare:
        print(json.dumps(compare_files(*chosen.compare)))
    else:
        write(
            "scale",
            {
                "larger_than_memory": larger_than_memory(chosen.gigabytes, chosen.memory),
                "arithmetic": arithmetic(chosen.width),
            },
        )
