"Every compressor: training reads a life as it was acted; streams do not disturb each other."
import numpy as np
import pytest
import torch

from compressed_ad.config import make_config
from compressed_ad.dataset import Plan
from compressed_ad.embedding import Transitions
from compressed_ad.files import CompressedADError
from compressed_ad.insight.rollout import record_rollout
from compressed_ad.insight.views import looks_view, replay_view
from compressed_ad.models import make_model
from compressed_ad.studies import StudyError, acting_with
from compressed_ad.tasks.dark_room import DarkRoomFamily

FAMILY = DarkRoomFamily()
SETTINGS = {"n_latent": 8, "decoder_max_seq_length": 20, "tf_n_embd": 32, "tf_n_layer": 2, "tf_n_head": 2,
            "encoder_n_layer": 2, "encoder_n_head": 2, "history_steps": 170, "max_compression_depth": 12,
            "min_compress_length": 2, "max_compress_length": 12, "min_uncompressed_length": 0,
            "max_uncompressed_length": 11}
KINDS = [("replace", {}), ("cleared", {}), ("gated", {}), ("nested", {}), ("levels", {}),
         ("levels", {"clock": "shuffled"}),
         *(("selective", {"rule": rule}) for rule in ("learned", "random", "newest", "rewarded", "attention",
                                                      "information")),
         ("selective", {"n_kept": 8}),
         *(("adaptive", {"when": when}) for when in ("learned", "fixed", "random", "event")),
         ("adaptive", {"when": "fixed", "cut": 1})]


def model_of(kind, arguments, **changes):
    "A model whose weights are large enough that whatever it reads shows in its logits."
    config = make_config(SETTINGS | {"compressor": kind, "compressor_arguments": arguments} | changes)
    model = make_model(config, FAMILY.observation_space, FAMILY.action_space)
    random = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.2, generator=random)
    return model.eval()


def walks(n, n_steps):
    "Agents that move at random and are rewarded now and then: transitions, query states (n, n_steps + 1, 2)."
    random = np.random.default_rng(0)
    cells = random.integers(9, size=(n, n_steps + 1, 2))
    arrays = {"observations": cells[:, :-1], "actions": random.integers(5, size=(n, n_steps)),
              "rewards": (random.random((n, n_steps)) < 0.1).astype(np.float32),
              "next_observations": cells[:, 1:],
              "episode_ends": random.random((n, n_steps)) < 0.05}
    return Transitions.of(arrays), torch.as_tensor(cells)


def act_along(model, transitions, observations):
    "Logits at each step, latents at the end, and the cuts of each stream: length and what was left."
    memory, logits = model.start(len(observations)), []
    cuts = [[] for _ in observations]
    with torch.no_grad():
        for step in range(transitions.actions.shape[1]):
            answer, memory = model.predict(memory, observations[:, step])
            logits.append(answer)
            before = memory
            memory = model.observe(memory, transitions[:, step:step + 1])
            for stream in torch.nonzero(memory.compressions > before.compressions)[:, 0].tolist():
                left = int(memory.n_recent[stream])
                cuts[stream].append((int(before.n_recent[stream]) + 1 - left, left))
        answer, _ = model.predict(memory, observations[:, -1])
    return torch.stack([*logits, answer], 1), memory.latents, cuts


@pytest.mark.parametrize("kind, arguments", KINDS)
def test_training_reads_a_life_as_it_was_acted(kind, arguments):
    model = model_of(kind, arguments)
    transitions, observations = walks(3, 90)
    acted, latents, cuts = act_along(model, transitions, observations)
    for stream, own in enumerate(cuts):
        lengths, left = zip(*own)
        plan = Plan(lengths, 90, keeps=left, n_latent=latents.shape[1])
        rows = slice(stream, stream + 1)
        with torch.no_grad():
            [read] = model.forward_together([(transitions[rows], observations[rows], plan)])
        assert len(own) >= 7
        assert torch.allclose(read.latents[-1], latents[rows], atol=1e-4)
        assert read.steps.tolist() == list(range(91))
        assert torch.allclose(read.logits, acted[rows], atol=2e-3), (read.logits - acted[rows]).abs().max()


@pytest.mark.parametrize("kind, arguments", KINDS)
def test_streams_do_not_disturb_each_other(kind, arguments):
    model = model_of(kind, arguments)
    transitions, observations = walks(3, 60)
    together, latents, cuts = act_along(model, transitions, observations)
    alone, own, [its_cuts] = act_along(model, transitions[1:2], observations[1:2])
    assert its_cuts == cuts[1]
    assert torch.allclose(own, latents[1:2], atol=1e-4) and torch.allclose(alone, together[1:2], atol=2e-3)


