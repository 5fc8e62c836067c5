"Trainings that are refused, interrupted, damaged or extended; checkpoints without what made them."
import copy
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from compressed_ad.checkpoints import (
    CheckpointError, DamagedCheckpoint, load_checkpoint, load_model, save_checkpoint)
from compressed_ad.config import ConfigError, _family, make_config, packaged_configs, read_config
from compressed_ad.files import CompressedADError
from compressed_ad.recording import collect, collect_for
from compressed_ad.models import make_model
from compressed_ad.pretraining import Pretrainer
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.tasks.permuted_dark_room import PermutedDarkRoomFamily
from compressed_ad.trainer import Processes, Trainer, TrainingError, as_a_whole, divided, find_device
from compressed_ad.training import learning_rate

SETTINGS = dict(
    task_family_arguments={"size": 3, "horizon": 4}, n_held_out_tasks=2, n_streams=4, history_steps=40,
    decoder_max_seq_length=10, n_latent=2, tf_n_embd=8, tf_n_layer=1, tf_n_head=2, encoder_n_layer=1,
    encoder_n_head=2, max_compression_depth=3, min_compress_length=2, max_compress_length=8,
    max_uncompressed_length=6, plans_per_batch=2, train_batch_size=4, train_timesteps=20, warmup_steps=2,
    lr=3e-3, log_every=5, checkpoint_every=5)
CONFIG = make_config(SETTINGS)


@pytest.fixture(scope="module")
def histories():
    torch.set_num_threads(1)
    return collect_for(CONFIG, progress=False)


def trainer_in(folder, histories, config=CONFIG, **named) -> Trainer:
    return Trainer(config, histories, config.family, folder, **named)


def refused(error, message, function, *arguments, **named):
    with pytest.raises(error) as said:
        function(*arguments, **named)
    assert message in str(said.value), said.value
    assert isinstance(said.value, CompressedADError)


# configurations


def test_a_training_without_compressions_is_refused():
    never = {"max_compression_depth": 0}
    refused(ConfigError, "max_compression_depth = 0: must be at least 1", make_config, never)
    make_config({"model": "AD", "max_compression_depth": 0})  # it compresses nothing


@pytest.mark.parametrize("changes, length, fits", [
    ({"max_compress_length": 39}, 40, False),  # 100 - 60 latents - 0 kept
    ({"max_compress_length": 40}, 40, True), ({"min_compress_length": 41}, 40, False),
    ({"keep_length": 31}, 9, False), ({"keep_length": 30}, 10, True),
    ({"n_latent": 88, "max_compress_length": 11, "max_uncompressed_length": 11}, 12, False),
    ({"n_latent": 88, "max_compress_length": 12, "max_uncompressed_length": 11}, 12, True)])
def test_the_length_that_acting_compresses_is_among_those_of_training(changes, length, fits):
    config = make_config(changes, trained=True)
    model = make_model(config, config.family.observation_space, config.family.action_space)
    memory = model.start(1).append(torch.zeros(1, config.max_recent_length + 1, config.tf_n_embd))
    assert memory.recent.shape[1] - model.make_room(memory).recent.shape[1] == length
    if fits:
        assert make_config(changes) == config
    else:
        refused(ConfigError, f"acting compresses {length} transitions at a time", make_config, changes)


def test_all_packaged_configurations_keep_the_rules():
    for name in packaged_configs():
        assert read_config(name).can_begin


def test_an_old_checkpoint_may_break_the_rules_of_a_run_to_come(tmp_path, histories):
    trainer_in(tmp_path, histories).run(until=1, progress=False)
    tensors, about = load_checkpoint(tmp_path)
    about["config"] |= {"max_compress_length": 7, "warmup_steps": 20, "long_evaluation_episodes": 20,
                        "max_compression_depth": 0}
    with pytest.raises(ConfigError) as said:
        make_config(about["config"])
    keys = ("warmup_steps", "long_evaluation_episodes", "max_compression_depth", "max_compress_length")
    assert [line.split(" = ")[0] for line in str(said.value).splitlines()] == list(keys)
    save_checkpoint(tmp_path / "old.safetensors", tensors, **about)
    _, config = load_model(tmp_path / "old.safetensors")
    assert config.max_compression_depth == 0 and not config.can_begin
    assert config.changed(evaluation_episodes=3).evaluation_episodes == 3  # it keeps its licence
    refused(ConfigError, "n_latent = 9", config.changed, n_latent=9)  # but no other


