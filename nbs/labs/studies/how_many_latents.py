"""Lab 4: which settings of a memory matter?

The model of lab 2, with one setting changed at a time. All trainings take about the same time, and are done
with seed 0. The first entry has nothing changed. Its model is also measured with the literal keep rule: as
many transitions are kept as fit beside the latents. Then every step compresses one.

Then 8 and 60 latents by each optimiser, with more updates, and a look inside: what reaches the encoder, how
far it has moved, and what its latents are like.
"""
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from compressed_ad.checkpoints import load_checkpoint
from compressed_ad.config import Config, read_config
from compressed_ad.evaluation import Value
from compressed_ad.insight.probes import effective_rank, flat_latents, fresh_tasks, take_snapshots
from compressed_ad.models import CompressedAD, make_model
from compressed_ad.studies import Entry, Measurement, Study

# value: updates in the time that the standard takes for 450
LATENTS = {1: 525, 2: 520, 4: 500, 16: 400, 60: 215}
ENCODER_LAYERS = {1: 555, 3: 400, 6: 280}
DEPTH = {1: 1240, 2: 860, 3: 655, 6: 530}  # most compressions in training
ADAMW = {"optimizer": "adamw", "lr": 0.002, "schedule": "cosine", "warmup_steps": 60}  # as it was before Muon


@dataclass(frozen=True)
class Inside:
    """What reaches the encoder and what it has become.

    `latent_gradient`: of the loss, by cycle of compression, in each third of the training log. `moved`: how
    far the matrices of encoder and decoder have gone from where they began, over their size there. `alike`:
    the mean cosine of two latents of one memory. `effective_rank`: directions in which memories differ, over
    `n_tasks` agents after `compressions`.
    """
    n_tasks: int = 512
    compressions: int = 8

    def of_run(self, run: Any, model: CompressedAD, config: Config, seed: int, progress: bool) -> list[Value]:
        "All of it, one number each."
        log = load_checkpoint(run.checkpoints.latest())[1]["log"]
        family = config.family
        tasks = fresh_tasks(config, self.n_tasks)
        snapshot, = take_snapshots(model, family, tasks, [self.compressions], seed)
        latents = snapshot.latents / np.linalg.norm(snapshot.latents, axis=-1, keepdims=True)
        cosines = np.einsum("nld,nkd->nlk", latents, latents)
        n = cosines.shape[1]
        alike = (cosines.sum((1, 2)) - n) / (n * (n - 1))
        where = {"compressions": self.compressions}
        values = [Value("alike", where, np.array([alike.mean()])),
                  Value("effective_rank", where, np.array([effective_rank(flat_latents(snapshot.latents))]))]
        values += gradients([line for line in log if "loss" in line])
        start = make_model(config, family.observation_space, family.action_space, family.actions)
        for part in ("encoder", "decoder"):
            pairs = zip(getattr(start, part).blocks.parameters(), getattr(model, part).blocks.parameters())
            before, after = zip(*((a.detach(), b.detach().cpu()) for a, b in pairs if a.ndim == 2))
            size = torch.cat([one.flatten() for one in before]).norm()
            gone = torch.cat([(b - a).flatten() for a, b in zip(before, after)]).norm()
            values.append(Value("moved", {"part": part}, np.array([float(gone / size)])))
        return values


def gradients(lines: list[dict[str, Any]]) -> Iterable[Value]:
    "The gradient into the latents of each cycle, in each third of a log."
    for name, third in zip(("first", "second", "last"), np.array_split(np.arange(len(lines)), 3)):
        rows = [lines[i]["latent_gradient_by_cycle"] for i in third]
        for cycle in range(max(map(len, rows))):
            found = [row[cycle] for row in rows if len(row) > cycle and row[cycle] is not None]
            if found:
                where = {"third": name, "cycle": cycle + 1}
                yield Value("latent_gradient", where, np.array([np.mean(found)]))


def study() -> Study:
    "The standard, and what differs from it in one setting."
    standard = read_config("lab_key_to_door")
    room = standard.max_recent_length
    doors = Measurement("doors_per_500", window=500, n_episodes=4)
    literal = Measurement("doors_per_500", {"kept": room}, window=500, n_episodes=2, keep_length=room)
    entries = [Entry("KeyToDoor", "CompressedAD", standard, [doors, literal], seeds=(0,))]

    def add(setting, updates, *more, **changes):
        config = standard.changed(train_timesteps=updates, **changes)
        entries.append(Entry("KeyToDoor", "CompressedAD", config, [doors, *more], setting, seeds=(0,)))

    for n, updates in LATENTS.items():
        add({"latents": n}, updates, n_latent=n, decoder_max_seq_length=room + n + 1)
    for n, updates in ENCODER_LAYERS.items():
        add({"encoder_layers": n}, updates, encoder_n_layer=n)
    for n, updates in DEPTH.items():
        add({"depth": n}, updates, max_compression_depth=n, min_compression_depth=min(n, 3))
    add({"segments": "random"}, 505, segment_lengths="random")
    add({"segments": "fixed"}, 450, min_compress_length=room + 1)
    add({"kept": 8}, 470, keep_length=8, max_compress_length=room + 1 - 8, max_compression_depth=10)
    for n, optimizer, updates, changes in (
            (8, "muon", 450, {}), (60, "muon", 450, {}),
            (8, "adamw", 450, ADAMW), (60, "adamw", 450, ADAMW), (60, "adamw", 900, ADAMW)):
        setting = {"optimizer": optimizer, "of_latents": n, "updates": updates}
        add(setting, updates, Inside(), n_latent=n, decoder_max_seq_length=room + n + 1, **changes)
    return Study("how_many_latents", entries)
