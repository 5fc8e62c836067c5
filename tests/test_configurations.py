"Whatever is put into a configuration: it builds a model that takes a step, or is refused by name."
import math

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compressed_ad.config import Config, ConfigError, make_config, merge_settings
from compressed_ad.recording import collect_for
from compressed_ad.trainer import Trainer

BASE = dict(task_family_arguments={"size": 3, "horizon": 4}, n_held_out_tasks=2, n_streams=2, tf_n_embd=8,
            tf_n_layer=1, tf_n_head=2, encoder_n_layer=1, encoder_n_head=2, warmup_steps=0, log_every=1)
# small values, with some that cannot be and some that contradict others
SMALL = {
    "model": st.sampled_from(["AD", "CompressedAD", "GRU"]), "history_steps": st.integers(1, 40),
    "decoder_max_seq_length": st.integers(1, 24), "tf_n_embd": st.sampled_from([4, 6, 8, 12]),
    "tf_n_head": st.integers(0, 4), "encoder_n_head": st.integers(1, 4), "tf_n_layer": st.integers(1, 2),
    "n_latent": st.integers(0, 12), "learned_initial_memory": st.booleans(),
    "memory_cleared": st.booleans(), "keep_length": st.integers(-1, 8), "gru_width": st.integers(1, 8),
    "gru_n_layer": st.integers(1, 2), "min_compression_depth": st.integers(0, 3),
    "max_compression_depth": st.integers(0, 4), "depth_growth_steps": st.integers(0, 3),
    "gradient_depth": st.integers(0, 5), "min_compress_length": st.integers(0, 6),
    "max_compress_length": st.integers(1, 8),
    "segment_lengths": st.sampled_from(["random", "random_first"]),
    "min_uncompressed_length": st.integers(0, 4), "max_uncompressed_length": st.integers(0, 8),
    "plans_per_batch": st.integers(1, 3), "train_batch_size": st.integers(1, 6),
    "train_timesteps": st.integers(0, 3), "warmup_steps": st.integers(0, 3),
    "schedule_steps": st.integers(0, 3),
    "lr": st.one_of(st.floats(-1, 1), st.sampled_from([math.nan, math.inf])),
    "final_lr_fraction": st.floats(-0.5, 1.5),
    "betas": st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)), "weight_decay": st.floats(-0.1, 1),
    "gradient_clip": st.floats(-0.1, 2), "action_noise": st.floats(-0.2, 1.2),
    "record_entropies": st.booleans(), "seed": st.integers(-1, 3),
    "precision": st.sampled_from(["fp32", "bf16"]),
    "long_evaluation_episodes": st.sampled_from([0, 20, 100])}
WRONG = st.one_of(st.none(), st.text(max_size=3), st.lists(st.integers(), max_size=2), st.floats(),
                  st.booleans(), st.integers(-3, 3))


def refusal(values) -> str | None:
    "Why a configuration is refused, if it is: every line must begin with a key and its value."
    try:
        make_config(BASE | values)
    except ConfigError as error:
        for line in str(error).splitlines():
            names = {*Config.model_fields, *map(str, values), *map(repr, values)}
            assert any(line.startswith((f"{name} = ", f"{name}.")) for name in names), line
        return str(error)
    return None


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional=SMALL))
def test_a_configuration_takes_a_step_or_is_refused_by_name(values):
    if refusal(values):
        return
    torch.set_num_threads(1)
    config = make_config(BASE | values)
    family = config.family
    trainer = Trainer(config, collect_for(config, progress=False), family)
    trainer.train_step()
    assert math.isfinite(trainer.log[-1]["loss"])
    memory = trainer.model.start(2)
    logits, _ = trainer.model.predict(memory, torch.as_tensor(np.ones((2, 2), int)))
    assert logits.shape == (2, 5) and logits.isfinite().all()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(Config.model_fields)), WRONG)
def test_a_value_of_any_type_is_taken_or_refused_by_name(key, value):
    said = refusal({key: value})
    if said is None:
        kept = getattr(make_config(BASE | {key: value}), key)
        # nothing is turned into something else
        assert kept == value and (type(kept) is type(value) or isinstance(kept, float))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), st.integers(), min_size=1, max_size=2))
def test_an_unknown_key_is_refused(values):
    assert set(values) & set(Config.model_fields) or refusal(values) is not None


def test_the_strategy_finds_both():
    "A property that never takes a step, or never refuses, would say nothing."
    counts = {True: 0, False: 0}

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.fixed_dictionaries({}, optional=SMALL))
    def count(values):
        counts[refusal(values) is None] += 1
    count()
    assert min(counts.values()) >= 5, counts


def test_arguments_stay_where_neither_file_names_the_part():
    "A file that leaves the task family at its default, and says how large its rooms are."
    rooms = {"task_family_arguments": {"size": 5}}
    assert merge_settings(rooms, {"seed": 1}) == rooms | {"seed": 1}
    assert merge_settings(rooms, {"task_family": "KeyToDoor"}) == {"task_family": "KeyToDoor"}
