"Environment steps per second of source algorithms, alone and against a loop over single environments."

import numpy as np

from common import in_turn, spread, write
from compressed_ad.config import read_config
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.evaluation import reference_returns
from compressed_ad.histories import returns_per_episode
from compressed_ad.recording import collect
from compressed_ad.sources.posterior import AnnealedOracle, PosteriorSampling
from compressed_ad.sources.source import make_source
from compressed_ad.sources.tabular import ActorCritic, QLearning

family = DarkRoomFamily()
tasks, n_streams, n_steps = family.split(8).train, 64, 240
sources = {
    "PosteriorSampling": PosteriorSampling(),
    "QLearning": QLearning(),
    "ActorCritic": ActorCritic(),
    "AnnealedOracle": AnnealedOracle(),
}


def single_environments(steps: int = 20_000) -> None:
    "Random actions in one environment, for comparison."
    room, random = family.make(0), np.random.default_rng(0)
    room.reset()
    for action in random.integers(5, size=steps):
        if room.step(action)[3]:
            room.reset()


actions = {
    name: (lambda source=source: collect(family, source, tasks, n_streams, n_steps, 0, progress=False))
    for name, source in sources.items()
}
actions["PosteriorSampling with entropies"] = lambda: collect(
    family, PosteriorSampling(), tasks, n_streams, n_steps, 0, True, progress=False
)
seconds = in_turn(actions | {"random actions, one environment": single_environments}, rounds=5)
steps = {name: len(tasks) * n_streams * n_steps for name in actions} | {
    "random actions, one environment": 20_000
}

# PPO of stable-baselines3, in the set-up of the original, on a single task: it trains a network on the way
original = read_config("ppo_dr")
algorithms = {"PPO": make_source(original.source, original.source_arguments)} | sources
learned = {}


def learn_one_task(name: str) -> None:
    learned[name] = collect(
        family, algorithms[name], tasks[:1], original.n_streams, original.history_steps, 0, progress=False
    )


compared = in_turn({name: (lambda name=name: learn_one_task(name)) for name in algorithms}, rounds=3)
n_transitions = original.n_streams * original.history_steps
best = reference_returns(family, tasks[:1])[1][0]
curves = {
    name: returns_per_episode(histories.rewards, histories.episode_ends).mean(0) / best
    for name, histories in learned.items()
}

write(
    "histories",
    {
        "one_task": {
            "what": f"9x9 Dark Room, one task, {original.n_streams} streams, {original.history_steps} steps",
            "steps_per_second": {
                name: spread([n_transitions / s for s in values]) for name, values in compared.items()
            },
            "normalised_return_in_episode": {
                name: {str(episode): round(float(curve[episode - 1]), 3) for episode in (1, 10, 30, 50)}
                for name, curve in curves.items()
            },
        },
        "what": f"9x9 Dark Room, {len(tasks)} tasks x {n_streams} streams x {n_steps} steps",
        "steps_per_second": {
            name: spread([steps[name] / s for s in values]) for name, values in seconds.items()
        },
    },
)
