"""Lab 5: what does a memory hold?

The model of lab 2, looked into: its memory is probed, transplanted, hidden, and watched over a thousand
compressions.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressed_ad.config import Config, read_config
from compressed_ad.evaluation import Value, evaluate
from compressed_ad.insight.interventions import Blindfolded
from compressed_ad.insight.probes import (
    Snapshot, drift, effective_rank, flat_latents, fresh_tasks, probe_class, probe_set, steps_for,
    take_snapshots)
from compressed_ad.insight.retracing import Moment, at_compression, follow
from compressed_ad.insight.rollout import fact_cells
from compressed_ad.models import CompressedAD
from compressed_ad.studies import Entry, Study
from compressed_ad.tasks.family import TaskFamily


def looked_for(moment: Moment) -> np.ndarray:
    "The fact that each agent looks for at a moment, (n,): 0, or 1, the door, with the key in hand."
    holds_key = (moment.observations[:, 2:] == 1).any(-1)  # in a room without a key: never
    return (holds_key & ~moment.ended).astype(int)


@dataclass(frozen=True)
class Diagnosis:
    """What the memory of a trained `CompressedAD` holds, on tasks that are new to it.

    Probes after each of `compressions`, with shuffled labels beside, and for visited cells a probe that is
    told the start alone; effective rank; a transplant after `transplanted` compressions; acting blindfolded,
    from the beginning or after 500 calls; and how far memories have moved after `ages`, in compressions.
    """
    n_tasks: int = 3000
    compressions: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 120)
    transplanted: int = 30
    n_steps: int = 25
    ages: tuple[int, ...] = (20, 50, 100, 200, 500, 1000)
    n_aging: int = 64
    n_blindfolded: int = 256

    def of_run(self, run: Any, model: CompressedAD, config: Config, seed: int, progress: bool) -> list[Value]:
        "All of it."
        family = config.family
        tasks = fresh_tasks(config, self.n_tasks)  # the same ones for all seeds
        return [*self.read_off(model, family, tasks, seed, progress),
                *self.aged(model, family, tasks[:self.n_aging], seed, progress),
                *self.exchanged(model, family, tasks, seed),
                *self.hidden(model, family, tasks[:self.n_blindfolded], seed, progress)]

    def read_off(self, model: CompressedAD, family: TaskFamily, tasks: np.ndarray, seed: int,
                 progress: bool) -> list[Value]:
        "What probes read off the latents after each of `compressions`."
        truth = family.factor_values(tasks)
        values = []
        for snapshot in take_snapshots(model, family, tasks, self.compressions, seed, progress):
            values += self.of_snapshot(snapshot, family, truth, seed)
        return values

    def of_snapshot(self, snapshot: Snapshot, family: TaskFamily, truth: np.ndarray,
                    seed: int) -> list[Value]:
        "What can be read off the latents of one snapshot."
        where = {"compressions": snapshot.number}
        features = flat_latents(snapshot.latents)
        size = int(family.observation_space.nvec[1])
        cells = {**where, "fact": "visited cells"}
        values = []
        for labels in ("true", "shuffled"):
            is_shuffled = labels == "shuffled"
            for factor, fact in enumerate(family.facts):
                known = snapshot.known(factor)
                if known.sum() < len(known) / 4:  # of fewer streams a probe cannot learn
                    continue
                right = np.full(len(truth), np.nan)
                right[known] = probe_class(features[known], truth[known, factor] // size, seed, is_shuffled)
                asked = {**where, "fact": f"row of the {fact}", "labels": labels}
                values.append(Value("probe_accuracy", asked, right))
            area = probe_set(features, snapshot.visited, seed, is_shuffled)
            values.append(Value("probe_area", {**cells, "labels": labels}, area))
        told = np.eye(snapshot.visited.shape[1])[snapshot.starts]
        area = probe_set(told, snapshot.visited, seed)
        values.append(Value("probe_area", {**cells, "told": "start only", "labels": "true"}, area))
        return [*values, Value("effective_rank", where, np.array([effective_rank(features)]))]

    def aged(self, model: CompressedAD, family: TaskFamily, tasks: np.ndarray, seed: int,
             progress: bool) -> list[Value]:
        "How far each memory has moved since the first of `ages`."
        first, *later = take_snapshots(model, family, tasks, self.ages, seed, progress)
        return [Value("drift", {"compressions": then.number}, drift(first, then)) for then in later]

    def exchanged(self, model: CompressedAD, family: TaskFamily, tasks: np.ndarray, seed: int) -> list[Value]:
        "Where agents go with their own latents, and with those of the agent before them."
        moment = at_compression(model, family, tasks, self.transplanted, seed)
        cells = np.stack(list(fact_cells(family, tasks).values()))  # (n_facts, n, 2)
        sought = looked_for(moment)
        agents = np.arange(len(tasks))
        values = []
        for latents, shift in (("own", 0), ("another's", 1)):
            paths = follow(model, moment, self.n_steps, moment.memory.latents.roll(shift, 0), seed)
            for cell, donor in (("own", agents), ("another's", np.roll(agents, 1))):
                came = paths.reached(cells[sought, donor])
                values.append(Value("visited", {"latents": latents, "cell": cell}, came.astype(float)))
        return values

    def hidden(self, model: CompressedAD, family: TaskFamily, tasks: np.ndarray, seed: int,
               progress: bool) -> list[Value]:
        "How agents do that cannot read their memory."
        agents = {"open": model, "blindfolded": Blindfolded(model),
                  "blindfolded later": Blindfolded(model, after=500 // steps_for(model, 1))}
        values = []
        for eyes, agent in agents.items():
            acted = evaluate(agent, family, tasks, 1, 2, seed, progress=progress, window=500)
            values += [Value("normalised_return", {"eyes": eyes, "first_call": first}, share)
                       for first, share in zip((1, 501), acted.normalised[:, 0].T)]
        return values


def study() -> Study:
    "One model, and all that is asked of it."
    config = read_config("lab_key_to_door")
    return Study("what_memory_holds", [Entry("KeyToDoor", "CompressedAD", config, [Diagnosis()])])
