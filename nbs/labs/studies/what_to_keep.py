"""Lab 7: what to keep, when, and how coarsely?

All compressors with equally many latents, on the same histories, trained for about the same time, where it
could matter: where pairs must be recalled, and where a key and a door, or a goal, move. Then where it should
not matter: Repeat First and T-Maze. Beside them the controls of the other labs, and what the best choice
would be worth.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from compressed_ad.comparisons import controls
from compressed_ad.config import Config, read_config
from compressed_ad.dataset import read_samples
from compressed_ad.embedding import Transitions
from compressed_ad.evaluation import Value, evaluate, evaluate_source
from compressed_ad.insight.rollout import Rollout, record_rollout
from compressed_ad.memories.selective import information
from compressed_ad.models import InContextModel
from compressed_ad.recording import collect
from compressed_ad.sources.source import FIELDS, make_source
from compressed_ad.studies import YARDSTICKS, Entry, Measurement, Study, acting_with
from compressed_ad.tasks.family import TaskFamily, make_task_family
from compressed_ad.tasks.moving import rewards_per_layout

NEVER = 1_000_000  # calls until a change
LAYOUT = 500  # calls in each layout, when it is measured
# With these updates all train about as long as `replace`: they were timed in turn, in one run.
OF_DOORS = {"replace": 700, "gated": 685, "nested": 696, "levels": 681, "selective": 670,
            "adaptive": 774}
OF_PAIRS = {"replace": 500, "gated": 485, "nested": 486, "levels": 470, "selective": 493,
            "adaptive": 451}
OF_SYMBOLS = {"replace": 400, "gated": 383, "nested": 408, "levels": 364, "selective": 373,
              "adaptive": 370}
OF_MAZE = {"replace": 150, "gated": 145, "nested": 153, "levels": 138, "selective": 144,
           "adaptive": 124}
OF_GOALS = {"replace": 500, "gated": 490, "nested": 485, "levels": 476, "selective": 482,
            "adaptive": 490}
OF_GOALS_KEPT = 400
CONTROLS_OF_DOORS = {
    "memory_cleared": {"train_timesteps": 962}, "AD": {"train_timesteps": 1141},
    "AD_equal_bytes": {"train_timesteps": 1073}, "AD_full_context": {"train_timesteps": 524},
    "GRU": {"train_timesteps": 785}}
CONTROLS_OF_GOALS = {
    "memory_cleared": {"train_timesteps": 704}, "AD": {"train_timesteps": 940},
    "AD_equal_bytes": {"train_timesteps": 915}, "AD_full_context": {"train_timesteps": 480},
    "GRU": {"train_timesteps": 475}}
CONTROLS_OF_PAIRS = {
    "memory_cleared": {"train_timesteps": 736}, "AD": {"train_timesteps": 1297},
    "AD_equal_bytes": {"train_timesteps": 1304}, "AD_full_context": {"train_timesteps": 1044},
    "GRU": {"train_timesteps": 1071}}
PAIRS = (2, 4, 8, 12, 16)
# other rules of an adaptive compressor, for the same trained model
WHENS = ({"when": "fixed", "cut": 1}, {"when": "fixed", "cut": 2}, {"when": "fixed", "cut": 3},
         {"when": "random"}, {"when": "event"}, {"when": "surprise"})
BUDGETS = {2: 500, 8: 678}  # raw transitions among the 8 tokens: updates
RULES = {"random": 493, "newest": 493, "rewarded": 493, "attention": 460, "information": 454}


@dataclass(frozen=True)
class Layouts:
    """Doors in 500 calls of each of the first layouts, which last 500 calls each, on held-out tasks.

    `acting` sets attributes of the compressor.
    """
    trained_on_changes: bool
    n_layouts: int = 8
    n_tasks: int = 256
    acting: Mapping[str, Any] = field(default_factory=dict)
    # without a type: no settings, but what belongs to this kind of measurement
    n_streams = 1
    metric = "doors_per_500"

    def family(self, config: Config) -> tuple[TaskFamily, np.ndarray]:
        "The family whose layouts last so long, and its tasks."
        arguments = {**config.task_family_arguments, "change_every": LAYOUT}
        return make_task_family(config.task_family, arguments), config.split.held_out[:self.n_tasks]

    @property
    def n_steps(self) -> int:
        "Steps in which every life leaves the last layout."
        return (self.n_layouts + 1) * LAYOUT

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "What a trained model gets."
        family, tasks = self.family(config)
        told = []

        def note(step, transitions, memory):
            told.append((transitions.rewards[:, 0].numpy(), transitions.episode_ends[:, 0].numpy()))
            return memory
        acting = acting_with(model, self.acting) if self.acting else model
        steps = self.n_layouts * LAYOUT + family.horizon + 1
        evaluate(acting, family, tasks, self.n_streams, 1, seed, False, progress, "layouts", steps, note)
        rewards, ends = (np.stack(values, 1) for values in zip(*told))
        return self.values(rewards, ends)

    def of_yardstick(self, name: str, config: Config, seed: int) -> list[Value]:
        "What the source gets, or the oracle."
        family, tasks = self.family(config)
        if name == "oracle":
            best = LAYOUT * family.oracle_reward_rate(tasks)
            return self._told(np.repeat(best[:, None], self.n_layouts, 1))
        source = make_source(config.source, config.source_arguments)
        lives = collect(family, source, tasks, self.n_streams, self.n_steps, seed, progress=False)
        return self.values(lives.rewards, lives.episode_ends)

    def values(self, rewards: np.ndarray, ends: np.ndarray) -> list[Value]:
        "One value for each layout, and their mean."
        paid = rewards_per_layout(rewards, ends, LAYOUT, self.n_layouts)
        return self._told(np.nanmean(paid.reshape(-1, self.n_streams, self.n_layouts), 1))

    def _told(self, paid: np.ndarray) -> list[Value]:
        own = {"trained_on_changes": self.trained_on_changes, **self.acting}
        values = [Value(self.metric, {"layout": 1 + number, **own}, column)
                  for number, column in enumerate(paid.T)]
        return [*values, Value(f"mean_{self.metric}", {"layouts": f"2 to {self.n_layouts}", **own},
                               np.nanmean(paid[:, 1:], 1))]


@dataclass(frozen=True)
class Goals(Layouts):
    "Reward in 500 steps with each of the first goals, which stay for 500 steps each, on held-out tasks."
    n_streams: int = 8
    metric = "reward_per_500"


@dataclass(frozen=True)
class Recall:
    "The share of right answers by the number of pairs, in four episodes on held-out tasks."
    acting: Mapping[str, Any] = field(default_factory=dict)

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "What a trained model answers."
        acting = acting_with(model, self.acting) if self.acting else model
        acted = evaluate(acting, config.family, config.split.held_out, 1, 4, seed, True, progress, "recall")
        return self.values(config, acted.normalised.mean((1, 2)))

    def of_yardstick(self, name: str, config: Config, seed: int) -> list[Value]:
        "What the source answers, or the oracle."
        tasks = config.split.held_out
        if name == "oracle":
            return self.values(config, np.ones(len(tasks)))
        source = make_source(config.source, config.source_arguments)
        acted = evaluate_source(source, config.family, tasks, 1, 4, seed)
        return self.values(config, acted.normalised.mean((1, 2)))

    def values(self, config: Config, scores: np.ndarray) -> list[Value]:
        "One value for each number of pairs, NaN on the tasks that have another one."
        n_pairs = config.family.n_pairs[config.split.held_out]
        return [Value("recalled", {"pairs": int(n), **self.acting}, np.where(n_pairs == n, scores, np.nan))
                for n in np.unique(n_pairs)]


@dataclass(frozen=True)
class Headroom:
    """What the best cut would be worth, in nats: mean loss of the stage after each fixed cut, after the cut
    that was best in hindsight, and after the one that the model chooses; on new histories of the source.
    """
    n_tasks: int = 256
    n_plans: int = 8

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "All of it."
        tasks = config.split.held_out[:self.n_tasks]
        source = make_source(config.source, config.source_arguments)
        histories = collect(config.family, source, tasks, 1, config.history_steps, seed, progress=False)
        random = np.random.default_rng(seed)
        rows = np.arange(len(tasks))
        plans = []
        while len(plans) < self.n_plans:
            plan = model.draw_plan(config, random, 10 * config.train_timesteps)
            plans += [plan] if plan.cuts else []
        found = []
        for plan in plans:
            samples = read_samples(histories, plan, rows, 0 * rows)
            losses, latents, recent = model.compressor.compare(model, samples)
            with torch.no_grad():
                chosen = model.compressor.costs(latents, recent).argmin(1)
            learned = losses.gather(1, chosen[:, None])
            found.append(torch.cat([losses, losses.amin(1, True), learned], 1))
        names = [*(str(cut) for cut in model.compressor.cuts), "best in hindsight", "learned"]
        means = torch.stack(found).mean(0).numpy()
        return [Value("loss_after_cut", {"cut": name}, column) for name, column in zip(names, means.T)]


@dataclass(frozen=True)
class Informative:
    """Does it look at, keep and use what is informative? By kind of transition, along a model's own lives.

    `information` in nats; `attention`: the share that a decision gives to one, among its recent ones, times
    their number (1: as much as to the others); `kept`: how often the next compression leaves it raw; `used`:
    how far the next decision moves, in total variation, if the transition before stands in its place.
    """
    n_tasks: int = 64
    n_steps: int = 396

    def of_run(self, run: Any, model: InContextModel, config: Config, seed: int,
               progress: bool) -> list[Value]:
        "Four means for each kind of transition."
        family = config.family
        tasks = config.split.held_out[:self.n_tasks]
        rollouts = record_rollout(model, config, tasks, self.n_steps, seed, progress=False)
        transitions = Transitions.of({name: np.stack([getattr(one, name) for one in rollouts])
                                      for name in FIELDS})
        possible = [np.ones((len(tasks), size), bool) for size in family.factors]
        gains = information(family, transitions, possible)
        large = gains > 0.5
        kinds = {"found something": large, "ruled out a cell": (gains > 0) & ~large,
                 "told nothing": gains == 0}
        told = {"information": gains, "attention": np.stack([attention_on(one) for one in rollouts]),
                "kept": steps_kept(rollouts), "used": moved_by(model, transitions)}
        values = []
        for kind, there in kinds.items():
            for name, numbers in told.items():
                part = there & np.isfinite(numbers)
                total = np.where(part, numbers, 0).sum(1)
                mean = total / np.where(part.any(1), part.sum(1), np.nan)
                values.append(Value("informative", {"kind": kind, "what": name}, mean))
        return values


def attention_on(rollout: Rollout) -> np.ndarray:
    "Attention on each transition by the decisions that had it in their context, relative to their mean."
    looks = rollout.attention.astype(float).mean((1, 2))[:, rollout.n_latent:-1]  # newest first
    total, count = np.zeros(rollout.n_steps), np.zeros(rollout.n_steps)
    for step, n in enumerate(rollout.n_recent):
        if n > 1:
            seen = slice(step - n, step)
            total[seen] += looks[step, :n][::-1] / looks[step, :n].mean()
            count[seen] += 1
    return total / np.where(count, count, np.nan)


@torch.no_grad()
def moved_by(model: InContextModel, transitions: Transitions) -> np.ndarray:
    "How far the decision after each transition moves if the one before stands in its place, (n, n_steps)."
    moved = np.zeros(transitions.actions.shape)
    memory = model.start(len(moved))
    for step in range(moved.shape[1]):
        now = transitions[:, step:step + 1]
        query = now.next_observations[:, 0]
        other = model.observe(replace(memory, cache=None), transitions[:, max(step - 1, 0):max(step, 1)])
        memory = model.observe(memory, now)
        (one, memory), (two, _) = model.predict(memory, query), model.predict(other, query)
        difference = model.actions.probabilities(one) - model.actions.probabilities(two)
        moved[:, step] = 0.5 * difference.abs().sum(-1).numpy()
    return moved


def steps_kept(rollouts: Sequence[Rollout]) -> np.ndarray:
    "Whether the compression that took a step left it raw, (n, n_steps); NaN for those that none has taken."
    kept = np.full((len(rollouts), rollouts[0].n_steps), np.nan)
    for row, one in enumerate(rollouts):
        for steps, held in zip(one.segments, one.kept):
            kept[row, steps] = np.isin(steps, held)
    return kept


def arms(config: Config, updates: Mapping[str, int],
         arguments: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Config]:
    "The compressors of `updates`, trained equally long; `arguments` of some of them."
    said = arguments or {}
    return {name: config.changed(compressor=name, compressor_arguments=dict(said.get(name, {})),
                                 train_timesteps=n)
            for name, n in updates.items()}


def doors(trained_on_changes: bool) -> list[Entry]:
    "Moving Key-to-Door, after training on changes or without."
    config = read_config("moving_key_to_door")
    if not trained_on_changes:
        still = {**config.task_family_arguments, "change_every": NEVER}
        config = config.changed(task_family_arguments=still)
    said = {"trained_on_changes": trained_on_changes}
    entries = []
    for name, arm in arms(config, OF_DOORS).items():
        measured = [Layouts(trained_on_changes, 16 if name == "replace" and trained_on_changes else 8)]
        if trained_on_changes and name == "adaptive":
            measured += [Headroom(), *(Layouts(True, 4, 64, when) for when in WHENS)]
        if trained_on_changes and name == "nested":
            measured += [Layouts(True, 4, 64, {"n_used": size}) for size in (2, 4, 8)]
        if trained_on_changes and name == "selective":
            measured.append(Informative())
        entries.append(Entry("MovingKeyToDoor", name, arm, measured, said))
    if not trained_on_changes:
        window = controls(config, **CONTROLS_OF_DOORS)["AD"]
        entries.append(Entry("MovingKeyToDoor", "AD", window, [Layouts(False)], said))
    return entries


def controls_of_doors() -> list[Entry]:
    "What they are compared with in Moving Key-to-Door, all trained on changes."
    config = read_config("moving_key_to_door")
    said = {"trained_on_changes": True}
    others = controls(config, **CONTROLS_OF_DOORS)
    tasks = dict.fromkeys(others, 256) | {"AD_full_context": 32}  # at each step it reads 430 transitions
    entries = [Entry("MovingKeyToDoor", name, other, [Layouts(True, n_tasks=tasks[name])], said)
               for name, other in others.items() if name != "CompressedAD"]
    oracle = config.changed(compressor="selective", compressor_arguments={"rule": "information"},
                            train_timesteps=620)
    shuffled = config.changed(compressor="levels", compressor_arguments={"clock": "shuffled"},
                              train_timesteps=OF_DOORS["levels"])
    entries += [
        Entry("MovingKeyToDoor", "selective", oracle, [Layouts(True), Informative()],
              {**said, "rule": "information"}),
        Entry("MovingKeyToDoor", "levels", shuffled, [Layouts(True)], {**said, "clock": "shuffled"})]
    return entries + [Entry("MovingKeyToDoor", name, config, [Layouts(True)], said) for name in YARDSTICKS]


def goals(trained_on_changes: bool) -> list[Entry]:
    """Moving Dark Room with the window of Moving Key-to-Door, after training on changes or without; all
    controls and yardsticks for the former. A quarter of the cells is set aside.
    """
    config = read_config("moving_dark_room", n_held_out_tasks=20)
    like = read_config("moving_key_to_door")
    same = ("decoder_max_seq_length", "keep_length", "max_compress_length", "min_uncompressed_length",
            "max_uncompressed_length", "max_compression_depth")
    config = config.changed(**{name: getattr(like, name) for name in same})
    moves = {**config.task_family_arguments, "n_held_out_layouts": 20}
    if not trained_on_changes:
        moves["change_every"] = NEVER
    config = config.changed(task_family_arguments=moves)
    others = controls(config, **CONTROLS_OF_GOALS)
    if trained_on_changes:
        del others["CompressedAD"]
        others |= {name: config for name in YARDSTICKS}
    else:
        others = {"AD": others["AD"]}
    configs = arms(config, OF_GOALS) | others
    said = {"trained_on_changes": trained_on_changes}
    streams = dict.fromkeys(configs, 8) | {"AD_full_context": 1}
    entries = [Entry("MovingDarkRoom", name, arm, [Goals(trained_on_changes, n_streams=streams[name])], said)
               for name, arm in configs.items()]
    if trained_on_changes:  # half of the window stays in place at each compression, which come twice as often
        half = config.max_recent_length // 2
        kept = config.changed(keep_length=half, max_compress_length=half + 1, max_compression_depth=22,
                              train_timesteps=OF_GOALS_KEPT)
        entries.append(Entry("MovingDarkRoom", "replace", kept, [Goals(True)], {**said, "keep_length": half}))
    return entries


def pairs() -> list[Entry]:
    "Pair recall, two to sixteen pairs in a window of twelve transitions and a memory of eight tokens."
    config = read_config("pair_recall", n_held_out_tasks=512)
    asked = {**config.task_family_arguments, "pairs": list(PAIRS), "n_mappings": 2000}
    config = config.changed(task_family_arguments=asked)
    two = {"levels": {"n_levels": 2}}  # a sample has eight compressions at most
    entries = []
    for name, arm in arms(config, OF_PAIRS, two).items():
        measured = [Recall()]
        if name == "nested":
            measured += [Recall({"n_used": size}) for size in (2, 4)]
        if name == "adaptive":
            measured += [Recall(when) for when in WHENS]
        entries.append(Entry("PairRecall", name, arm, measured))
    for n, updates in BUDGETS.items():
        kept = {"compressor": "selective", "compressor_arguments": {"n_kept": n}}
        entries.append(Entry("PairRecall", "selective", config.changed(**kept, train_timesteps=updates),
                             [Recall()], {"n_kept": n}))
    for rule, updates in RULES.items():
        kept = {"compressor": "selective", "compressor_arguments": {"rule": rule}}
        entries.append(Entry("PairRecall", "selective", config.changed(**kept, train_timesteps=updates),
                             [Recall()], {"rule": rule}))
    # each size is trained in a third of a model's updates: as many for each as a model of its own has
    longer = config.changed(compressor="nested", train_timesteps=3 * OF_PAIRS["nested"])
    measured = [Recall(), *(Recall({"n_used": size}) for size in (2, 4))]
    entries.append(Entry("PairRecall", "nested", longer, measured, {"updates": "threefold"}))
    any_length = config.changed(segment_lengths="random")
    entries.append(Entry("PairRecall", "replace", any_length, [Recall()], {"segments": "random"}))
    for n in (2, 4):  # the controls of `nested`: models of their own
        own = config.changed(n_latent=n, decoder_max_seq_length=config.decoder_max_seq_length - 8 + n)
        entries.append(Entry("PairRecall", "replace", own, [Recall()], {"n_latent": n}))
    others = controls(config, **CONTROLS_OF_PAIRS)
    entries += [Entry("PairRecall", name, other, [Recall()]) for name, other in others.items()
                if name != "CompressedAD"]
    return entries + [Entry("PairRecall", name, config, [Recall()]) for name in YARDSTICKS]


def symbols() -> list[Entry]:
    "Repeat First, far beyond what was trained."
    config = read_config("lab_repeat_first")
    measured = [Measurement("success", {"delay": n}, {"delays": [n]}, n_streams=16, greedy=True)
                for n in (51, 415, 831)]
    small = {"nested": {"sizes": [1, 2, 4]}, "levels": {"n_levels": 2}, "selective": {"n_kept": 2}}
    return [Entry("RepeatFirst", name, arm, measured)
            for name, arm in arms(config, OF_SYMBOLS, small).items()]


def maze() -> list[Entry]:
    "T-Maze, far beyond what was trained."
    config = read_config("lab_t_maze")
    measured = [Measurement("success", {"corridor": n}, {"corridors": [n]}, n_streams=8, greedy=True)
                for n in (64, 512, 4096)]
    small = {"nested": {"sizes": [1, 2, 4]}, "levels": {"n_levels": 2}, "selective": {"n_kept": 2}}
    return [Entry("PassiveTMaze", name, arm, measured)
            for name, arm in arms(config, OF_MAZE, small).items()]


def study() -> Study:
    "All of it."
    entries = [*doors(True), *pairs(), *controls_of_doors(), *symbols(), *maze(), *doors(False),
               *goals(True), *goals(False)]
    return Study("what_to_keep", sorted(entries, key=lambda entry: entry.model not in YARDSTICKS))
