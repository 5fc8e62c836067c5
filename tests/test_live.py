"The live page in a real browser: what torch would answer, what the agents do, and the reader's hands."
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Watch

from compressed_ad.cli import cad_live, cad_train
from compressed_ad.config import read_config
from compressed_ad.insight.live import (
    PACKAGED, LiveError, about_model, live_view, packaged_live, packed_weights)
from compressed_ad.insight.rollout import packaged_model, record_rollout
from compressed_ad.models import make_model

SCREENSHOTS = Path(__file__).parent.parent / "runs" / "screenshots"
MODELS = sorted(name for pair in PACKAGED.values() for name in pair)

REPLAY = """async ([weights, about, happened]) => {
  const model = new liveAgent.Model(about, await liveAgent.unpacked(weights));
  const memory = model.start(), told = [];
  for (const transition of happened) {
    told.push(liveAgent.softmax(model.predict(memory, transition.observations).logits));
    model.observe(memory, transition);
  }
  return [told, memory.compressions];
}"""

# returns (lives, episodes) of lives with some seeds; in the place of CHANGE a life may be disturbed
LIVE = """async ([agent, lives, episodes, settings]) => {
  const page = document.querySelector('section').page, all = [];
  const {Life} = liveAgent;
  for (let seed = 0; seed < lives; seed++) {
    const {goal} = page.data.world;
    const world = page.kind === 'DarkRoom' ? page.room(goal) : page.maze(settings.corridor, seed % 2);
    const life = new Life(page.models[agent], world, seed, settings);
    for (let done = 0; done < episodes; done++) { CHANGE life.episodes(1); }
    all.push(life.returns);
  }
  return all;
}"""


