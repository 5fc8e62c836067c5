"""Lab 6: does pre-training of the encoder help?

9x9 Dark Room with and without it, the same time in total. A quarter of it goes to pre-training, where there
is any.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressed_ad.checkpoints import load_model
from compressed_ad.config import Config, read_config
from compressed_ad.evaluation import Value, evaluate
from compressed_ad.insight.probes import flat_latents, probe_class, take_snapshots
from compressed_ad.models import CompressedAD, InContextModel
from compressed_ad.studies import Entry, Measurement, Study

# what is reconstructed: updates before, and updates of the training proper
UPDATES = {"none": (0, 300), "mean": (220, 225), "fields": (125, 225)}


@dataclass(frozen=True)
class LearningCurve:
    """How a model came to act as it does: its return on some training tasks at every checkpoint kept.

    The mean of the last `last` of `n_episodes` episodes, under the setting `step`. It costs no training time.
    """
    n_tasks: int = 16
    n_streams: int = 2
    n_episodes: int = 15
    last: int = 5

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "One value for each checkpoint."
        family = config.family
        train = config.split.train
        tasks = np.random.default_rng(seed).choice(train, min(self.n_tasks, len(train)), replace=False)
        values = []
        for step in run.checkpoints.steps():
            then, _ = load_model(run.checkpoints.path(step))
            acted = evaluate(then, family, tasks, self.n_streams, self.n_episodes, seed, progress=False)
            last = acted.normalised[..., -self.last:].mean((1, 2))
            values.append(Value("normalised_return", {"tasks": "training", "step": step}, last))
        return values


@dataclass(frozen=True)
class GoalProbe:
    """How well a linear probe reads the row of a room's goal off the latents, after each of `compressions`.

    The probe is fitted on streams of training tasks and asked about held-out ones, with shuffled labels
    beside. Only streams that have found their goal count; for a held-out task without any there is no value.
    """
    compressions: tuple[int, ...] = (2, 4, 8, 12)
    n_streams: int = 16

    def of_run(self, run: Any, model: CompressedAD, config: Config, seed: int, progress: bool) -> list[Value]:
        "One value for each number of compressions and kind of labels."
        family = config.family
        held_out = config.split.held_out
        tasks = np.concatenate([config.split.train, held_out]).repeat(self.n_streams)
        rows = family.factor_values(tasks)[:, 0] // int(family.observation_space.nvec[1])
        is_new = np.isin(tasks, held_out)
        values = []
        for snapshot in take_snapshots(model, family, tasks, self.compressions, seed, progress):
            known = snapshot.known(0)
            features = flat_latents(snapshot.latents)[known]
            seen = ~is_new[known]
            for labels in ("true", "shuffled"):
                right = np.full(len(tasks), np.nan)
                right[known] = probe_class(features, rows[known], seed, labels == "shuffled", seen)
                where = {"compressions": snapshot.number, "fact": "row of the goal", "labels": labels}
                values.append(Value("probe_accuracy", where, mean_by_task(right, tasks, held_out)))
        return values


def mean_by_task(right: np.ndarray, tasks: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    "The mean of `right` (n,) over the streams of each of the `wanted` tasks; NaN for a task that has none."
    found = [right[(tasks == task) & np.isfinite(right)] for task in wanted]
    return np.array([part.mean() if len(part) else np.nan for part in found])


def study() -> Study:
    "One model, begun in three ways."
    base = read_config("ad_compressed_dr_quick").changed(
        evaluate_every=0, checkpoint_every=25, keep_checkpoints=100)
    acting = Measurement("normalised_return", n_streams=8, n_episodes=50, block=10)
    entries = []
    for kind, (before, after) in UPDATES.items():
        pretraining = {"pretraining": kind, "pretraining_steps": before} if before else {}
        config = base.changed(train_timesteps=after, **pretraining)
        entries.append(Entry("DarkRoom", "CompressedAD", config, [acting, LearningCurve(), GoalProbe()],
                             {"pretraining": kind}))
    return Study("does_pretraining_help", entries)
