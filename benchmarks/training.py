"Action targets per second in training, their share of the machine's matrix speed, and where the time goes."

import subprocess
import sys

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from common import in_turn, spread, write
from compressed_ad.config import read_config
from compressed_ad.recording import collect
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.studies import PRESETS
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.trainer import Trainer, as_a_whole, side_by_side

family = DarkRoomFamily()
histories = collect(family, PosteriorSampling(), family.split(8).train, 8, 400, 0, progress=False)
# the shape that the targets are stated for: width 64, four decoder layers; here with a window of 60 tokens
shape = dict(tf_n_embd=64, tf_n_layer=4, tf_n_head=4, decoder_max_seq_length=60, log_every=10**6)
compressed = shape | dict(
    n_latent=8,
    encoder_n_layer=2,
    encoder_n_head=4,
    keep_length=0,
    min_compression_depth=4,
    max_compression_depth=4,
    depth_growth_steps=0,
    min_compress_length=52,
    max_compress_length=52,
    min_uncompressed_length=51,
    max_uncompressed_length=51,
    history_steps=400,
    plans_per_batch=1,
    train_batch_size=16,
)
preset = dict(log_every=10**6, depth_growth_steps=0)
trainers = {
    "AD": Trainer(read_config("ad_dr_quick", **shape, train_batch_size=32), histories, family),
    "CompressedAD": Trainer(read_config("ad_compressed_dr_quick", **compressed), histories, family),
    "AD, laptop preset": Trainer(read_config(PRESETS["AD"], **preset), histories, family),
    "CompressedAD, laptop preset": Trainer(read_config(PRESETS["CompressedAD"], **preset), histories, family),
}


def operators(trainer: Trainer, n_steps: int = 5, n_rows: int = 20) -> list[dict]:
    "The operators that take most of a step's time, with one thread: their share of it, and calls in a step."
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(n_steps):
            trainer.train_step()
    averages = found.key_averages()
    total = sum(row.self_cpu_time_total for row in averages)
    largest = sorted(averages, key=lambda row: -row.self_cpu_time_total)[:n_rows]
    return [
        {
            "operator": row.key,
            "share": round(row.self_cpu_time_total / total, 3),
            "calls": round(row.count / n_steps),
        }
        for row in largest
    ]


def busy(name: str, n_busy: int) -> float:
    "Updates a second beside so many programs that each want a core."
    idle_hands = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n_busy)]
    trainer = trainers[name]
    try:
        with side_by_side(trainer.processes.device) as trainer.in_parts:
            seconds = in_turn({name: trainer.train_step}, rounds=30, warm_up=3)[name]
    finally:
        trainer.in_parts = as_a_whole
        for program in idle_hands:
            program.kill()
    return len(seconds) / sum(seconds)


square = torch.randn(2048, 2048)
device = torch.device("cpu")
result = {}
with side_by_side(device) as in_parts:
    for trainer in trainers.values():
        trainer.in_parts = in_parts
    seconds = in_turn({name: trainer.train_step for name, trainer in trainers.items()}, rounds=15, warm_up=3)
    for trainer in trainers.values():
        trainer.in_parts = as_a_whole
whole = in_turn(
    {"matmul": lambda: square @ square} | {name: trainer.train_step for name, trainer in trainers.items()},
    rounds=15,
    warm_up=3,
)
peak = [2 * 2048**3 / s for s in whole["matmul"]]
result["matmul_peak_flops"] = spread(peak)
for name, trainer in trainers.items():
    targets = trainer.tally.sums[0].sum().item() / trainer.step
    with FlopCounterMode(display=False) as counter:
        trainer.train_step()
    flops = counter.get_total_flops()
    result[name] = {
        "configuration": trainer.config.model_dump(mode="json"),
        "targets_per_step": targets,
        "seconds_per_step": spread(seconds[name]),
        "seconds_per_step_as_a_whole": spread(whole[name]),
        "targets_per_second": spread([targets / s for s in seconds[name]]),
        "share_of_matmul_peak": spread([flops / s / p for s, p in zip(seconds[name], peak)]),
    }
laptop = [name for name in trainers if name.endswith("laptop preset")]
for name in laptop:
    beside = [{n: busy(name, n) for n in (0, 1, 2)} for _ in range(3)]  # in turn
    result[name]["updates_per_second_beside_busy_programs"] = {
        str(n): spread([found[n] for found in beside]) for n in (0, 1, 2)
    }
    result[name]["one_core_busy_share"] = spread([found[1] / found[0] for found in beside])
torch.set_num_threads(1)
for name in laptop:
    result[name]["operators"] = operators(trainers[name])
write("training", result)
