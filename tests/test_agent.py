"One agent in the user's own loop: it acts as `evaluate` does, and takes nothing from outside its spaces."
import gymnasium as gym
import numpy as np
import pytest
import torch

from compressed_ad.agent import Agent, AgentError, load_agent
from compressed_ad.checkpoints import save_checkpoint
from compressed_ad.config import make_config
from compressed_ad.evaluation import evaluate
from compressed_ad.insight.rollout import packaged_model
from compressed_ad.models import make_model
from compressed_ad.tasks.dark_room import DARK_ROOM_ID

N_STEPS = 120  # ten compressions of the packaged model
SMALL = dict(
    decoder_max_seq_length=15, n_latent=4, tf_n_embd=16, tf_n_layer=1, tf_n_head=1, encoder_n_layer=1,
    encoder_n_head=1, max_compress_length=11, max_uncompressed_length=10, history_steps=90)


def evaluated(tasks, **named):
    "Actions and rewards (n_tasks, n_steps) of the packaged model in `evaluate`, and its last memory."
    model, config = packaged_model("gallery")
    actions, rewards, memories = [], [], []

    def look(step, transitions, memory):
        actions.append(transitions.actions[:, 0].numpy())
        rewards.append(transitions.rewards[:, 0].numpy())
        memories.append(memory)
        return memory
    evaluate(model, config.family, tasks, 1, 1, progress=False, window=N_STEPS, hook=look, **named)
    return np.stack(actions, 1), np.stack(rewards, 1), memories[-1]


def lived(agent, room, n_steps):
    "Actions and rewards (n_steps,) of an agent in a single Gymnasium environment."
    actions, rewards = [], []
    observation, _ = room.reset()
    for _ in range(n_steps):
        action = agent.act(observation)
        following, reward, terminated, truncated, _ = room.step(action)
        agent.observe(observation, action, reward, following, terminated or truncated)
        actions.append(action)
        rewards.append(reward)
        observation = room.reset()[0] if terminated or truncated else following
    return np.array(actions), np.array(rewards)


@pytest.mark.parametrize("greedy, seed", [(True, 0), (False, 3)])
def test_acts_as_in_evaluate(greedy, seed):
    task = int(packaged_model("gallery")[1].split.held_out[4])
    agent = load_agent("gallery", greedy=greedy, seed=seed, device="cpu")
    actions, rewards = lived(agent, gym.make(DARK_ROOM_ID, goal=divmod(task, 9)), N_STEPS)
    expected_actions, expected_rewards, memory = evaluated([task], greedy=greedy, seed=seed)
    assert np.array_equal(actions, expected_actions[0])
    assert np.array_equal(rewards, expected_rewards[0])
    assert agent.memory.n_compressions == memory.n_compressions >= 10
    assert agent.memory.n_transitions == N_STEPS
    assert np.allclose(agent.latents, memory.latents[0].numpy(), atol=1e-6)
    assert len(set(actions)) > 1


def test_batch_of_environments_acts_as_in_evaluate():
    tasks = packaged_model("gallery")[1].split.held_out[:3]
    rooms = [gym.make(DARK_ROOM_ID, goal=divmod(int(task), 9)) for task in tasks]
    agent = load_agent("gallery", n=3, seed=5, device="cpu")
    expected_actions, expected_rewards, _ = evaluated(tasks, seed=5)
    observations = np.stack([room.reset()[0] for room in rooms])
    for step in range(N_STEPS):
        actions = agent.act(observations)
        assert np.array_equal(actions, expected_actions[:, step])
        told = [room.step(action) for room, action in zip(rooms, actions)]
        following = np.stack([part[0] for part in told])
        rewards = np.array([part[1] for part in told])
        ended = np.array([part[2] or part[3] for part in told])
        assert np.array_equal(rewards, expected_rewards[:, step])
        agent.observe(observations, actions, rewards, following, ended)
        observations = np.stack([room.reset()[0] if end else after
                                 for room, end, after in zip(rooms, ended, following)])


def test_memory_stays_flat_and_is_forgotten_by_reset():
    agent = load_agent("gallery", device="cpu")
    room = gym.make(DARK_ROOM_ID, goal=(1, 7))
    sizes = []
    for _ in range(6):
        lived(agent, room, 55)  # five compressions
        memory = agent.memory
        sizes.append((memory.n_tokens, agent.latents.nbytes, memory.recent.shape, memory.cache))
    assert len(set(sizes)) == 1 and agent.memory.n_compressions == 30
    agent.reset()
    empty = load_agent("gallery", device="cpu")
    assert agent.memory.n_transitions == agent.memory.n_compressions == 0
    assert np.array_equal(agent.latents, empty.latents)