@cache
def packaged(name: str):
    return packaged_model(name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pages(browser, tmp_path_factory):
    "Each packaged page, open and at rest; and what it complained of."
    folder, opened = tmp_path_factory.mktemp("live"), {}
    for name in PACKAGED:
        path = folder / f"{name}.html"
        packaged_live(name).save(path)
        page = browser.new_page(viewport={"width": 1100, "height": 900}, reduced_motion="reduce")
        watch = Watch(page, ("file:", "data:"))
        page.goto(path.as_uri())
        page.wait_for_selector("svg")
        opened[name] = page, watch, path
    yield opened
    for page, _, _ in opened.values():
        page.close()


def lives(page, agent=0, n=8, episodes=20, change="", **settings) -> np.ndarray:
    return np.array(page.evaluate(LIVE.replace("CHANGE", change), [agent, n, episodes, settings]))


def wait_until(page, condition: str) -> None:
    "Playwright's own waiting needs `eval`, which a page with our policy refuses."
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not in a minute: {condition}")


@pytest.mark.parametrize("precision, limit", [("float32", 1e-4), ("float16", 2e-3)])
@pytest.mark.parametrize("name", MODELS)
def test_the_page_answers_what_torch_answers(pages, name, precision, limit):
    model, config = packaged(name)
    n_steps = 500 if config.model == "CompressedAD" else 120
    [rollout] = record_rollout(model, config, [int(config.split.held_out[0])], n_steps, progress=False)
    fields = ("observations", "actions", "rewards", "next_observations", "episode_ends")
    columns = [getattr(rollout, field).astype(float).tolist() for field in fields]
    happened = [dict(zip(fields, values)) for values in zip(*columns)]
    page, _, _ = pages["room"]
    weights = packed_weights(model.state_dict(), precision)
    told, compressions = page.evaluate(REPLAY, [weights, about_model(model), happened])
    distance = np.abs(np.array(told) - rollout.probabilities).sum(1).max() / 2  # total variation
    assert distance < limit
    if config.model == "CompressedAD":
        assert compressions == len(rollout.latents) >= 15
    else:
        assert compressions == 0


def test_an_agent_learns_in_the_page_and_needs_its_latents(pages):
    page, _, _ = pages["room"]
    returns = lives(page)
    assert returns[:, 0].mean() < 8 and returns[:, 19].mean() >= 14  # of 16
    assert lives(page, cleared=True)[:, 19].mean() <= 1


def test_what_happens_when_the_goal_moves(pages):
    page, _, _ = pages["room"]
    other = page.evaluate("document.querySelector('section').page.data.world.other")
    change = f"if (done === 20) life.world.goal = {json.dumps(other)};"
    returns = lives(page, episodes=40, change=change).mean(0)
    assert returns[19] > 14 and returns[20] < 4 and returns[39] > 12


def test_another_s_memory_leads_to_the_other_s_goal(pages):
    page, _, _ = pages["room"]
    other = page.evaluate("document.querySelector('section').page.data.world.other")
    change = f"""if (done === 20) {{
        const donor = new Life(life.model, page.room({json.dumps(other)}), 7);
        life.give(donor.episodes(20).memory);
    }}"""
    returns = lives(page, episodes=40, change=change).mean(0)
    assert returns[19] > 14 and returns[20] < 8 and returns[39] > 12


def test_in_a_maze_longer_than_the_window_only_the_memory_knows_the_way(pages):
    page, _, _ = pages["maze"]
    assert lives(page, 0, 4, 4, corridor=60, greedy=True).mean() == 1
    assert lives(page, 1, 4, 4, corridor=20, greedy=True).mean() == 1  # AD, while the cue is in the window
    assert lives(page, 1, 4, 4, corridor=60, greedy=True).mean() == 0.5  # always the same arm
    assert lives(page, 0, 2, 2, corridor=1000, greedy=True).mean() == 1


def test_the_world_of_the_page_is_that_of_the_package(pages):
    "The same actions in both: the same observations, rewards and ends."
    random = np.random.default_rng(0)
    program = """([world, actions]) => {
      const seen = [];
      world.reset();
      for (const action of actions) {
        const before = world.observation, {reward, ended} = world.step(action);
        seen.push([before, world.observation, reward, Number(ended)]);
        if (ended) world.reset();
      }
      return [seen, world.best];
    }"""
    walk = lambda world, actions: page.evaluate(f"actions => ({program})([{world}, actions])", actions)
    page, _, _ = pages["room"]
    for arguments in ({"size": 9, "horizon": 20, "ends_at_goal": False},
                      {"size": 5, "horizon": 7, "ends_at_goal": True}):
        family = read_config("ad_dr").changed(task_family_arguments=arguments, n_held_out_tasks=2).family
        for task in (0, 7, family.centre):
            goal = family.goals[task].tolist()
            actions = random.integers(5, size=60).tolist()
            seen, best = walk(f"new liveAgent.DarkRoom({json.dumps(arguments)}, {goal})", actions)
            assert best == family.oracle_returns(np.array([task]))[0]
            assert_same(family, task, actions, seen)
    maze = read_config("lab_t_maze").family
    for cue in (0, 1):
        actions = random.choice(4, p=[.7, .1, .1, .1], size=80).tolist()
        seen, _ = walk(f"new liveAgent.PassiveTMaze({{}}, 5, {cue})", actions)
        assert_same(maze, 2 * list(maze.lengths).index(5) + cue, actions, seen)


def assert_same(family, task, actions, seen):
    from compressed_ad.tasks.family import reset_environment, step_and_reset
    environment = family.vector(np.array([task]))
    observations = reset_environment(environment, 0)
    for action, (before, after, reward, ended) in zip(actions, seen):
        following, rewards, terminated, truncated, then = step_and_reset(environment, np.array([action]))
        assert np.array_equal(observations[0], before) and np.array_equal(following[0], after)
        assert rewards[0] == reward and bool(terminated[0] | truncated[0]) == bool(ended)
        observations = then


def test_mouse_keys_and_touch_move_the_goal(browser, pages):
    _, _, path = pages["room"]
    goal = "document.querySelector('section').page.lives.map(life => life.world.goal)"
    context = browser.new_context(has_touch=True, reduced_motion="reduce",
                                  viewport={"width": 420, "height": 800})
    page = context.new_page()
    watch = Watch(page, ("file:", "data:"))
    page.goto(path.as_uri())
    cells = page.locator("figure.first .cell")
    cells.nth(10).tap()
    assert page.evaluate(goal) == [[1, 1], [1, 1]]  # both agents' rooms
    assert page.get_by_role("button", name="Pause").count() == 1  # it plays on
    page.get_by_role("button", name="Pause").click()
    cells.nth(80).click()
    assert page.evaluate(goal)[0] == [8, 8]
    page.get_by_role("button", name="Pause").click()
    room = page.locator("figure.first svg")
    room.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        room.press(key)
    assert page.evaluate(goal)[0] == [8, 7]
    assert "goal moved" in page.locator(".chart").first.inner_text()
    assert not watch.complaints
    context.close()


def test_buttons_do_what_they_say(browser, pages):
    _, _, path = pages["room"]
    page = browser.new_page(reduced_motion="reduce")
    watch = Watch(page, ("file:", "data:"))
    page.goto(path.as_uri())
    press = lambda name: page.get_by_role("button", name=name).click()
    returns = lambda: page.evaluate("document.querySelector('section').page.lives[0].returns")
    press("50 episodes at once")
    wait_until(page, "document.querySelector('section').page.lives[0].returns.length === 50")
    first = returns()
    assert np.mean(first[20:]) > 14
    bars = page.locator(".bar:not(.free)")
    assert bars.count() > 17  # latents, some transitions, the query
    bars.nth(16).hover()
    assert "steps ago" in page.locator(".tokens .told").inner_text()
    press("Keep a copy")
    press("Erase everything")
    memory = """(({memory}) => [memory.compressions, memory.recent.length])(
        document.querySelector('section').page.lives[0])"""
    assert page.evaluate(memory) == [0, 0]
    press("Give the copy back")
    assert page.evaluate(memory)[0] > 80
    page.get_by_label("Seed", exact=True).fill("3")
    seed = page.evaluate("document.querySelector('section').page.data.seed")
    page.get_by_label("Seed", exact=True).fill(str(seed))
    press("New life")
    press("50 episodes at once")
    wait_until(page, "document.querySelector('section').page.lives[0].returns.length === 50")
    assert returns() == first  # the same seed, the same life
    assert not watch.complaints
    page.close()


@pytest.mark.parametrize("name", list(PACKAGED))
def test_every_question_gets_an_answer(pages, name):
    page, watch, _ = pages[name]
    n = page.evaluate("document.querySelector('section').page.data.questions.length")
    assert n == 5
    for number in range(n):
        question = page.locator("details.question").nth(number)
        question.locator("summary").click()
        right = page.evaluate(f"document.querySelector('section').page.data.questions[{number}].right")
        reveal = question.get_by_role("button", name="Show me")
        assert reveal.is_disabled()  # predict first
        question.locator("input").nth(right).check()
        reveal.click()
        told = question.locator(".answer .told strong")
        told.wait_for(timeout=120_000)
        assert told.inner_text() == "As you said."
        strokes = question.locator(".answer .line").evaluate_all(
            "lines => lines.map(line => getComputedStyle(line).stroke)")
        assert strokes and "none" not in strokes, "a role without a colour"
        said = question.locator(".answer .told").inner_text()
        assert "{" not in said and "undefined" not in said and "NaN" not in said, said
    assert not watch.complaints
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"live_{name}.png", full_page=True)


