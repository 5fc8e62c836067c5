"""What the lessons on attention, interventions and probes do not show: devices, uneven streams, files."""
import ast
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from compressed_ad.checkpoints import load_checkpoint, save_checkpoint
from compressed_ad.compressors import Compressor, Replace, UnevenMemory
from compressed_ad.config import make_config
from compressed_ad.embedding import Transitions
from compressed_ad.evaluation import evaluate
from compressed_ad.insight import interventions, probes, retracing, rollout, views
from compressed_ad.insight.attention import (
    AttentionError, shares_through_cycles, transition_shares, watched)
from compressed_ad.insight.interventions import (
    Blindfolded, decision_effects, reading_effects, segment_effects, transplant)
from compressed_ad.insight.retracing import Moment, at_compression, branch, follow, retrace
from compressed_ad.insight.rollout import (
    Recorder, Rollout, RolloutError, packaged_model, packaged_record, record_rollout)
from compressed_ad.memories.selective import RULES
from compressed_ad.memory import ContextMemory
from compressed_ad.models import make_model
from compressed_ad.tasks.family import TaskFamily, make_task_family
from compressed_ad.tasks.key_to_door import KeyToDoorFamily
from compressed_ad.tasks.permuted_dark_room import PermutedDarkRoomFamily

ROOT = Path(__file__).parent.parent


SMALL = make_config(dict(
    decoder_max_seq_length=8, n_latent=2, tf_n_embd=8, tf_n_layer=1, tf_n_head=1, encoder_n_layer=1,
    encoder_n_head=1, min_compression_depth=1, max_compression_depth=2, min_compress_length=2,
    max_compress_length=6, max_uncompressed_length=5))


def small_model():
    "A model of random weights that compresses after every six steps."
    torch.manual_seed(0)
    return make_model(SMALL, SMALL.family.observation_space, SMALL.family.action_space).eval()


@pytest.fixture(scope="module")
def pair():
    "Two streams of the small model, recorded on the CPU."
    torch.set_num_threads(1)
    return record_rollout(small_model(), SMALL, [5, 70], 20, progress=False)


def values_of(tensor: torch.Tensor) -> np.ndarray:
    "What `as_numpy` gives, and zeros for a tensor of the device `meta`, which has no values."
    return np.zeros(tensor.shape, np.float32) if tensor.is_meta else tensor.detach().numpy()


@pytest.fixture
def on_meta(monkeypatch):
    """The small model on `meta`, where tensors have a shape and no values.

    An operation that mixes them with tensors of the CPU raises, as it would on a GPU.
    """
    for module in (rollout, retracing, interventions, probes):
        monkeypatch.setattr(module, "as_numpy", values_of)
    return small_model().to("meta")


def test_effects_on_a_model_that_is_not_on_the_cpu(on_meta, pair):
    one, other = pair
    n_latent, n_cycles = one.latents.shape[1], len(one.compressed_at)
    assert decision_effects(on_meta, one).shape == (one.n_steps, 2 + n_latent)
    assert reading_effects(on_meta, one, other).shape == (n_cycles, n_latent, n_latent + 6)
    assert segment_effects(on_meta, one, other).shape == (n_cycles, n_cycles)


def test_interventions_on_a_model_that_is_not_on_the_cpu(on_meta, pair, monkeypatch):
    seen = []

    def act(model, memory, environment, observations, generator):
        logits, memory = model.predict(memory, torch.as_tensor(observations, device="meta"))
        seen.append((logits.device.type, memory.latents.device.type, memory.recent.device.type))
        cells = torch.as_tensor(observations)[:, None]
        rewards, ends = torch.zeros(len(cells), 1), torch.zeros(len(cells), 1, dtype=torch.bool)
        transitions = Transitions(cells, torch.zeros(len(cells), 1, dtype=torch.long), rewards, cells, ends)
        fields = {name: value.to("meta") for name, value in vars(transitions).items()}
        return transitions, model.observe(memory, Transitions(**fields)), observations

    monkeypatch.setattr(retracing, "act", act)
    moment = retrace(on_meta, pair, 2)
    assert moment.memory.latents.is_meta and moment.memory.recent.is_meta
    assert follow(on_meta, moment, 3, np.stack([part.latents[2] for part in pair])).cells.shape == (2, 4, 2)
    came = transplant(on_meta, moment, np.array([1, 0]), 3, "goal")
    assert list(came) == ["own", "another's", "blank"] and all(part.shape == (2, 2) for part in came.values())
    assert branch(on_meta, *pair, [0, 2], n_copies=2, n_steps=3).cells.shape == (2, 5, 2, 4, 2)
    live = at_compression(on_meta, pair[0].family, [5, 70], 1)
    assert live.memory.n_compressions == 1 and set(seen) == {("meta", "meta", "meta")}


