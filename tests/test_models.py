"What a model keeps for acting, and which of its weights are used at all."
import numpy as np
import torch

from compressed_ad.config import make_config
from compressed_ad.decoder import decoder_mask
from compressed_ad.embedding import Transitions
from compressed_ad.evaluation import evaluate
from compressed_ad.recording import collect_for
from compressed_ad.models import make_model
from compressed_ad.trainer import Trainer

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
        trainer.loss(trainer.batches[0], trainer.tally).backward()
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


def test_normalised_queries_and_keys_are_the_same_in_training_and_acting():
    "All answers of one pass are those of single queries with a cache, which keeps keys that are normalised."
    for changes in ({"model": "AD"}, {}):
        model, config = model_of(qk_norm=True, tf_n_layer=2, **changes)
        torch.manual_seed(0)
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        assert all(block.qk_norm for block in model.decoder.blocks)
        transitions = collect_for(config, progress=False).read(np.arange(3), np.zeros(3, int), 12)
        read = Transitions.of(transitions)
        with torch.no_grad():
            answers = model(read[:, :-1], read.observations, () if changes else (5,)).logits
            memory = model.start(3)
            for step in range(12):
                single, memory = model.predict(memory, read.observations[:, step])
                assert torch.allclose(single, answers[:, step], atol=1e-4), (changes, step)
                memory = memory.append(model.embedding(read[:, step:step + 1]))
                if not changes and step == 4:
                    memory = model.compress(memory, 5)


def test_outputs_that_are_zero_at_first_leave_the_stream_alone():
    "Such a model answers by its query alone; after some updates it does not."
    model, config = model_of(zero_outputs=True)
    blocks = [*model.encoder.blocks, *model.decoder.blocks]
    tokens = torch.randn(2, 5, 16)
    assert all(torch.equal(block(tokens), tokens) for block in blocks)
    trainer = Trainer(config.changed(train_timesteps=3), collect_for(config, progress=False), config.family)
    trainer.run(progress=False)
    moved = [*trainer.model.encoder.blocks, *trainer.model.decoder.blocks]
    assert all(not torch.equal(block(tokens), tokens) for block in moved)