@pytest.mark.parametrize("kind, arguments", KINDS)
def test_all_it_has_is_trained(kind, arguments):
    "Every weight gets a gradient from a batch of plans that its compressor draws."
    model = model_of(kind, arguments)
    random = np.random.default_rng(3)
    total = 0.0
    transitions, observations = walks(4, 169)
    drawn = [model.draw_plan(model.config, random, 10) for _ in range(6)]
    deep = [plan for plan in drawn if plan.depth >= 4]
    assert deep
    for plan in drawn:
        n = plan.n_transitions
        [read] = model.forward_together([(transitions[:, :n], observations[:, :n + 1], plan)])
        assert read.logits.shape[1] == model.n_targets(model.config, plan)
        total = total + read.logits.square().mean()
        samples = type("Samples", (), {"plan": plan, "transitions": transitions, "observations": observations,
                                       "actions": transitions.actions, "tasks": np.arange(4)})
        total = total + model.loss_beside(samples)
    total.backward()
    without = [name for name, weight in model.named_parameters()
               if weight.grad is None or not weight.grad.any()]
    assert without == []


def test_surprise_is_that_of_the_action_taken():
    model = model_of("adaptive", {"when": "surprise"})
    transitions, observations = walks(2, 8)
    logits, _, _ = act_along(model, transitions, observations)
    memory = model.start(2)
    with torch.no_grad():
        for step in range(8):
            _, memory = model.predict(memory, observations[:, step])
            memory = model.observe(memory, transitions[:, step:step + 1])
    expected = -logits[:, :8].log_softmax(-1).gather(2, transitions.actions[..., None])[..., 0]
    assert torch.allclose(memory.recent[..., -1], expected, atol=1e-4)


def test_information_is_kept_by_the_oracle_rule():
    "The transition that found the goal is kept for ever; what follows it tells nothing."
    model = model_of("selective", {"rule": "information", "n_kept": 2})
    cells = torch.full((1, 60, 2), 4)
    cells[0, 25:] = 7
    rewards = torch.zeros(1, 60)
    rewards[0, 25:] = 1  # the goal is reached at step 25
    transitions = Transitions(cells, torch.zeros(1, 60, dtype=int), rewards, cells,
                              torch.zeros(1, 60, dtype=bool))
    observations = torch.cat([cells, cells[:, -1:]], 1)
    _, latents, _ = act_along(model, transitions, observations)
    token = model.embedding(transitions[:, 25:26])[0, 0]
    gains = latents[0, 6:, -1].tolist()
    assert (latents[0, 6:, :32] == token).all(-1).any()
    assert max(gains) == pytest.approx(np.log(80))  # one cell was ruled out before


@pytest.mark.parametrize("kind, arguments, changes, told", [
    ("nested", {"sizes": [4, 2, 8]}, {}, r"sizes = \[4, 2, 8\]: must be whole numbers that rise"),
    ("nested", {"sizes": [2, 4]}, {}, "must be whole numbers that rise to n_latent = 8"),
    ("nested", {}, {"learned_initial_memory": False}, "must be true with compressor = 'nested'"),
    ("levels", {"n_levels": 9}, {}, "n_levels = 9: must be a whole number from 2 to n_latent = 8"),
    ("levels", {"clock": "slow"}, {}, "clock = 'slow': must be powers or shuffled"),
    ("levels", {}, {"max_compression_depth": 11}, "must be at least 12, so that the slowest of 3 levels"),
    ("selective", {"n_kept": 9}, {}, "n_kept = 9: must be a whole number from 1 to n_latent = 8"),
    ("selective", {"rule": "best"}, {}, "rule = 'best': must be one of learned, random"),
    ("selective", {"rule": "attention", "n_kept": 8}, {}, "n_kept must be less than n_latent"),
    ("adaptive", {"n_cuts": 1}, {}, "n_cuts = 1: must be a whole number from 2 to 12"),
    ("adaptive", {"when": "late"}, {}, "when = 'late': must be one of learned, fixed"),
    ("adaptive", {"cut": 4}, {}, "cut = 4: must be a whole number from 0 to n_cuts = 3"),
    ("adaptive", {"histogram": [1.0]}, {}, "must have n_cuts = 3 frequencies"),
    ("adaptive", {}, {"keep_length": 2}, "keep_length = 2: must be 0 with compressor = 'adaptive'"),
    ("gated", {"biass": 1.0}, {}, "compressor_arguments.*biass"),
])
def test_what_cannot_be_is_refused_by_name(kind, arguments, changes, told):
    with pytest.raises(CompressedADError, match=told):
        model_of(kind, arguments, **changes)


@pytest.mark.parametrize("kind, arguments", KINDS)
def test_a_life_is_recorded_and_replayed(kind, arguments):
    model = model_of(kind, arguments)
    [rollout] = record_rollout(model, model.config, [30], 60, progress=False)
    assert rollout.latents.shape[0] == len(rollout.segment_lengths) >= 4
    replayed = replay_view(rollout).data["memory_cells"]
    has_map = getattr(model.compressor, "encoder", None) is not None and model.compressor.reads_once
    assert (replayed is not None) == (len(rollout.encoder_attention) > 0) == has_map
    looks_view(rollout)


def test_a_model_acts_otherwise_with_the_same_weights():
    model = model_of("nested", {})
    small = acting_with(model, {"n_used": 2})
    assert small.start(3).latents.shape == (3, 2, 32) and model.start(3).latents.shape == (3, 8, 32)
    assert small.compressor.encoder is model.compressor.encoder
    with pytest.raises(StudyError, match="acting: n_usde = 2: Nested has no n_usde"):
        acting_with(model, {"n_usde": 2})