def test_recorder_and_blindfold_on_a_model_that_is_not_on_the_cpu(on_meta):
    recorder = Recorder(on_meta)
    memory, cells = recorder.start(2), torch.zeros(2, 2, dtype=torch.long, device="meta")
    still = torch.zeros(2, 1, device="meta")
    transition = Transitions(cells[:, None], still.long(), still, cells[:, None], still.bool())
    for _ in range(12):
        _, memory = recorder.predict(memory, cells)
        memory = recorder.observe(memory, transition)
    told = recorder.rollouts([{}, {}])
    assert [part.compressed_at.tolist() for part in told] == [[6, 12], [6, 12]]
    assert told[0].attention.shape[0] == 12
    logits, kept = Blindfolded(on_meta).predict(memory, cells)
    assert logits.is_meta and kept is memory


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_analysis_on_a_gpu_is_that_on_the_cpu():
    model, config = packaged_model()
    there = packaged_model()[0].to("cuda")
    one, other = both = record_rollout(model, config, [5, 70], 60, progress=False)
    assert np.allclose(decision_effects(model, one), decision_effects(there, one), atol=1e-3)
    for effects in (reading_effects, segment_effects):
        here, far = (effects(agent, one, other) for agent in (model, there))
        assert np.allclose(here, far, atol=1e-3), effects.__name__
    again, _ = record_rollout(there, config, [5, 70], 60, progress=False)
    assert (again.actions == one.actions).mean() > 0.9 and type(again.latents) is np.ndarray
    here, far = (follow(agent, retrace(agent, both, 2), 1) for agent in (model, there))
    assert np.allclose(here.probabilities, far.probabilities, atol=1e-3)
    moment = at_compression(there, one.family, [5, 70, 42], 3)
    came = transplant(there, moment, np.array([1, 2, 0]), 20, "goal")
    assert all(part.shape == (3, 2) and np.isfinite(part).all() for part in came.values())
    assert branch(there, one, other, [2], n_copies=2, n_steps=3).cells.shape == (1, 19, 2, 4, 2)
    [snapshot] = probes.take_snapshots(there, one.family, np.array([5, 70]), [2])
    assert type(snapshot.latents) is np.ndarray and snapshot.visited.any()


def test_snapshots_of_streams_that_compress_at_different_times(monkeypatch):
    "Stream s compresses after every s + 2 steps; its latents say after which."
    family = make_task_family("DarkRoom")

    def evaluate(model, family, tasks, *how, hook, window, **more):
        every, counts = torch.arange(len(tasks)) + 2, torch.zeros(len(tasks), dtype=torch.long)
        latents = torch.zeros(len(tasks), 1, 1)
        for step in range(1, window + 1):
            now = step % every == 0
            counts = counts + now
            latents = torch.where(now[:, None, None], float(step), latents)
            cells = torch.full((len(tasks), 1, 2), step % 9)
            still = torch.zeros(len(tasks), 1)
            transitions = Transitions(cells, still.long(), still, cells, still.bool())
            memory = UnevenMemory(latents, torch.zeros(len(tasks), 0, 1), step, compressions=counts)
            hook(step, transitions, memory)

    class Model:
        max_recent_length, keep_length = 4, 0

    monkeypatch.setattr(probes, "evaluate", evaluate)
    one, two = probes.take_snapshots(Model(), family, np.array([0, 1, 2]), [2, 1])
    assert (one.number, two.number) == (1, 2)
    assert one.latents[:, 0, 0].tolist() == [2, 3, 4] and two.latents[:, 0, 0].tolist() == [4, 6, 8]
    assert one.visited.sum(1).tolist() == [2, 3, 4] and two.visited.sum(1).tolist() == [4, 6, 8]
    assert one.possible[0].sum(1).tolist() == [79, 78, 77]


