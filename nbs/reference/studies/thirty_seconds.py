"""From three minutes to thirty seconds: what makes in-context learning appear after fewer updates.

9x9 Dark Room. First a ladder: from AdamW to the laptop preset, one change a rung. Then the preset with fewer
updates, and one thing changed at a time. All runs hold out the same eight goals, which are not those that the
results are measured on: what is chosen was chosen without those.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compressed_ad.checkpoints import load_checkpoint, load_model
from compressed_ad.config import Config, read_config
from compressed_ad.dataset import Plan
from compressed_ad.evaluation import Value
from compressed_ad.models import CompressedAD, InContextModel
from compressed_ad.studies import Entry, Measurement, Study

UPDATES = 200  # of a trial
ACTING = Measurement("normalised_return", n_streams=8, n_episodes=50, block=10)


@dataclass(frozen=True)
class LossLeft:
    "How far the loss of the last `n_lines` of the training log is above the source's entropy, in nats."
    n_lines: int = 2

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "One value."
        lines = [line for line in load_checkpoint(run.checkpoints.latest())[1]["log"] if "loss" in line]
        left = np.mean([line["loss"] - line["source_entropy"] for line in lines[-self.n_lines:]])
        return [Value("loss_left", {}, np.array([left]))]


@dataclass(frozen=True)
class Averaged:
    "How a model acts whose weights are the mean of the last `n` checkpoints."
    n: int = 5

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "The values of `ACTING`, under the setting `averaged`."
        models = [load_model(run.checkpoints.path(step))[0] for step in run.checkpoints.steps()[-self.n:]]
        with torch.no_grad():
            for weight, *others in zip(*(each.parameters() for each in models)):
                weight.copy_(torch.stack([weight, *others]).mean(0))
        return [Value(value.metric, {**value.setting, "averaged": self.n}, value.per_task)
                for value in ACTING.of_run(run, models[0], config, seed, False)]


class Scaled(CompressedAD):
    "All matrices inside the blocks are drawn at half their scale."
    factor = 0.5

    def __init__(self, *arguments):
        super().__init__(*arguments)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if ".blocks." in name and weight.ndim == 2:
                    weight *= self.factor


class ScaledUp(Scaled):
    "All matrices inside the blocks are drawn at twice their scale."
    factor = 2.0


class SquaredReLU(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.relu().square()


class SquaredNetworks(CompressedAD):
    "The networks of the blocks with the square of a ReLU between their layers."
    def __init__(self, *arguments):
        super().__init__(*arguments)
        for block in (*self.encoder.blocks, *self.decoder.blocks):
            block.network[1] = SquaredReLU()


class GrowingPlans(CompressedAD):
    "Segments grow from a quarter of their length in the first 100 updates."
    @classmethod
    def draw_plan(cls, config: Config, random: np.random.Generator, step: int | None = None) -> Plan:
        plan = super().draw_plan(config, random, step)
        share = 1.0 if step is None else min(1.0, 0.25 + 0.75 * step / 100)
        segments = tuple(max(2, round(length * share)) for length in plan.segments)
        shorter = sum(plan.segments) - sum(segments)
        return Plan(segments, plan.n_transitions - shorter, plan.burn_in)


def preset(**settings: Any) -> Config:
    "The laptop preset with goals of its own."
    return read_config("ad_compressed_dr_quick", **{"split_seed": 3, "evaluate_every": 0} | settings)


# what each rung adds, and what the preset was without it; from the top of the ladder down
RUNGS = (
    ("depth that grows", {"depth_growth_steps": 0}),
    ("half the batch, three layers", {"train_batch_size": 16, "tf_n_layer": 4}),
    ("queries and keys normalised, outputs zero at first", {"qk_norm": False, "zero_outputs": False}),
    ("straight line, faster AdamW", {"schedule": "cosine", "lr": 0.003, "warmup_steps": 60}),
    ("Muon", {"optimizer": "adamw"}))
# updates that each rung is tried with, from AdamW up
TRIED = ((400, 600, 750), (200, 300, 400), (150, 200, 300), (120, 160, 200), (160, 200, 240), (180, 240, 300))

CHANGED = {
    "AdamW alone": {"optimizer": "adamw", "lr": 0.003},
    "Muon at half the rate": {"muon_lr": 0.005},
    "Muon at twice the rate": {"muon_lr": 0.02},
    "AdamW part at half the rate": {"lr": 0.003},
    "AdamW part at twice the rate": {"lr": 0.012},
    "cosine": {"schedule": "cosine"},
    "constant, then a line over the last half": {"decay_fraction": 0.5},
    "no warm-up": {"warmup_steps": 0},
    "lengths of queries and keys left": {"qk_norm": False},
    "output weights drawn like the others": {"zero_outputs": False},
    "half of the initial scale": {"model": "thirty_seconds:Scaled"},
    "twice the initial scale": {"model": "thirty_seconds:ScaledUp"},
    "squared ReLU": {"model": "thirty_seconds:SquaredNetworks"},
    "half the batch, twice the updates": {"train_batch_size": 4, "train_timesteps": 2 * UPDATES},
    "twice the batch, half the updates": {
        "train_batch_size": 16, "train_timesteps": UPDATES // 2, "depth_growth_steps": 40},
    "eight plans a batch": {"plans_per_batch": 8},
    "all depths from the start": {"depth_growth_steps": 0},
    "segments that grow": {"model": "thirty_seconds:GrowingPlans"},
    "nothing kept by a compression": {
        "keep_length": 0, "max_compress_length": 52, "min_uncompressed_length": 51,
        "max_uncompressed_length": 51, "max_compression_depth": 4},
    "four decoder layers": {"tf_n_layer": 4},
    "two decoder layers": {"tf_n_layer": 2},
    "one encoder layer": {"encoder_n_layer": 1},
    "four heads": {"tf_n_head": 4, "encoder_n_head": 4},
    "one head": {"tf_n_head": 1, "encoder_n_head": 1},
    "weight decay 0.1": {"weight_decay": 0.1},
    "a tenth of the actions random": {"action_noise": 0.1}}


def ladder() -> Study:
    "From AdamW to the preset, each rung with several numbers of updates."
    entries = []
    names = ("AdamW", *(name for name, _ in reversed(RUNGS)))
    for rung, name in enumerate(names):
        missing = RUNGS[:len(RUNGS) - rung]  # what is not there yet on this rung
        settings = {key: value for _, before in missing for key, value in before.items()}
        for updates in TRIED[rung]:
            growth = {} if missing else {"depth_growth_steps": 2 * updates // 5}
            config = preset(**settings, **growth, train_timesteps=updates)
            setting = {"rung": rung, "adds": name, "updates": updates}
            entries.append(Entry("DarkRoom", "CompressedAD", config, [ACTING, LossLeft()], setting))
    return Study("thirty_seconds_ladder", entries)


def study() -> Study:
    "The preset with fewer updates, and what differs from it in one thing."
    base = preset(train_timesteps=UPDATES, depth_growth_steps=2 * UPDATES // 5, checkpoint_every=10,
                  keep_checkpoints=20)
    entries = [Entry("DarkRoom", "CompressedAD", base, [ACTING, LossLeft(), Averaged(3), Averaged(6)])]
    for name, settings in CHANGED.items():
        config = base.changed(**settings)
        entries.append(Entry("DarkRoom", "CompressedAD", config, [ACTING, LossLeft()], {"changed": name}))
    return Study("thirty_seconds", entries)