@pytest.mark.parametrize("name", list(PACKAGED))
@pytest.mark.parametrize("width", [420, 640, 760, 940, 1100])
def test_a_page_is_small_fetches_nothing_and_fits(browser, pages, name, width):
    _, _, path = pages[name]
    assert path.stat().st_size < 1_000_000
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme,
                                reduced_motion="reduce")
        watch = Watch(page, ("file:", "data:"))
        page.goto(path.as_uri())
        page.wait_for_selector(".bar, .chart svg")
        page.get_by_role("button", name="Play").click()
        wait_until(page, "document.querySelector('section').page.lives[0].steps > 5")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        paper = page.evaluate("getComputedStyle(document.querySelector('.live')).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
        assert not watch.complaints
        page.close()


def test_an_agent_is_seen_to_learn_within_seconds(browser, pages):
    "Nobody touches anything: the page plays by itself."
    _, _, path = pages["room"]
    page = browser.new_page()
    page.goto(path.as_uri())
    wait_until(page, "document.querySelector('section').page?.lives[0].returns.length >= 10")
    assert max(page.evaluate("document.querySelector('section').page.lives[0].returns")) >= 14
    page.close()


@pytest.mark.parametrize("changes, said", [
    ({"model": "GRU"}, "model = GRU: must be AD or CompressedAD"),
    ({"compressor": "cleared"}, "compressor = 'cleared': must be 'replace'"),
    ({"task_family": "RepeatFirst", "task_family_arguments": {"delays": [3, 5]}, "n_held_out_tasks": 1},
     "task_family = RepeatFirst: must be one of DarkRoom, PassiveTMaze")])
def test_what_a_page_cannot_show_is_refused(changes, said):
    config = read_config("gallery").changed(**changes)
    family = config.family
    model = make_model(config, family.observation_space, family.action_space)
    with pytest.raises(LiveError, match="^" + said.replace("(", r"\(")):
        live_view([(model, config)])


def test_models_of_different_rooms_are_refused():
    with pytest.raises(LiveError, match="task_family = PassiveTMaze: must be that of the first model, Dark"):
        live_view([packaged("gallery"), packaged("t_maze")])
    with pytest.raises(LiveError, match="3 models"):
        live_view([packaged("gallery")] * 3)


def test_the_command_makes_a_page_of_runs_of_one_s_own(browser, tmp_path, capsys):
    common = ["--train_timesteps", "2", "--n_streams", "2", "--history_steps", "60", "--gradient_depth", "2",
              "--max_compression_depth", "3", "--min_compression_depth", "0", "--depth_growth_steps", "0",
              "--warmup_steps", "0", "--evaluate_every", "0", "--quiet"]
    runs = [str(tmp_path / "memory"), str(tmp_path / "window")]
    for config, run in zip(("gallery", "gallery_ad"), runs):
        assert cad_train(["--config", config, "--run_folder", run, *common]) == 0
    assert cad_live([*runs, "--output", str(tmp_path / "both.html")]) == 0
    assert "both.html" in capsys.readouterr().out
    page = browser.new_page(reduced_motion="reduce")
    watch = Watch(page, ("file:", "data:"))
    page.goto((tmp_path / "both.html").as_uri())
    page.wait_for_selector("svg.room")
    assert page.locator("figure").count() == 2 and not watch.complaints
    page.close()
    assert cad_live([str(tmp_path / "nothing")]) == 1
    assert "no run is there" in capsys.readouterr().err