class Uneven(Replace):
    "Even streams compress six transitions at a time, odd ones four."
    def due(self, memory, latest, room, keep):
        limit = torch.where(torch.arange(len(memory.recent)) % 2 == 0, 6, 4)
        return torch.where(memory.n_recent >= limit, limit, 0)

    @classmethod
    def lengths(cls, config):
        return 4, 6


def test_recorder_of_streams_that_compress_at_different_times():
    "Each `Rollout` has its own compressions, and all that it tells follows from its own transitions."
    config = SMALL.changed(compressor=f"{__name__}:Uneven")
    model = make_model(config, config.family.observation_space, config.family.action_space).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    six, four = record_rollout(model, config, [5, 70], 20, progress=False)
    assert six.segment_lengths.tolist() == [6] * 3 and four.segment_lengths.tolist() == [4] * 5
    assert six.compressed_at.tolist() == [6, 12, 18] and four.compressed_at.tolist() == [4, 8, 12, 16, 20]
    for told in (six, four):
        tokens, latents = model.embedding(told.transitions()), model.start(1).latents
        for cycle, steps in enumerate(told.segments):
            latents = model.encoder(latents, tokens[:, steps])
            assert np.allclose(latents[0].detach(), told.latents[cycle], atol=1e-4)
        for step in (3, 9, 15):
            cycle = told.cycles[step]
            known = model.start(1).latents if cycle == 0 else torch.from_numpy(told.latents[cycle - 1])[None]
            recent = tokens[:, step - told.n_recent[step]:step]
            asked = torch.from_numpy(told.observations[step:step + 1])
            outputs, _ = model.predict(ContextMemory(known, recent), asked)
            assert np.allclose(outputs.softmax(-1)[0].detach(), told.probabilities[step], atol=1e-4)
        assert np.allclose(told.attention.astype(float).sum(-1), 1, atol=5e-3)
        columns = 2 + told.segment_lengths[0]
        assert (told.encoder_attention[..., columns:-2] == 0).all()
        assert np.allclose(told.encoder_attention[:, 0, :, -2:].astype(float).sum(-1), 1, atol=5e-3)


class Gated(Replace):
    "Half of each latent stays."
    def write(self, memory, length):
        return 0.5 * (memory.latents + super().write(memory, length))


class Mean(Compressor):
    "No encoder: each latent moves towards the mean of the segment."
    def write(self, memory, length):
        return 0.5 * (memory.latents + memory.recent[:, :length].mean(1, keepdim=True))


@pytest.mark.parametrize("compressor", [Gated, Mean])
def test_a_compressor_of_ones_own_is_seen(compressor):
    config = SMALL.changed(compressor=f"{__name__}:{compressor.__name__}")
    model = make_model(config, config.family.observation_space, config.family.action_space).eval()
    one, other = record_rollout(model, config, [5, 70], 20, progress=False)
    assert np.abs(reading_effects(model, one, one)).max() == 0
    assert segment_effects(model, one, other)[0, 0] > 0.99
    moved = reading_effects(model, one, other)
    assert np.isclose(decision_effects(model, one)[:6, 0], 0, atol=1e-5).all()
    assert views.looks_view(one, decision_effects(model, one)).figure().axes
    if compressor is Gated:
        drawn = [draw(one) for draw in (views.shares_view, views.heads_view, views.replay_view)]
        for view in (views.tape_view(one, moved), *drawn):
            assert view.figure().axes and view.kind in view.page()
    else:
        for view in (views.tape_view, views.heads_view):
            with pytest.raises(RolloutError, match="the compressor must have one"):
                view(one)


@pytest.mark.parametrize("compressor, arguments", [
    ("replace", {}), ("nested", {"sizes": [2, 4]}), ("levels", {"n_levels": 2}),
    ("levels", {"n_levels": 2, "clock": "shuffled"}), ("adaptive", {"when": "random"}),
    *(("selective", {"rule": rule, "n_kept": n}) for rule in RULES for n in (1, 3))])
