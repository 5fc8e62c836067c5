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
  const memory = model.start(), told = [], slots = [], at = [];
  for (const [number, transition] of happened.entries()) {
    told.push(liveAgent.softmax(model.predict(memory, transition.observations).logits));
    if (!model.observe(memory, {...transition, number})) continue;
    at.push(number + 1);
    const isNew = slot => slot.written === memory.compressions;
    slots.push(memory.slots.map(slot => [slot.kept ? slot.kept.number : -1, isNew(slot)]));
  }
  return [told, slots, at];
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

# the main chart's oracle and rewards, as (episode, value) read off its axes, and its highest tick
DRAWN = """() => {
  const svg = document.querySelector('.stage .chart svg');
  const texts = [...svg.querySelectorAll('text:not(.moment)')];
  const ticks = texts.filter(text => text.getAttribute('text-anchor') === 'end').map(
    text => [Number(text.getAttribute('y')) - 4, Number(text.textContent)]);
  const [[low, none], [high, most]] = [ticks[0], ticks.at(-1)];
  const value = y => none + (most - none) * (Number(y) - low) / (high - low);
  const line = svg.querySelector('.oracle').getAttribute('points');
  const points = line.trim().split(' ').map(point => point.split(','));
  const dots = [...svg.querySelectorAll('.dot.CompressedAD')].map(dot => value(dot.getAttribute('cy')));
  const below = [...svg.querySelectorAll('text.moment')].map(text => text.getBBox())
    .map(box => box.y + box.height);
  return {oracle: points.map(([_, y]) => value(y)), dots, most, lowest_word: Math.max(0, ...below),
          top: high, words: [...svg.querySelectorAll('text.moment')].map(text => text.textContent)};
}"""

# `until` lives on; `move` moves the goal, and nothing plays on by itself
HAND = """const page = document.querySelector('section').page, life = page.lives[0];
  const until = n => { while (page.lives[0].returns.length < n) page.step(); };
  const move = cell => { page.moveGoal(cell); page.play(false); };"""


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
    rollout = replayed(pages["room"][0], model, config, n_steps, precision, limit)
    assert len(rollout.latents) >= 15 or config.model == "AD"


def replayed(page, model, config, n_steps, precision, limit):
    "A life by torch, after a page has given the same answers and done the same to its memory."
    [rollout] = record_rollout(model, config, [int(config.split.held_out[0])], n_steps, progress=False)
    fields = ("observations", "actions", "rewards", "next_observations", "episode_ends")
    columns = [getattr(rollout, field).astype(float).tolist() for field in fields]
    happened = [dict(zip(fields, values)) for values in zip(*columns)]
    weights = packed_weights(model.state_dict(), precision)
    told, slots, compressed_at = page.evaluate(REPLAY, [weights, about_model(model), happened])
    distance = np.abs(np.array(told) - rollout.probabilities).sum(1).max() / 2  # total variation
    assert distance < limit
    assert compressed_at == rollout.compressed_at.tolist()
    slots = np.array(slots, int).reshape(*rollout.kept.shape, 2)
    assert np.array_equal(slots[..., 0], rollout.kept) and np.array_equal(slots[..., 1], rollout.rewritten)
    return rollout


@pytest.mark.parametrize("compressor, arguments", [
    ("replace", {}), ("gated", {}), ("nested", {"sizes": [3, 6]}), ("levels", {"n_levels": 3}),
    ("selective", {"n_kept": 2}), ("selective", {"n_kept": 6}),
    ("selective", {"n_kept": 4, "rule": "newest"}),
    ("selective", {"n_kept": 4, "rule": "rewarded"}), ("adaptive", {}), ("adaptive", {"when": "event"}),
    ("adaptive", {"when": "fixed", "cut": 1})])
def test_the_page_runs_every_compressor(pages, compressor, arguments):
    "With random weights, so large that whatever is read shows in the answers."
    small = {"n_latent": 6, "decoder_max_seq_length": 14, "max_compress_length": 8,
             "min_uncompressed_length": 0, "max_uncompressed_length": 7, "tf_n_embd": 16, "tf_n_layer": 2,
             "encoder_n_layer": 2, "max_compression_depth": 12}
    config = read_config("gallery").changed(**small, compressor=compressor, compressor_arguments=arguments)
    family = config.family
    model = make_model(config, family.observation_space, family.action_space).eval()
    random = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.3, generator=random)
    if compressor == "nested":
        model.compressor.n_used = 3
    if compressor == "adaptive" and not arguments:
        torch.nn.init.zeros_(model.compressor.cost[2].bias)
    rollout = replayed(pages["room"][0], model, config, 120, "float32", 1e-4)
    assert len(rollout.latents) >= 14
    if compressor == "adaptive" and not arguments:
        assert len(set(rollout.segment_lengths)) > 1  # it does choose


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


