"Time and memory per step at 100, 1,000 and 10,000 steps, with the cache and re-running the window."

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from common import in_turn, spread, write
from compressed_ad.config import read_config
from compressed_ad.embedding import Transitions
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.recording import collect
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.memory import ContextMemory
from compressed_ad.models import make_model

N_STREAMS, LENGTHS = 64, (100, 1_000, 10_000)
family = DarkRoomFamily()
rows = collect(family, PosteriorSampling(), np.arange(1), N_STREAMS, 400, 0, progress=False)
steps = Transitions.of(rows.read(np.arange(N_STREAMS), np.zeros(N_STREAMS, int), 400))


class Stream:
    "A model that reads a history step by step, answering every query."

    def __init__(self, model, cached: bool = True):
        self.model, self.cached, self.memory, self.step = model, cached, model.start(N_STREAMS), 0

    def advance(self, n_steps: int, ask: bool = True) -> None:
        "Read `n_steps` transitions; with `ask`, decide before each."
        for _ in range(n_steps):
            now = steps[:, self.step % 400][:, None]
            if not self.cached:
                self.memory = replace(self.memory, cache=None)
            if ask:
                _, self.memory = self.model.predict(self.memory, now.observations[:, 0])
            self.memory = self.model.observe(self.memory, now)
            self.step += 1

    def one_cycle(self, n_steps: int) -> Callable[[], None]:
        "An action that reads `n_steps` from here, and from here again each time it is called."
        memory, step = self.memory, self.step

        def run() -> None:
            self.memory, self.step = replace(memory, cache=None), step
            self.advance(n_steps)

        return run


def size(memory: ContextMemory) -> int:
    "Bytes that a memory holds on to."
    tensors = [memory.recent, memory.latents] + (
        [] if memory.cache is None else memory.cache.keys + memory.cache.values
    )
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors if tensor is not None)


result = {"what": f"{N_STREAMS} streams in one batch; seconds per step of all, over whole compression cycles"}
for name in ("ad_compressed_dr_quick", "ad_compressed_dr"):
    config = read_config(name)
    torch.manual_seed(0)
    model = make_model(config, family.observation_space, family.action_space).eval()
    cycle = config.max_recent_length + 1 - config.keep_length  # steps from one compression to the next
    streams = {str(length): Stream(model) for length in LENGTHS} | {
        "window re-run at each step": Stream(model, cached=False)
    }
    for length in LENGTHS:
        streams[str(length)].advance(length // cycle * cycle, ask=False)
    bytes_held = {}
    for length in LENGTHS:
        streams[str(length)].advance(cycle - 1)
        bytes_held[str(length)] = size(streams[str(length)].memory)
        streams[str(length)].advance(1)
    seconds = in_turn({key: stream.one_cycle(cycle) for key, stream in streams.items()}, rounds=15, warm_up=2)
    per_step = {key: [s / cycle for s in values] for key, values in seconds.items()}

    def ratio(a, b):
        return spread([x / y for x, y in zip(per_step[a], per_step[b])])

    result[name] = {
        "configuration": config.model_dump(mode="json"),
        "bytes_held": bytes_held,
        "seconds_per_step": {key: spread(values) for key, values in per_step.items()},
        "time_at_10000_over_1000": ratio("10000", "1000"),
        "re_run_over_cached": ratio("window re-run at each step", "10000"),
    }
write("evaluation", result)