def test_which_slots_are_rewritten_and_which_steps_are_kept(tmp_path, compressor, arguments):
    config = SMALL.changed(n_latent=4, decoder_max_seq_length=10, max_compress_length=6,
                           max_compression_depth=12, compressor=compressor, compressor_arguments=arguments)
    model = make_model(config, config.family.observation_space, config.family.action_space).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    if compressor == "nested":
        model.compressor.n_used = 2
    rollouts = record_rollout(model, config, [5, 70], 40, progress=False)
    for told in rollouts:
        told.save(tmp_path / "one.safetensors")
        assert np.array_equal(Rollout.load(tmp_path / "one.safetensors").kept, told.kept)
        n_cycles, n_latent = len(told.compressed_at), 2 if compressor == "nested" else 4
        assert n_cycles >= 6 and told.kept.shape == told.rewritten.shape == (n_cycles, n_latent)
        before = model.start(1).latents.detach().numpy()[:, :, :8]
        for cycle, latents in enumerate(told.latents[..., :8]):
            changed = (latents != (told.latents[cycle - 1, :, :8] if cycle else before[0])).any(1)
            kept = told.kept[cycle]
            is_another = kept != (told.kept[cycle - 1] if cycle else -1)
            assert np.array_equal(told.rewritten[cycle], changed | is_another)
            assert (kept < told.segment_lengths[:cycle + 1].sum()).all()
            tokens = model.embedding(told.transitions())[0].detach().numpy()
            held = kept >= 0
            assert np.allclose(latents[held], tokens[kept[held]], atol=1e-6)
            assert (np.diff(kept[held]) > 0).all()  # in order of time, none twice
            n_kept = arguments.get("n_kept", 0)
            assert not held[:n_latent - n_kept].any()
            if cycle >= 2 and n_kept:
                assert held[n_latent - n_kept:].all()
        if compressor == "levels" and not arguments.get("clock"):
            slow = [bool(cycle % 2) for cycle in range(n_cycles)]
            assert told.rewritten.tolist() == [[True, True, second, second] for second in slow]
        if compressor == "selective" and arguments["rule"] == "newest":
            assert told.kept[-1].max() == told.segment_lengths.sum() - 1


@pytest.mark.parametrize("rule", ["rewarded", "random", "learned"])
def test_an_agent_that_keeps_transitions_is_taken_up_again_as_it_was(rule):
    config = SMALL.changed(n_latent=4, decoder_max_seq_length=10, max_compress_length=6, keep_length=2,
                           compressor="selective", compressor_arguments={"rule": rule, "n_kept": 2})
    model = make_model(config, config.family.observation_space, config.family.action_space).eval()
    rollouts = record_rollout(model, config, [5, 70], 40, progress=False)
    again, lived = retrace(model, rollouts, 3), at_compression(model, config.family, [5, 70], 4)
    for name in ("latents", "recent"):
        assert torch.allclose(getattr(again.memory, name), getattr(lived.memory, name), atol=1e-6)
    assert again.memory.n_transitions == lived.memory.n_transitions


class Shifted(TaskFamily):
    "A corridor whose cells are -3 to 3, and whose actions are 1 to 3."
    name = "Shifted"
    observation_space = gym.spaces.Discrete(7, start=-3)
    action_space = gym.spaces.Discrete(3, start=1)
    n_tasks, horizon = 4, 5

    def make(self, task, render_mode=None):
        raise NotImplementedError


def test_rollout_of_a_space_that_does_not_begin_at_zero(tmp_path):
    config = SMALL.changed(task_family=f"{__name__}:Shifted")
    n, recent = 7, config.max_recent_length
    cells = np.arange(-3, 4)
    whole = Rollout(
        {"config": config.model_dump(mode="json"), "task": 1, "seed": 0, "stream": 0}, observations=cells,
        actions=np.array([1, 2, 3, 1, 2, 3, 3]), rewards=np.zeros(n, np.float32),
        next_observations=cells.copy(), episode_ends=np.zeros(n, bool),
        probabilities=np.full((n, 3), 1 / 3), n_recent=np.arange(n) % 6,
        mass=np.zeros((n, 1, 1, 3)), attention=np.zeros((n, 1, 1, 2 + recent + 1)),
        compressed_at=np.zeros(0, int), segment_lengths=np.zeros(0, int),
        latents=np.zeros((0, 2, 8)), rewritten=np.zeros((0, 2), bool), kept=np.zeros((0, 2), int),
        encoder_attention=np.zeros(0))
    whole.save(tmp_path / "whole.safetensors")
    assert np.array_equal(Rollout.load(tmp_path / "whole.safetensors").actions, whole.actions)
    for name, values in {"actions": whole.actions - 1, "observations": cells + 1}.items():
        replace(whole, **{name: values}).save(tmp_path / "damaged.safetensors")
        with pytest.raises(RolloutError, match=f"damaged: {name}: not what"):
            Rollout.load(tmp_path / "damaged.safetensors")


