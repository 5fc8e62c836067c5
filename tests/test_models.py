"What a model keeps for acting, and which of its weights are used at all."
import numpy as np
import torch

from compressed_ad.config import make_config
from compressed_ad.decoder import decoder_mask
from compressed_ad.embedding import Transitions
from compressed_ad.evaluation import evaluate
from compressed_ad.histories import collect_for
from compressed_ad.models import make_model
from compressed_ad.training import Trainer

SETTINGS = dict(
    task_family_arguments={"size": 3, "horizon": 6}, n_held_out_tasks=2, n_streams=8, history_steps=60,
    tf_n_embd=16, tf_n_layer=1, tf_n_head=2, encoder_n_layer=1, encoder_n_head=2, n_latent=3,
    decoder_max_seq_length=15,
    min_compression_depth=1, max_compression_depth=3, min_compress_length=2, max_compress_length=12,
    min_uncompressed_length=11, max_uncompressed_length=11, train_batch_size=8, warmup_steps=1,
    train_timesteps=20)


def model_of(**changes):
    config = make_config(SETTINGS | changes)
    return make_model(config, config.family.observation_space, config.family.action_space), config


def test_acting_keeps_no_masks():
    "Each step needs the mask of its last tokens only; whole ones took 345 MB at a window of 1,000."
    for changes in ({"model": "AD", "decoder_max_seq_length": 40}, {}):
        model, config = model_of(**changes)
        decoder_mask.cache_clear()
        evaluate(model, config.family, [0, 1], 2, 1, progress=False, window=60)
        assert decoder_mask.cache_info().misses == 0


def test_every_position_of_the_decoder_is_used():
    "Latents have slots of their own: the rest of decoder_max_seq_length needs positions."
    for changes, n_positions in (({}, 12), ({"model": "AD"}, 15)):
        config = make_config(SETTINGS | changes)
        trainer = Trainer(config, collect_for(config, progress=False), config.family)
        trainer.wrapped_loss(trainer.batches[0], trainer.tally).backward()
        gradient = trainer.model.decoder.positions.grad
        assert len(gradient) == n_positions and (gradient.abs().sum(1) > 0).all()


def test_a_compression_by_stream_keeps_what_other_streams_have_read():
    "A stream that is not due keeps its cache, the others read again; all answer as without a cache."
    model, _ = model_of()
    model.compressor.due = lambda memory, latest, room, keep: torch.where(
        (torch.arange(2) == 0) & (memory.n_recent > 4) | (memory.n_recent > room), memory.n_recent, 0)
    answers = []
    for has_cache in (True, False):
        memory, random = model.start(2), np.random.default_rng(0)
        for _ in range(25):
            seen = torch.as_tensor(random.integers(3, size=(2, 1, 2)))
            answer, filled = model.predict(memory, seen[:, 0])
            memory = filled if has_cache else memory
            nothing = torch.zeros(2, 1, dtype=int)
            fields = (seen, nothing, torch.ones(2, 1), seen, nothing.bool())
            names = ("observations", "actions", "rewards", "next_observations", "episode_ends")
            memory = model.observe(memory, Transitions(**dict(zip(names, fields))))
            answers.append(answer)
    assert memory.compressions.tolist() == [5, 2]
    assert torch.allclose(torch.stack(answers[:25]), torch.stack(answers[25:]), atol=1e-5)