def test_the_page_of_what_is_kept_begins_with_a_life_in_which_both_learn(pages):
    page, _, _ = pages["kept"]
    returns = page.evaluate("""() => {
        const page = document.querySelector('section').page, {Life} = liveAgent;
        return page.models.map(model =>
            new Life(model, page.world(), page.data.seed, page.settings).episodes(20).returns); }""")
    assert np.shape(returns) == (2, 20) and np.mean(returns, 1, where=np.arange(20) >= 10).min() > 14


def test_kept_steps_hold_on_to_the_old_goal_and_levels_let_go(pages):
    page, _, _ = pages["kept"]
    other = page.evaluate("document.querySelector('section').page.data.world.other")
    change = f"if (done === 20) life.world.goal = {json.dumps(other)};"
    kept, levels = (lives(page, agent, episodes=50, change=change).mean(0) for agent in (0, 1))
    assert min(kept[15:20].mean(), levels[15:20].mean()) > 9 and max(kept[20], levels[20]) < 3
    assert levels[40:].mean() > kept[40:].mean() + 5


def test_what_each_slot_held_is_drawn_and_said(pages):
    page, _, _ = pages["kept"]
    told = page.evaluate(f"""() => {{ {HAND}
        page.play(false); page.again(); page.play(false); until(12); page.draw();
        const slots = page.lives.map(life => life.compressed.slice(0, 8).map(({{rewritten}}) => rewritten));
        const held = life => life.memory.slots.map(({{kept}}) => kept && [kept.number, kept.rewards]);
        const [one] = page.lives, kept = one.memory.slots.map(slot => slot.kept).filter(Boolean);
        return {{slots, held: page.lives.map(held), steps: one.steps, first: page.pasts[0].first,
                 dashed: page.pictures[0].kept.childElementCount,
                 bars: document.querySelectorAll('.bar.kept').length,
                 cells: new Set(kept.map(({{next_observations}}) => String(next_observations))).size}}; }}""")
    slow = [[(number % 2 ** level) == 0 for level, size in enumerate((6, 5, 5)) for _ in range(size)]
            for number in range(1, 9)]
    assert told["slots"][1] == slow
    [keeps, levels] = told["held"]
    assert not any(levels) and not any(keeps[:12]) and all(keeps[12:])
    assert told["bars"] == 4 and told["dashed"] == told["cells"]
    picture = page.locator(".past svg").first
    box = picture.bounding_box()
    now = (told["steps"] - told["first"]) / 331 * box["width"] - 1
    picture.hover(position={"x": now, "y": box["height"] * 13.5 / 17})
    said = page.locator(".past .told").first.inner_text()
    number, reward = keeps[12]
    assert said == f"Slot 13 at step {told['steps'] - 1}: keeps step {number} as it was (reward {reward})."
    picture.hover(position={"x": now, "y": box["height"] * 2.5 / 17})
    assert ": a latent, written " in page.locator(".past .told").first.inner_text()
    # what is erased while it rests is seen at once
    drawn = picture.evaluate("node => node.innerHTML")
    page.get_by_role("button", name="Erase everything").click()
    assert picture.evaluate("node => node.innerHTML") != drawn


def test_a_step_that_is_kept_for_very_long_is_not_lost_sight_of(pages):
    page, _, _ = pages["kept"]
    kept = page.evaluate(f"""() => {{ {HAND}
        page.play(false); page.again(); page.play(false); until(6);
        const [one] = page.lives;
        for (let k = 0; k < 450; k++) {{ one.memory.compressions += 1; one.steps += 11; one.note(11); }}
        const pieces = memorySlots.pieces(16, one.compressed, one.steps);
        return pieces.filter(({{to}}) => to === one.steps).map(({{kept}}) => Boolean(kept)); }}""")
    page.evaluate(f"() => {{ {HAND} page.again(); page.play(false); }}")
    assert kept == 12 * [False] + 4 * [True]