def test_watched_blocks_are_their_own_again_after_an_error():
    model = small_model()
    cells = torch.zeros(2, 2, dtype=torch.long)
    with pytest.raises(ZeroDivisionError), watched(model.decoder.blocks, lambda number, weights: 1 / 0):
        model.predict(model.start(2), cells)
    assert not any("look" in vars(block) for block in model.decoder.blocks)
    model.decoder.blocks[0].attend = torch.compile(model.decoder.blocks[0].attend)
    with pytest.raises(AttentionError, match="compiled blocks do not show their weights"):
        with watched(model.decoder.blocks, lambda number, weights: None):
            raise AssertionError("must be refused before")


def test_shares_need_the_attention_of_the_encoder():
    [brief] = record_rollout(small_model(), SMALL, [5], 20, detail=False, progress=False)
    with pytest.raises(AttentionError, match="record with detail=True"):
        transition_shares(brief.encoder_attention, brief.segment_lengths, brief.n_latent)
    never = transition_shares(np.zeros(0), np.zeros(0, int), 2)
    assert never.shape == (0, 2, 1) == shares_through_cycles(np.zeros(0), np.zeros(0, int), 2).shape


DAMAGES = {
    "rewards": lambda x: x[:-1], "latents": lambda x: x.flatten(), "attention": lambda x: x[..., :5],
    "encoder_attention": lambda x: x[..., :1], "observations": lambda x: x + 9,
    "probabilities": lambda x: x * float("nan"), "mass": lambda x: x / 0,
    "compressed_at": lambda x: x.flip(0), "segment_lengths": lambda x: x + 20,
    "n_recent": lambda x: x + 500, "actions": lambda x: x.float(), "episode_ends": lambda x: x.float()}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_rollout_is_refused_by_name(name, pair, tmp_path):
    pair[0].save(tmp_path / "good.safetensors")
    tensors, about = load_checkpoint(tmp_path / "good.safetensors")
    bad = tmp_path / "bad.safetensors"
    save_checkpoint(bad, tensors | {name: DAMAGES[name](tensors[name])}, **about)
    with pytest.raises(RolloutError, match=f"damaged: {name}"):
        Rollout.load(bad)


def test_a_file_that_is_no_rollout_is_refused(pair, tmp_path):
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    pair[0].save(good)
    for contents in (good.read_bytes()[:-100], b"something else"):
        bad.write_bytes(contents)
        with pytest.raises(RolloutError, match="damaged or not a checkpoint"):
            Rollout.load(bad)
    with pytest.raises(RolloutError, match="no such checkpoint"):
        Rollout.load(tmp_path / "missing.safetensors")
    tensors, about = load_checkpoint(good)
    save_checkpoint(bad, tensors)
    with pytest.raises(RolloutError, match="a checkpoint, but not a rollout"):
        Rollout.load(bad)
    tensors.pop("rewards")
    save_checkpoint(bad, tensors, **about)
    with pytest.raises(RolloutError, match="has rewards too many or too few"):
        Rollout.load(bad)


def test_a_rollout_file_makes_nothing_happen(pair, tmp_path):
    made = tmp_path / "made"
    family = {"task_family": "os:mkdir", "task_family_arguments": {"path": str(made)}}
    about = pair[0].about
    foreign = replace(pair[0], about=about | {"config": about["config"] | family})
    foreign.save(tmp_path / "foreign.safetensors")
    with pytest.raises(RolloutError, match="must be a class derived from TaskFamily"):
        Rollout.load(tmp_path / "foreign.safetensors")
    assert not made.exists()


