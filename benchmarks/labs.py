"Trainings of the labs: one after the other with all cores, against as many as there are cores with one thread each."
import os
import statistics

import torch
from joblib import Parallel, delayed

from common import spread, write
from compressed_ad.config import make_config, read_config
from compressed_ad.tasks.family import make_task_family
from compressed_ad.histories import collect_for
from compressed_ad.training import Trainer

N_STEPS, ROUNDS, CORES = 60, 3, os.cpu_count() or 1


def seconds(name: str, n_threads: int) -> float:
    "Seconds of the first optimiser steps of a lab's model."
    torch.set_num_threads(n_threads)
    config = make_config(read_config(name).model_dump() | {"train_timesteps": N_STEPS, "warmup_steps": 1, "depth_growth_steps": 0})
    trainer = Trainer(config, collect_for(config, False), config.family)
    trainer.run(progress=False)
    return trainer.seconds


result = {"what": f"{N_STEPS} optimiser steps; seconds of one training with {CORES} threads, and of each of {CORES} at a time with one thread; "
                  "ratio: how many times as much is trained in the same time"}
for name in ("lab_t_maze", "lab_large_dark_room", "lab_key_to_door"):
    alone, together = [], []
    for _ in range(ROUNDS):  # in turn: a slow spell of the machine hits both
        alone.append(seconds(name, CORES))
        together.append(statistics.mean(Parallel(CORES)(delayed(seconds)(name, 1) for _ in range(CORES))))
    result[name] = {"alone": spread(alone), "together": spread(together), "ratio": round(CORES * statistics.median(alone) / statistics.median(together), 2)}
write("labs", result)