def test_in_a_maze_longer_than_the_window_only_the_memory_knows_the_way(pages):
    page, _, _ = pages["maze"]
    assert lives(page, 0, 4, 4, corridor=60, greedy=True).mean() == 1
    assert lives(page, 1, 4, 4, corridor=20, greedy=True).mean() == 1  # AD, while the cue is in the window
    assert lives(page, 1, 4, 4, corridor=60, greedy=True).mean() == 0.5  # always the same arm
    assert lives(page, 0, 2, 2, corridor=1000, greedy=True).mean() == 1
    # what stands under the curve: with one cue always right, with the other always wrong
    up, down = lives(page, 1, 2, 6, corridor=40, greedy=True)
    assert {up.min(), up.max(), down.min(), down.max()} == {0, 1} and up[0] != down[0]
    under = page.locator(".side > .under").inner_text()
    assert "AD always takes the same arm" in under


def test_the_maze_says_how_often_its_latents_are_written(pages):
    page, _, _ = pages["maze"]
    between = page.evaluate("""() => [9, 27].map(window => {
      const page = document.querySelector('section').page;
      const life = new liveAgent.Life(page.models[0], page.maze(60, 0), 0, {window});
      const written = [];
      while (life.steps < 150) if (life.step().wrote) written.push(life.steps);
      return written.map((step, k) => step - (written[k - 1] ?? 0));
    })""")
    [often], [seldom] = map(set, between)
    said = page.locator("#question-shorter").text_content()
    assert f"after every {often} transitions instead of every {seldom}" in said


def test_the_words_of_the_maze_fit_and_can_be_read_on_a_phone(browser, pages):
    _, _, path = pages["maze"]
    page = browser.new_page(viewport={"width": 420, "height": 800}, reduced_motion="reduce")
    page.goto(path.as_uri())
    page.wait_for_selector(".chart svg")
    sizes = page.locator("svg.maze text, figure .under, .chart .title, .chart text").evaluate_all("""nodes =>
      nodes.filter(node => node.textContent).map(node => {
        const size = parseFloat(getComputedStyle(node).fontSize), svg = node.ownerSVGElement;
        return [node.textContent, size * (svg ? svg.clientWidth / svg.viewBox.baseVal.width : 1)];
      })""")
    assert {"1", "↓"} < {text for text, _ in sizes} and any("Dashed line" in text for text, _ in sizes)
    assert all(size > 11 for _, size in sizes), sizes
    title = page.locator(".stage .chart .title")
    assert title.evaluate("node => node.scrollWidth <= node.clientWidth")
    boxes = page.locator(".stage .chart .title, .stage .chart .key span").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect()).map(({top, bottom}) => [top, bottom])")
    assert all(top >= boxes[0][1] for top, _ in boxes[1:]), "the legend touches the title"
    page.close()


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


def test_the_oracle_has_a_step_at_each_move_and_no_reward_lies_above_it(browser, pages):
    _, _, path = pages["room"]
    family = packaged("gallery")[1].family
    oracle = lambda *cell: family.oracle_returns(np.array([family.goals.tolist().index(list(cell))]))[0]
    first, corner, centre = oracle(0, 5), oracle(0, 0), oracle(4, 4)
    assert len({first, corner, centre}) == 3
    for width in (420, 1100):
        page = browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        page.goto(path.as_uri())
        page.wait_for_selector("svg.room")
        page.evaluate(f"""() => {{ {HAND}
            until(12); move([0, 0]); until(14); page.step(); move([4, 4]);
            until(20); move([8, 8]); page.draw(); }}""")
        drawn = page.evaluate(DRAWN)
        # the fifteenth episode has two goals, and whoever knows both earns no more than the larger oracle
        bests = [first] * 12 + [corner] * 2 + [centre] * 6 + [corner]
        assert np.allclose(drawn["oracle"], np.repeat(bests, 2).tolist() + [corner])
        assert drawn["most"] == centre
        assert max(drawn["dots"][:12]) > corner, "the first goal is nearer: the test shows nothing"
        assert all(np.array(drawn["dots"]) <= np.array(bests[:20]) + 1e-6)
        assert drawn["words"] and drawn["lowest_word"] <= drawn["top"]  # words above the plot, not in it
        page.evaluate(f"() => {{ {HAND} page.again(); page.play(false); until(2); page.draw(); }}")
        anew = page.evaluate(DRAWN)
        assert anew["most"] == corner and np.allclose(anew["oracle"], corner) and not anew["words"]
        page.close()