def test_each_stream_is_blindfolded_by_itself():
    model = small_model()
    latents = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(0))
    memory = UnevenMemory(latents, model.start(2).recent, n_compressions=1, n_recent=torch.tensor([0, 0]),
                          compressions=torch.tensor([0, 1]))
    cells = torch.full((2, 2), 4)
    with torch.no_grad():
        mixed, kept = Blindfolded(model, after=1).predict(memory, cells)
        sees, _ = model.predict(replace(memory, cache=None), cells)
        new, _ = model.predict(model.start(2), cells)
    assert torch.allclose(mixed[0], sees[0], atol=1e-5) and torch.allclose(mixed[1], new[1], atol=1e-5)
    assert kept is memory


def test_what_cannot_be_tried_is_refused(pair):
    model, (one, other) = small_model(), pair
    brief = record_rollout(model, SMALL, [5, 70], 4, progress=False)
    for effects in (reading_effects, segment_effects):
        with pytest.raises(RolloutError, match="4 steps without a compression"):
            effects(model, *brief)
    with pytest.raises(RolloutError, match="4 steps without a compression"):
        branch(model, *brief, [0])
    with pytest.raises(RolloutError, match="fact = 'door': must be one of goal"):
        branch(model, one, other, [2], fact="door")
    corridors = {"task_family": "PassiveTMaze", "task_family_arguments": {"corridors": [3]}}
    maze = replace(one, about=one.about | {"config": one.about["config"] | corridors})
    with pytest.raises(RolloutError, match="observations must begin with a row and a column"):
        rollout.seen_by([maze])
    with pytest.raises(RolloutError, match="hidden facts must be cells of a room"):
        branch(model, maze, maze, [2])


def test_facts_that_are_cells_are_named_by_the_family():
    family = KeyToDoorFamily(size=4, horizon=20)
    tasks = np.array([0, 17, 900])
    _, key, door = family.places(tasks)
    cells = rollout.fact_cells(family, tasks)
    assert list(cells) == ["key", "door"]
    assert (cells["key"] @ (4, 1)).tolist() == key.tolist()
    assert (cells["door"] @ (4, 1)).tolist() == door.tolist()
    with pytest.raises(RolloutError, match="PermutedDarkRoom: its hidden facts must be cells"):
        rollout.fact_cells(PermutedDarkRoomFamily(), [0])
    with pytest.raises(RolloutError, match="fact = 'key': must be one of goal"):
        nowhere = Moment(SMALL.family, np.array([1, 2]), None, None, None, None)
        transplant(small_model(), nowhere, np.array([1, 0]), 1, "key")


def test_one_place_has_probes_and_one_has_transplants():
    "No module but `insight.probes` imports scikit-learn, and its estimator is made once."
    users, made = [], 0
    for path in (ROOT / "compressed_ad").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                    for name in node.names]
        if any(module.split(".")[0] == "sklearn" for module in modules):
            users.append(path.relative_to(ROOT / "compressed_ad").as_posix())
        made += sum(getattr(node.func, "id", "") == "RidgeClassifier" for node in ast.walk(tree)
                    if isinstance(node, ast.Call))
    assert users == ["insight/probes.py"] and made == 1


@pytest.mark.parametrize("name, n_tasks, n_episodes", [
    ("gallery", 11, 12), ("t_maze", 2, 10), ("repeat_first", 4, 10), ("key_to_door", 48, 1),
    ("permuted_dark_room", 40, 8), ("large_dark_room", 24, 2)])
def test_a_shipped_model_does_what_its_record_says(name, n_tasks, n_episodes):
    "On held-out tasks, compared with the same episodes of the record's curve."
    model, config = packaged_model(name)
    record = packaged_record(name)
    acted = evaluate(model, config.family, config.split.held_out[:n_tasks], record["n_streams"], n_episodes,
                     seed=1, progress=False, window=config.evaluation_window)
    assert record["episodes_per_point"] == 1
    said = np.array(record["curve"][:n_episodes])
    assert abs(acted.curve.mean() - said.mean()) < 0.06
    assert record["configuration"]["histories_file"] == ""