def test_learns_from_what_others_do():
    "A demonstration that is only observed gives the memory that acting it would have given."
    agent = load_agent("gallery", device="cpu", greedy=True)
    actor = load_agent("gallery", device="cpu", greedy=True)
    room = gym.make(DARK_ROOM_ID, goal=(4, 6))
    observation, _ = room.reset()
    for action in (4, 4, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0):
        actor.act(observation)
        following, reward, _, ended, _ = room.step(action)
        for one in (agent, actor):
            one.observe(observation, action, reward, following, ended)
        observation = following
    assert agent.memory.n_compressions == 1
    assert np.allclose(agent.latents, actor.latents, atol=1e-6)
    assert agent.act(observation) == actor.act(observation)


STAY = ([4, 4], 0, 0.0, [4, 4], False)


@pytest.mark.parametrize("place, value, named", [
    (0, [9, 4], "observation = [9, 4]: must lie in MultiDiscrete([9 9])"),
    (0, [4, -1], "observation = [4, -1]"),
    (0, [4.0, 4.0], "observation: has the type float64"),
    (0, [4, 4, 4], "observation: each has the shape (3,)"),
    (1, 5, "action = 5: must lie in Discrete(5)"),
    (1, [0], "action: each has the shape (1,)"),
    (2, float("nan"), "reward = nan: must be a finite number"),
    (2, [0.0, 1.0], "reward = [0.0, 1.0]: must be a finite number"),
    (3, [4, 9], "next_observation = [4, 9]"),
    (4, 0.5, "ended = 0.5: must be true or false"),
])
def test_refuses_by_name_what_is_not_in_its_spaces(place, value, named):
    agent = load_agent("gallery", device="cpu")
    told = [*STAY]
    told[place] = value
    with pytest.raises(AgentError) as error:
        agent.observe(*told)
    assert named in str(error.value)
    assert agent.memory.n_transitions == 0, "something was remembered"
    if place == 0:
        with pytest.raises(AgentError) as error:
            agent.act(value)
        assert named in str(error.value)


def test_refuses_rows_that_are_not_its_environments():
    agent = load_agent("gallery", n=3, device="cpu")
    with pytest.raises(AgentError, match="observation: has the shape .*, must have a row for each of 3"):
        agent.act(np.full((2, 2), 4))
    with pytest.raises(AgentError, match="reward = .*: must be a finite number for each environment"):
        centres = np.full((3, 2), 4)
        agent.observe(centres, np.zeros(3, int), np.zeros((3, 1)), centres, np.zeros(3, bool))
    for n in (0, -1, 1.5):
        with pytest.raises(AgentError, match="n = "):
            load_agent("gallery", n=n)


def test_loads_a_run_folder_a_checkpoint_or_a_packaged_model(tmp_path):
    config = make_config(SMALL | {"task_family_arguments": {"size": 5, "horizon": 10}})
    model = make_model(config, config.family.observation_space, config.family.action_space)
    path = tmp_path / "run" / "checkpoints" / "step-00000020.safetensors"
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    save_checkpoint(path, weights, step=20, config=config.model_dump(mode="json"))
    save_checkpoint(path.with_name("step-00000010.safetensors"), {}, step=10, config={})
    for source in (path, str(path), path.parent.parent):
        agent = load_agent(source, device="cpu")
        assert isinstance(agent, Agent)
        loaded = agent.model.state_dict()
        assert all(torch.equal(value, weights[f"model.{name}"]) for name, value in loaded.items())
        with pytest.raises(AgentError, match=r"observation = \[5, 0\]: must lie in MultiDiscrete\(\[5 5\]\)"):
            agent.act([5, 0])
        assert isinstance(agent.act([4, 0]), int)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no checkpoint", encoding="utf-8")
    refused = {tmp_path / "empty": "a folder without checkpoints", tmp_path / "text": "not a checkpoint",
               tmp_path / "missing": "neither a run folder nor a checkpoint", "galery": "gallery"}
    for source, named in refused.items():
        with pytest.raises(AgentError, match=named):
            load_agent(source)