def test_who_moves_the_goal_is_told_what_to_expect(browser, pages):
    _, _, path = pages["room"]
    page = browser.new_page(reduced_motion="reduce")
    page.goto(path.as_uri())
    page.wait_for_selector("svg.room")
    status = page.locator(".status")
    is_hinted = lambda: page.locator("button.hint").all_inner_texts() == ["New life"]
    # what it found by its own record: each cell's last reward; the reader's picture must agree
    paid = page.evaluate(f"""() => {{ {HAND}
        const paid = {{}};
        while (life.returns.length < 25) {{
          page.step(); paid[life.latest.next_observations] = life.latest.rewards; }}
        return paid; }}""")
    move = lambda row, column: page.evaluate(f"() => {{ {HAND} move([{row}, {column}]); }}")
    for row, column in ((0, 0), (0, 5), (7, 0), (4, 4)):
        move(row, column)
        assert f"The goal is in row {row}, column {column} now" in status.inner_text()
        known = paid.get(f"{row},{column}") == 0
        assert is_hinted() == known == ("never look there again" in status.inner_text()), (row, column)
    assert paid["0,0"] == 0 and paid["0,5"] == 1 and "7,0" not in paid
    label = page.locator("figure.first svg").get_attribute("aria-label")
    assert "the goal in row 4, column 4" in label
    move(7, 0)
    found = page.evaluate(f"""() => {{ {HAND}
        let n = 0;
        do page.step(); while (life.latest.rewards === 0 && ++n < 20 * 60);
        return life.latest.episode + 1; }}""")
    assert status.inner_text() == f"Found in episode {found}, and no weight has changed."
    move(0, 0)
    assert is_hinted()
    page.get_by_role("button", name="New life").click()
    assert not is_hinted()
    page.evaluate(f"() => {{ {HAND} page.play(false); until(20); }}")
    goal, returns = page.evaluate(f"() => {{ {HAND} return [life.world.goal, life.returns]; }}")
    assert goal == [0, 0] and max(returns) > 0
    page.close()


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


# what the legend of a question must tell apart
GROUPS = {"erased": ["latents cleared, window kept", "latents cleared, window erased"],
          "twin": ["CompressedAD", "AD", "CompressedAD, latents always cleared"],
          "shorter": ["window of 27", "window of 9"],
          "parts": ["kept transitions left, written latents blank",
                    "written latents left, kept transitions blank"]}


def contrast(colour: str, paper: str) -> float:
    "As WCAG 2 defines it, of two colours as a browser gives them."
    def luminance(colour):
        numbers = colour.removeprefix("rgb(").removesuffix(")").split(",")
        parts = np.array([int(part) for part in numbers]) / 255
        bent = np.where(parts <= .04045, parts / 12.92, ((parts + .055) / 1.055) ** 2.4)
        return bent @ [.2126, .7152, .0722]
    low, high = sorted([luminance(colour), luminance(paper)])
    return (high + .05) / (low + .05)


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
        for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 28)")):
            page.emulate_media(color_scheme=scheme)
            strokes = question.locator(".answer .line").evaluate_all(
                "lines => lines.map(line => getComputedStyle(line).stroke)")
            assert len(set(strokes)) == len(strokes) and min(contrast(one, paper) for one in strokes) > 3
        page.emulate_media(color_scheme="light")
        key = question.locator(".answer .key span").all_inner_texts()
        assert len(key) == len(strokes) + 1 and key[-1].startswith("oracle") and len(set(key)) == len(key)
        id = question.get_attribute("id").removeprefix("question-")
        assert key[:-1] == GROUPS.get(id, key[:-1])
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
    ({"compressor": "cleared"}, "compressor = 'cleared': must be one of replace, gated, nested, levels, "),
    ({"compressor": "selective", "compressor_arguments": {"rule": "attention"}},
     "compressor_arguments: rule = 'attention': must be one of learned, newest, rewarded to run in a page"),
    ({"compressor": "levels", "compressor_arguments": {"clock": "shuffled"}},
     "compressor_arguments: clock = 'shuffled': must be one of powers to run in a page"),
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
