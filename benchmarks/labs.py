"Trainings of the labs: one after the other with all cores, against one on each core."

import os
import statistics

import torch
from joblib import Parallel, delayed

from common import spread, write
from compressed_ad.config import read_config
from compressed_ad.recording import collect_for
from compressed_ad.trainer import Trainer

N_STEPS = 60
ROUNDS = 3
CORES = os.cpu_count() or 1


def seconds(name: str, n_threads: int) -> float:
    "Seconds of the first optimiser steps of a lab's model."
    torch.set_num_threads(n_threads)
    config = read_config(name, train_timesteps=N_STEPS, warmup_steps=1, depth_growth_steps=0)
    trainer = Trainer(config, collect_for(config, False), config.family)
    trainer.run(progress=False)
    return trainer.seconds


result = {
    "what": f"{N_STEPS} updates; seconds of one training with {CORES} threads, and of each of {CORES} "
    "at a time with one thread; ratio: how many times as much is trained in the same time"
}
for name in ("lab_t_maze", "lab_large_dark_room", "lab_key_to_door"):
    alone = []
    together = []
    for _ in range(ROUNDS):  # in turn: a slow spell of the machine hits both
        alone.append(seconds(name, CORES))
        together.append(statistics.mean(Parallel(CORES)(delayed(seconds)(name, 1) for _ in range(CORES))))
    ratio = CORES * statistics.median(alone) / statistics.median(together)
    result[name] = {"alone": spread(alone), "together": spread(together), "ratio": round(ratio, 2)}
write("labs", result)