@pytest.mark.parametrize("episodes", [5, 20, 99])
def test_a_long_evaluation_that_cannot_be_reported_is_refused(episodes):
    refused(ConfigError, f"long_evaluation_episodes = {episodes}: must be 0, or at least 100", make_config,
            {"long_evaluation_episodes": episodes})
    assert make_config({"long_evaluation_episodes": 100, "evaluation_episodes": 1}).evaluation_episodes == 1


def test_a_warm_up_longer_than_the_training_is_refused():
    refused(ConfigError, "warmup_steps = 1000: must be less than the 6 updates of train_timesteps",
            make_config, {"warmup_steps": 1000, "train_timesteps": 6})
    refused(ConfigError, "warmup_steps = 6", make_config, {"warmup_steps": 6, "train_timesteps": 6})
    refused(ConfigError, "pretraining_steps = 6: must be more than warmup_steps = 6", make_config,
            {"warmup_steps": 6, "pretraining_steps": 6, "pretraining": "mean"})
    assert make_config({"warmup_steps": 5, "train_timesteps": 6}).warmup_steps == 5


def test_every_key_can_be_overridden():
    preset = read_config("ad_compressed_dr_quick")
    for key, value in preset.model_dump().items():
        assert getattr(read_config("ad_compressed_dr_quick", **{key: value}), key) == value
        assert getattr(preset.changed(**{key: value}), key) == value
    assert read_config("ad_compressed_dr_quick", source="QLearning").source == "QLearning"


@pytest.mark.parametrize("text, family, source", [
    ("", {"size": 17, "horizon": 100, "ends_at_goal": True}, {"nearest_first": True}),
    ("task_family: KeyToDoor", {}, {"nearest_first": True}),
    ("task_family: DarkRoom", {"size": 17, "horizon": 100, "ends_at_goal": True}, {"nearest_first": True}),
    ("task_family: KeyToDoor\ntask_family_arguments: {size: 5}", {"size": 5}, {"nearest_first": True}),
    ("source: QLearning", {"size": 17, "horizon": 100, "ends_at_goal": True}, {})])
def test_arguments_of_a_preset_go_with_the_part_they_were_written_for(tmp_path, text, family, source):
    path = tmp_path / "mine.yaml"
    path.write_text(f"include: lab_large_dark_room\n{text}\n", encoding="utf-8")
    config = read_config(path)
    assert (config.task_family_arguments, config.source_arguments) == (family, source)
    overrides = dict(line.split(": ", 1) for line in text.splitlines())
    if "task_family_arguments" in overrides:
        overrides["task_family_arguments"] = {"size": 5}
    assert read_config("lab_large_dark_room", **overrides) == config  # as on the command line
    assert read_config("lab_large_dark_room").changed(**overrides) == config


