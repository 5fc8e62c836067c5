"Environment steps per second while a source algorithm learns, alone and against a loop over single environments."
import numpy as np

from common import in_turn, spread, write
from compressed_ad.environments import DarkRoomFamily
from compressed_ad.histories import ActorCritic, AnnealedOracle, PosteriorSampling, QLearning, collect

family = DarkRoomFamily()
tasks, n_streams, n_steps = family.split(8).train, 64, 240
sources = {"PosteriorSampling": PosteriorSampling(), "QLearning": QLearning(), "ActorCritic": ActorCritic(),
           "AnnealedOracle": AnnealedOracle()}


def single_environments(steps: int = 20_000) -> None:
    "Random actions in one environment, for comparison."
    room, random = family.make(0), np.random.default_rng(0)
    room.reset()
    for action in random.integers(5, size=steps):
        if room.step(action)[3]:
            room.reset()


actions = {name: (lambda source=source: collect(family, source, tasks, n_streams, n_steps, 0, progress=False))
           for name, source in sources.items()}
actions["PosteriorSampling with entropies"] = lambda: collect(family, PosteriorSampling(), tasks, n_streams, n_steps, 0, True, progress=False)
seconds = in_turn(actions | {"random actions, one environment": single_environments}, rounds=5)
steps = {name: len(tasks) * n_streams * n_steps for name in actions} | {"random actions, one environment": 20_000}
write("histories", {"what": f"9x9 Dark Room, {len(tasks)} tasks x {n_streams} streams x {n_steps} steps",
                    "steps_per_second": {name: spread([steps[name] / s for s in values]) for name, values in seconds.items()}})