def test_arguments_without_a_name_are_those_of_the_default(tmp_path):
    path = tmp_path / "base.yaml"
    path.write_text("task_family_arguments: {size: 5}\n# größer als nötig\n", encoding="utf-8")
    assert read_config(path, task_family="DarkRoom").task_family_arguments == {"size": 5}
    assert read_config(path, task_family="KeyToDoor").task_family_arguments == {}


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("auto") == find_device("cpu") == torch.device("cpu")
    refused(TrainingError, "device = 'cuda': not on this machine, must be auto or cpu", find_device, "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_device("auto") == torch.device("mps")
    assert Processes.launched("cpu").device == torch.device("cpu")
    refused(ConfigError, "device = 'tpu'", make_config, {"device": "tpu"})


# training


def test_until_a_step_that_is_past_does_nothing(tmp_path, histories):
    trainer = trainer_in(tmp_path, histories)
    assert trainer.run(until=0, progress=False) == [] and trainer.step == 0 and not list(tmp_path.iterdir())
    trainer.run(until=7, progress=False)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(trainer.run(until=3, progress=False)) == 1 and trainer.step == 7
    assert before == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def same(one: Trainer, other: Trainer) -> bool:
    "Whether two runs ended alike, to the last bit: weights, averages and log."
    logs = [[{name: value for name, value in line.items() if name != "seconds"} for line in run.log]
            for run in (one, other)]
    ours, theirs = one.state(), other.state()
    if logs[0] != logs[1] or ours.keys() != theirs.keys():
        return False
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_other_histories_than_a_run_began_with_are_refused(tmp_path, histories):
    ours, others = copy.copy(histories), copy.copy(histories)
    ours.known_checksum, others.known_checksum = "1a", "2b"
    trainer_in(tmp_path, ours).run(until=1, progress=False)
    assert load_checkpoint(tmp_path)[1]["histories"] == "1a"
    refused(CheckpointError, "trained on other histories: checksum 1a there, 2b here",
            trainer_in, tmp_path, others)
    assert trainer_in(tmp_path, ours).step == 1
    tensors, about = load_checkpoint(tmp_path)
    del about["histories"]  # as before checksums were kept
    save_checkpoint(tmp_path / "step-00000001.safetensors", tensors, **about)
    assert trainer_in(tmp_path, others).step == 1


def test_a_damaged_newest_checkpoint_is_passed_over_and_told(tmp_path, histories):
    whole = trainer_in(tmp_path / "whole", histories)
    whole.run(progress=False)
    folder = tmp_path / "damaged"
    trainer_in(folder, histories).run(until=15, progress=False)
    (folder / "step-00000015.safetensors").write_bytes(b"cut off")
    said = "step-00000015.safetensors is damaged; training goes on from step-00000010"
    with pytest.warns(UserWarning, match=said):
        trainer = trainer_in(folder, histories)
    assert trainer.step == 10 and trainer.log[-1]["step"] == 10 and "is damaged" in trainer.log[-1]["note"]
    trainer.run(until=12, progress=False)
    assert trainer.checkpoints.steps() == [5, 10, 12]  # the damaged one is gone: this one is newer
    again = trainer_in(folder, histories)  # and this interruption is not told as damage
    again.run(progress=False)
    assert len([line for line in again.log if "note" in line]) == 1
    again.log = [line for line in again.log if "note" not in line]
    assert same(again, whole)
    for path in folder.glob("step-*"):
        path.write_bytes(b"cut off")
    refused(DamagedCheckpoint, "step-00000020.safetensors: damaged", trainer_in, folder, histories)


def test_a_checkpoint_with_other_settings_is_not_passed_over(tmp_path, histories):
    trainer_in(tmp_path, histories).run(until=10, progress=False)
    faster = CONFIG.changed(lr=0.1)
    refused(CheckpointError, "lr = 0.003 there, 0.1 here", trainer_in, tmp_path, histories, faster)


@pytest.mark.filterwarnings("ignore:extended")
def test_an_extension_that_is_interrupted_is_the_one_that_is_not(tmp_path, histories):
    longer = CONFIG.changed(train_timesteps=40)
    runs = {}
    for name in ("whole", "interrupted"):
        trainer_in(tmp_path / name, histories).run(progress=False)
        refused(CheckpointError, "train_timesteps = 20 there, 40 here",
                trainer_in, tmp_path / name, histories, longer)
        runs[name] = trainer_in(tmp_path / name, histories, longer, extend=True)
        assert runs[name].step == 20 and runs[name].config.schedule_steps == 20
    runs["whole"].run(progress=False)
    runs["interrupted"].run(until=27, progress=False)
    resumed = trainer_in(tmp_path / "interrupted", histories, runs["interrupted"].config)  # as any other run
    assert resumed.step == 27
    resumed.run(until=31, progress=False)
    resumed = trainer_in(tmp_path / "interrupted", histories, longer, extend=True)  # or by the same command
    resumed.run(progress=False)
    assert resumed.step == 40 and same(resumed, runs["whole"])
    final = 0.1 * CONFIG.lr
    assert [line["lr"] for line in resumed.log if "lr" in line][4:] == pytest.approx([final] * 4)
    assert all(learning_rate(step, resumed.config) == learning_rate(step, CONFIG) for step in range(20))
    notes = [line for line in resumed.log if "note" in line]
    assert notes == [{"step": 20, "note": "extended from 20 to 40 updates; from 20 on, lr = 0.0003"}]
    third = trainer_in(tmp_path / "whole", histories, CONFIG.changed(train_timesteps=41), extend=True)
    assert third.config.schedule_steps == 20 and third.run(progress=False) and third.step == 41
    refused(TrainingError, "train_timesteps = 20: must be at least 41",
            trainer_in, tmp_path / "whole", histories, CONFIG, extend=True)
    refused(CheckpointError, "lr = 0.003 there, 0.1 here", trainer_in, tmp_path / "whole", histories,
            CONFIG.changed(train_timesteps=50, lr=0.1), extend=True)


def test_an_extension_needs_something_to_extend(tmp_path, histories):
    refused(TrainingError, "nothing to extend", trainer_in, tmp_path, histories, extend=True)
    ends_at_zero = CONFIG.changed(final_lr_fraction=0.0)
    trainer_in(tmp_path, histories, ends_at_zero).run(until=1, progress=False)
    refused(TrainingError, "final_lr_fraction = 0: must be above 0", trainer_in, tmp_path, histories,
            ends_at_zero.changed(train_timesteps=40), extend=True)
    assert trainer_in(tmp_path, histories, ends_at_zero, extend=True).step == 1  # no longer than before


def test_a_folder_is_understood_where_a_checkpoint_is_meant(tmp_path, histories):
    trainer = trainer_in(tmp_path / "run" / "checkpoints", histories)
    trainer.run(until=6, progress=False)
    for place in (tmp_path / "run", str(tmp_path / "run" / "checkpoints"), trainer.checkpoints.path(6)):
        assert load_checkpoint(place)[1]["step"] == 6
        model, config = load_model(place)
        assert config == CONFIG and all(map(torch.equal, model.parameters(), trainer.model.parameters()))
    refused(CheckpointError, "a folder without a checkpoint", load_model, tmp_path)
    refused(CheckpointError, "no such checkpoint", load_model, tmp_path / "nowhere")


def test_a_checkpoint_loads_without_its_family(tmp_path, monkeypatch):
    (tmp_path / "gone_family.py").write_text(
        "from compressed_ad.tasks.dark_room import DarkRoomFamily\nclass Rooms(DarkRoomFamily):\n    pass\n",
        encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    config = CONFIG.changed(task_family="gone_family:Rooms", task_family_arguments={"size": 3, "horizon": 4})
    trainer = Trainer(config, collect_for(config, progress=False), config.family, tmp_path / "checkpoints")
    trainer.run(until=1, progress=False)
    (tmp_path / "gone_family.py").unlink()
    del sys.modules["gone_family"]
    _family.cache_clear()  # as in another process
    model, known = load_model(tmp_path)
    assert known == config and all(map(torch.equal, model.parameters(), trainer.model.parameters()))
    logits, _ = model.predict(model.start(1), torch.zeros(1, 2, dtype=torch.long))
    assert logits.shape == (1, 5)
    tensors, about = load_checkpoint(tmp_path)
    assert about["spaces"]["actions"] == {"kind": "Discrete", "n": 5, "start": 0}
    del about["spaces"]  # as before spaces were kept
    save_checkpoint(tmp_path / "old.safetensors", tensors, **about)
    refused(CheckpointError, "there is no module 'gone_family'", load_model, tmp_path / "old.safetensors")


def test_an_old_checkpoint_takes_its_spaces_from_the_family(tmp_path, histories):
    trainer_in(tmp_path, histories).run(until=1, progress=False)
    tensors, about = load_checkpoint(tmp_path)
    del about["spaces"]
    save_checkpoint(tmp_path / "old.safetensors", tensors, **about)
    assert load_model(tmp_path / "old.safetensors")[1] == CONFIG


class OtherRooms(DarkRoomFamily):
    "A family of a lesson: no configuration can name it."
    name = "OtherRooms"


@pytest.mark.parametrize("family, message", [
    (DarkRoomFamily(size=4, horizon=4),
     "observation_space = MultiDiscrete([4 4]): must be MultiDiscrete([3 3])"),
    (PermutedDarkRoomFamily(), "task_family = 'DarkRoom': the family given is 'PermutedDarkRoom'"),
    (OtherRooms(size=3, horizon=4), "task_family = 'DarkRoom' in the histories, must be 'OtherRooms'")])
def test_a_family_that_is_not_that_of_the_histories_is_refused(histories, family, message):
    refused(TrainingError, message, Trainer, CONFIG, histories, family)


def test_histories_that_a_configuration_cannot_be_trained_on_are_refused(tmp_path, histories):
    folder = tmp_path / "checkpoints"
    other = {"task_family_arguments": {"size": 3, "horizon": 5}}
    for message, changes in (("history_steps = 41: the histories have 40 transitions", {"history_steps": 41}),
                             ("histories: of tasks", {"split_seed": 1}),
                             ('task_family_arguments = {"horizon": 5, "size": 3}: in the histories', other)):
        refused(CompressedADError, message, trainer_in, folder, histories, CONFIG.changed(**changes))
    assert not folder.exists()


def test_a_family_without_a_name_is_trained_on_its_own_histories(histories):
    family = OtherRooms(size=4, horizon=6)
    own = collect(family, PosteriorSampling(), family.split(2).train, 2, 40, seed=0, progress=False)
    trainer = Trainer(CONFIG, own, family)
    trainer.train_step()
    assert trainer.about["spaces"]["observations"]["nvec"] == [4, 4]


def test_a_model_of_ones_own_is_trained(histories):
    family = CONFIG.family
    model = make_model(CONFIG.changed(seed=9), family.observation_space, family.action_space)
    before = copy.deepcopy(model.state_dict())
    trainer = Trainer(CONFIG, histories, family, model=model)
    assert trainer.model is model and torch.equal(model.decoder.positions, before["decoder.positions"])
    trainer.train_step()
    assert not torch.equal(model.decoder.positions, before["decoder.positions"])


def test_losses_and_hits_are_those_of_the_action_space(histories):
    "A stand-in that calls every action certain: the loss is 0, its gradient too, and everything is a hit."
    trainer = Trainer(CONFIG.changed(log_every=1), histories, CONFIG.family)

    class Certain:
        def loss(self, outputs, actions):
            return 0 * outputs.sum(-1)

        def hits(self, outputs, actions):
            return torch.ones_like(actions, dtype=torch.bool)
    trainer.model.actions = Certain()
    trainer.train_step()
    line = trainer.log[0]
    assert (line["loss"], line["accuracy"], line["gradient_norm"]) == (0, 1, 0)


def test_what_is_not_finite_is_none_in_the_log(tmp_path, histories):
    config = CONFIG.changed(evaluate_every=2)
    trainer = trainer_in(tmp_path, histories, config, evaluate=lambda model: {"last5": math.nan, "tasks": 3})
    trainer.run(until=5, progress=False)
    looks = [line["evaluation"] for line in trainer.log if "evaluation" in line]
    assert looks == [{"last5": None, "tasks": 3}] * 2 and not trainer.checkpoints.best.exists()
    json.dumps(load_checkpoint(tmp_path)[1], allow_nan=False)


def test_a_pretraining_goes_on_beside_an_extension(tmp_path, histories):
    config = CONFIG.changed(pretraining="mean", pretraining_steps=5, train_timesteps=40, schedule_steps=20)
    pretrainer = Pretrainer(config, histories, config.family, tmp_path)
    pretrainer.run(progress=False)
    assert pretrainer.step == 5 and pretrainer.config.schedule_steps == 0
    refused(TrainingError, "pretraining = 'none': must be one of mean, fields",
            Pretrainer, CONFIG, histories, CONFIG.family)


def without(tensors, name):
    return {key: tensor for key, tensor in tensors.items() if key != name}


@pytest.mark.parametrize("change, message", [
    (lambda tensors: without(tensors, "optimizer.0.exp_avg_sq"),
     "optimizer.0: has {'exp_avg': (8, 1), 'step': ()}, must have {"),
    (lambda tensors: tensors | {"model.compressor.initial_memory": torch.zeros(2, 3)},
     "its weights do not fit its configuration"),
    (lambda tensors: tensors | {"optimizer.0.exp_avg": torch.zeros(3, 3, 3)},
     "optimizer.0: has {'exp_avg': (3, 3, 3), "),
    (lambda tensors: tensors | {"optimizer.999.exp_avg": torch.zeros(3)},
     "optimizer.999: no such parameter"),
    (lambda tensors: without(tensors, "tally"), "not a checkpoint of a training run: 'tally'")])
def test_a_file_with_the_tensors_of_another_is_refused(tmp_path, histories, change, message):
    trainer_in(tmp_path, histories).run(until=1, progress=False)
    tensors, about = load_checkpoint(tmp_path)
    save_checkpoint(tmp_path / "step-00000001.safetensors", change(tensors), **about)
    refused(CheckpointError, message, trainer_in, tmp_path, histories)


def test_the_best_weights_are_kept_beside_the_latest(tmp_path, histories):
    returns = iter([0.2, 0.5, 0.5, 0.4])
    lines = []
    config = CONFIG.changed(train_timesteps=12, evaluate_every=3, checkpoint_every=4, keep_checkpoints=2)
    trainer = trainer_in(tmp_path, histories, config, evaluate=lambda model: {"last5": next(returns)},
                         report=lines.append)
    trainer.run(progress=False)
    _, about = load_checkpoint(trainer.checkpoints.best)
    assert (about["step"], about["last5"]) == (6, 0.5)
    assert trainer.checkpoints.steps() == [8, 12] and lines == trainer.log


def test_a_loss_that_is_no_number_is_not_saved(tmp_path, histories):
    trainer = trainer_in(tmp_path, histories, CONFIG.changed(log_every=1))
    trainer.run(until=5, progress=False)
    with torch.no_grad():
        trainer.model.compressor.initial_memory.fill_(math.nan)
    refused(TrainingError, "step 6: the loss or a weight is not finite", trainer.train_step)
    trainer.tally = trainer._new_tally()  # nothing is left that tells of the loss, but the weights do
    refused(TrainingError, "step 6: the loss or a weight is not finite", trainer.save)
    assert trainer.checkpoints.steps() == [5]


MUON = CONFIG.changed(optimizer="muon", muon_lr=0.02, lr=3e-3)


def test_muon_moves_the_matrices_inside_the_blocks_and_adamw_the_rest(histories):
    "Along the strongest direction of its gradient, a matrix takes a step of Muon's own size."
    config = MUON.changed(warmup_steps=0, weight_decay=0.0)
    trainer, twin = (Trainer(config, histories, config.family) for _ in range(2))
    twin.loss(twin.batches[0], twin.tally).backward()
    gradients = {name: weight.grad for name, weight in twin.model.named_parameters()}
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.train_step()
    moved = {name: weight.detach() - before[name] for name, weight in trainer.model.named_parameters()}
    inside = {name for name, weight in before.items() if ".blocks." in name and weight.ndim == 2}
    assert any("encoder" in name for name in inside) and any("decoder" in name for name in inside)
    for name in inside:
        left, _, right = torch.linalg.svd(gradients[name])
        rows, columns = moved[name].shape
        step = -left[:, 0] @ moved[name] @ right[0] / (config.muon_lr * max(1, rows / columns) ** 0.5)
        assert 0.6 < step < 1.3, (name, step)
    largest = max(moved[name].abs().max().item() for name in moved if name not in inside)
    assert largest == pytest.approx(MUON.lr, rel=1e-3)  # the first step of Adam is its learning rate


def test_an_interrupted_training_with_muon_is_the_one_that_is_not(tmp_path, histories):
    whole = trainer_in(tmp_path / "whole", histories, MUON)
    whole.run(progress=False)
    trainer_in(tmp_path / "parts", histories, MUON).run(until=7, progress=False)
    parts = trainer_in(tmp_path / "parts", histories, MUON)
    assert parts.step == 7
    parts.run(progress=False)
    assert same(whole, parts)
    names = {name.rpartition(".")[2] for name in whole.state() if name.startswith("optimizer.")}
    assert names == {"momentum_buffer", "exp_avg", "exp_avg_sq", "step"}


def test_the_optimiser_of_a_checkpoint_is_not_exchanged(tmp_path, histories):
    trainer_in(tmp_path, histories, MUON).run(until=7, progress=False)
    refused(CheckpointError, "optimizer = 'muon' there, 'adamw' here", trainer_in, tmp_path, histories,
            MUON.changed(optimizer="adamw"))


def in_three_threads(read, batch):
    with ThreadPoolExecutor(3) as threads:
        return list(threads.map(read, divided(batch, 4)))


@pytest.mark.parametrize("model", ["CompressedAD", "AD"])
def test_an_update_in_parts_is_that_of_the_whole_batch(histories, model):
    "Several parts, each on a thread of its own: the same mean gradient, the same numbers in the log."
    changes = {} if model == "CompressedAD" else {"model": "AD"}
    config = CONFIG.changed(**changes, log_every=1)
    whole, parts = (Trainer(config, histories, config.family) for _ in range(2))
    for step in range(3):
        assert len(divided(whole.batches[step], 4)) == 4
        whole.train_step()
        parts.in_parts = in_three_threads
        parts.train_step()
    for line, other in zip(whole.log, parts.log):
        assert line.keys() == other.keys() and line["targets"] == other["targets"]
        for key in ("loss", "accuracy", "source_entropy", "gradient_norm"):
            assert other[key] == pytest.approx(line[key], rel=1e-4)
        by_cycle = zip(line["latent_gradient_by_cycle"], other["latent_gradient_by_cycle"])
        assert all(b == pytest.approx(a, rel=1e-3) for a, b in by_cycle)
    for weight, other in zip(whole.model.parameters(), parts.model.parameters()):
        assert torch.allclose(weight, other, atol=1e-5)


def test_threads_are_given_back_and_change_nothing_from_run_to_run(tmp_path, histories):
    "Parts are summed in a fixed order, whichever thread is done first."
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        first, second = (trainer_in(tmp_path / name, histories) for name in "ab")
        first.run(until=6, progress=False)
        for until in (2, 4, 6):
            second.run(until=until, progress=False)
        assert torch.get_num_threads() == 3 and first.in_parts is as_a_whole
    finally:
        torch.set_num_threads(before)
    assert same(first, second)


def test_no_sample_is_lost_in_parts_of_about_the_same_size(histories):
    "Plans stay whole where there are enough of them."
    trainer = Trainer(CONFIG.changed(train_batch_size=12), histories, CONFIG.family)
    batch = trainer.batches[0]
    sizes = [samples.actions.numel() for samples in batch]
    for n_parts in (1, 2, 3, 4, 100):
        parts = divided(batch, n_parts)
        assert len(parts) == min(n_parts, 12) and (n_parts > 2 or sum(map(len, parts)) == 2)
        targets = [sum(piece.actions.numel() for piece in part) for part in parts]
        assert sum(targets) == sum(sizes) and max(targets) - min(targets) <= max(sizes)
        for samples in batch:
            mine = [piece for part in parts for piece in part if piece.plan is samples.plan]
            tasks = np.concatenate([piece.tasks for piece in mine])
            actions = torch.cat([piece.actions for piece in mine])
            assert sorted(tasks) == sorted(samples.tasks)
            assert actions.sum() == samples.actions.sum() and len(actions) == len(samples.actions)


def test_a_linear_schedule_is_constant_and_then_a_straight_line():
    config = CONFIG.changed(train_timesteps=100, warmup_steps=10, schedule="linear", decay_fraction=0.4,
                            final_lr_fraction=0.0)
    rates = [learning_rate(step, config) / config.lr for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and set(rates[9:61]) == {1.0}
    assert np.allclose(rates[60:], np.linspace(1, 0, 41))
    early = config.changed(decay_fraction=1.0)  # the line begins where the warm-up ends
    assert learning_rate(55, early) == pytest.approx(0.5 * config.lr)
