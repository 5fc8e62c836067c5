"""The views in a real browser: from a file, and inside JupyterLab. Screenshots: runs/screenshots."""
import base64
import html
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Watch

ROOT = Path(__file__).parent.parent
SCREENSHOTS = ROOT / "runs" / "screenshots"
KINDS = ("replay", "looks", "tape", "shares", "probes", "interventions", "heads")
ALL = (*KINDS, "slots")  # the gallery has the first seven
N_STEPS, HELD_OUT = 240, [5, 9, 11, 13, 16, 19, 42]


@pytest.fixture(scope="module")
def rollouts():
    from compressed_ad.insight.rollout import packaged_model, record_rollout
    torch.set_num_threads(1)
    return record_rollout(*packaged_model(), HELD_OUT, N_STEPS, progress=False)


@pytest.fixture(scope="module")
def keeping():
    "An agent that keeps four transitions of those that it compresses."
    from compressed_ad.insight.rollout import packaged_model, record_rollout
    torch.set_num_threads(1)
    [one] = record_rollout(*packaged_model("gallery_selective"), [11], N_STEPS, progress=False)
    return one


@pytest.fixture(scope="module")
def views(rollouts, keeping):
    from compressed_ad.insight.rollout import packaged_model
    from compressed_ad.insight.views import gallery, replay_view, slots_view
    seven = {view.kind: view for view in gallery(*packaged_model(), rollouts)}
    return seven | {"slots": slots_view(keeping), "replay of kept": replay_view(keeping)}


PICTURE = """root => [...root.querySelectorAll('svg')].map(node => node.outerHTML).join('') +
                     [...root.querySelectorAll('canvas')].map(node => node.toDataURL()).join('')"""


def marked(node) -> tuple[float, float]:
    "Where the mark of a picture that can be pointed at is: its middle, in parts of the picture."
    whole, mark = node.bounding_box(), node.locator("xpath=../div[contains(@class, 'mark')]").bounding_box()
    axes = (("x", "width"), ("y", "height"))
    return tuple((mark[at] + mark[size] / 2 - whole[at]) / whole[size] for at, size in axes)


def places(node, kind: str = "lit") -> list:
    "The places of a picture that are lit, each [rows, columns]; null is all of them, a list from and to."
    there = node.locator(f"xpath=../div[contains(@class, '{kind}')]")
    return there.evaluate_all("nodes => nodes.map(node => JSON.parse(node.dataset.place))")


def numbers_in(bands: list) -> list[int]:
    "The columns of places that are whole columns."
    assert all(rows is None for rows, _ in bands)
    lists = [columns if isinstance(columns, list) else [columns, columns] for _, columns in bands]
    return [number for first, last in lists for number in range(first, last + 1)]


def point(node, row: int, column: int, side: tuple[float, float],
          corner: tuple[float, float] = (0, 0)) -> None:
    "Point with the mouse at a place of a picture whose places are (width, height) large, from a corner on."
    x, y = (start + (at + 0.5) * size for start, at, size in zip(corner, (column, row), side))
    node.hover(position={"x": x, "y": y})


def point_in_room(room, cell, side: int = 22) -> None:
    point(room, *(int(at) for at in cell), (side, side), (1, 18))


def slide(scrubber, value: int) -> None:
    program = "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }"
    scrubber.evaluate(program, value)


def picture(section) -> str:
    return section.evaluate(PICTURE)


def touch(section, kind: str) -> None:
    "Use every kind of control of a view, and check after each that the picture or its text changes."
    def changes(what, act, look=picture):
        before = look(section)
        act()
        assert look(section) != before, f"{kind}: {what} changed nothing"

    status = lambda part: part.locator(".status").inner_text()
    scrubber = section.locator("input[type=range]")
    if scrubber.count():
        scrubber.press("Home")
        changes("the right arrow key", lambda: scrubber.press("ArrowRight"))
        changes("End", lambda: scrubber.press("End"))
        changes("Home", lambda: scrubber.press("Home"))
    for number in range(section.locator("select").count()):
        chosen = section.locator("select").nth(number)
        options = chosen.locator("option").count()
        current = int(chosen.input_value())
        if options > 1 and "steps a second" not in (chosen.get_attribute("aria-label") or ""):
            changes(f"choice {number}", lambda: chosen.select_option(str((current + 1) % options)))
    for number in range(section.locator("input[type=checkbox]").count()):
        box = section.locator("input[type=checkbox]").nth(number)
        if kind == "replay":  # before the first compression there is no memory to shade
            slide(scrubber, N_STEPS - 1)
        changes(f"switch {number}", lambda: box.press("Space"))
    if kind == "replay":
        changes("first reward", lambda: section.get_by_role("button", name="first reward").click())
        changes("next episode", lambda: section.get_by_role("button", name="next episode").click())
    if kind == "looks":
        chart = section.locator("svg").first
        changes("pointing at the chart", lambda: chart.hover(position={"x": 300, "y": 100}), status)
        changes("an arrow key on the chart", lambda: section.locator("svg").first.press("ArrowRight"), status)
        changes("End on the chart", lambda: section.locator("svg").first.press("End"), status)
        assert f"step {N_STEPS - 1}," in status(section) and marked(section.locator("svg").first)[0] > 0.9
        section.locator("svg").first.press("Home")
        assert "step 0," in status(section) and marked(section.locator("svg").first)[0] < 0.1
        changes("a small chart", lambda: section.locator(".gallery button").nth(4).press("Enter"))
    if kind == "tape":
        matrix = section.locator("svg").first
        changes("pointing at a slot", lambda: matrix.hover(position={"x": 100, "y": 19 + 9.5 * 15}))
        assert "slot 9" in status(section)
    if kind == "shares":
        plan = section.locator("canvas")
        changes("pointing at the map", lambda: plan.hover(position={"x": 20, "y": 60}), status)
        changes("an arrow key on the map", lambda: section.locator("canvas").press("ArrowDown"), status)
        section.locator("canvas").press("End")
        assert marked(section.locator("canvas"))[0] > 0.9
    if kind == "heads":
        changes("enlarging a head", lambda: section.locator(".gallery button").nth(6).click())
        assert "decoder" in status(section)
        large = section.locator("canvas[data-role=large]")
        changes("pointing at a weight", lambda: large.hover(position={"x": 30, "y": 30}), status)
        changes("an arrow key on a weight", lambda: large.press("ArrowRight"), status)


@pytest.mark.parametrize("kind", ALL)
def test_view_opens_from_a_file_and_can_be_touched(kind, views, browser, tmp_path):
    path = tmp_path / f"{kind}.html"
    views[kind].save(path)
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    watch = Watch(page, ("file:", "data:"))
    page.goto(path.as_uri())
    section = page.locator(f"#{kind}")
    assert section.locator("h2").inner_text() == views[kind].data["title"]
    assert "Not shown:" in section.inner_text()
    touch(section, kind)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{kind}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the page"
    assert not watch.complaints
    page.close()


@pytest.mark.parametrize("kind", ALL)
def test_static_figures(kind, views, tmp_path):
    import matplotlib.image
    from xml.etree import ElementTree
    for ending in ("svg", "png"):
        views[kind].save(tmp_path / f"figure.{ending}")
    drawing = ElementTree.parse(tmp_path / "figure.svg").getroot()
    assert len(drawing.findall(".//{http://www.w3.org/2000/svg}path")) > 20
    picture = matplotlib.image.imread(tmp_path / "figure.png")[..., :3]
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20, "drawn"
    assert (edge == 1).all(), "nothing cut off at the edge"
    # the figure draws what is in the page
    data, axes = views[kind].data, views[kind].figure().axes
    images = [image.get_array() for ax in axes for image in ax.images]
    lines = [line.get_ydata() for ax in axes for line in ax.lines]
    if kind == "replay":
        attention, n = unpacked(data["attention"]), data["n_latent"]
        steps = (data["first_reward"] - 1, data["first_reward"] + 1, N_STEPS - 1)
        for image, step in zip(images, steps, strict=True):
            seen = np.zeros(81)
            for back in range(1, data["n_recent"][step] + 1):
                seen[data["next_cells"][step - back]] += attention[step, :, :, n + back - 1].mean()
            assert np.allclose(image.ravel(), seen, atol=0.03)
    if kind == "looks":
        assert len(lines) == 6, "three kinds, two tests, the first reward"
        mass = unpacked(data["mass"])[:, -1].mean(1)
        means = [mass[np.array(data["episodes"]) == episode, 0].mean() for episode in range(12)]
        assert np.allclose(lines[0], means, atol=0.01)
    if kind == "tape":
        assert np.allclose(images[0], unpacked(data["reading"])[data["first_cycle"]].mean((0, 1)), atol=0.01)
        assert np.allclose(images[1], unpacked(data["effects"])[data["first_cycle"]], atol=0.01)
    if kind == "shares":
        newest_first = unpacked(data["shares"])[-1, ::-1][:12]
        assert np.allclose(np.log10(np.maximum(lines[0], 1e-8)), newest_first, atol=0.05) and len(lines) == 2
    if kind == "probes":
        goals = unpacked(data["maps"]["goal"])
        assert len(images) == 3 and np.allclose(images[-1].ravel(), goals[-1], atol=0.01)
    if kind == "interventions":
        came = unpacked(data["occupied"])[-1]
        assert all(np.allclose(images[number].ravel(), came[number], atol=0.01) for number in range(3))
    if kind == "slots":
        cycles = np.searchsorted(data["compressed_at"], np.arange(N_STEPS), side="right")
        kept = np.where(cycles[:, None], np.array(data["kept"])[cycles - 1], -1)
        roles = np.where(kept < 0, 0, np.where(np.isin(kept, data["rewarded"]), 2, 1))
        assert np.array_equal(images[0], roles.T) and set(roles.ravel()) == {0, 1, 2}
    if kind == "heads":
        encoder, decoder = (unpacked(data[part])[len(data["cycles"]) // 2] for part in ("encoder", "decoder"))
        drawn = [*encoder.reshape(4, 43, 43), *decoder.reshape(6, 11, 27)]
        assert all(np.allclose(np.ma.filled(image, 0), values, atol=0.01)
                   for image, values in zip(images, drawn, strict=True))
        masked = [np.ma.count_masked(image) for image in images]
        assert masked == [0, 0, 27 * 43, 27 * 43] + 6 * [0], "of the last layer only 16 of 43 rows"


def unpacked(sent: dict) -> np.ndarray:
    numbers = np.frombuffer(base64.b64decode(sent["data"]), np.uint8).reshape(sent["shape"])
    return sent["low"] + numbers / 255 * (sent["high"] - sent["low"])


@pytest.mark.parametrize("thinned", [False, True])
def test_tape_names_what_moves_a_slot_most(thinned, views, browser, tmp_path):
    from compressed_ad.insight.views import View, packed
    path, data = tmp_path / "tape.html", dict(views["tape"].data)
    effects = unpacked(data["effects"])
    if thinned:  # the largest five of each row, as in the page of a large model
        data["effects"] = packed(effects, high=2, at_most=15 * effects[..., 0].size)
        assert data["effects"]["kept"] == 5
    View("tape", data, lambda figure: None).save(path)
    page = browser.new_page()
    page.goto(path.as_uri())
    section = page.locator("#tape")
    section.locator("input[type=checkbox]").check()
    assert section.get_by_label("head", exact=True).is_disabled()
    cycle, n = len(effects) // 2, data["n_latent"]
    slide(section.locator("input[type=range]"), cycle)
    strongest = int(effects[cycle, 0].argmax())
    name = f"old latent {strongest}" if strongest < n else f"step {data['segments'][cycle][strongest - n]}"
    said = section.locator(".status").inner_text()
    assert f"slot 0 is moved most by {name}: {effects[cycle, 0].max():.2f}" in said
    page.close()


def test_heads_names_what_is_pointed_at(views, browser, tmp_path):
    path = tmp_path / "heads.html"
    views["heads"].save(path)
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    page.goto(path.as_uri())
    section, data = page.locator("#heads"), views["heads"].data
    place = data["cycles"].index(data["first_cycle"])
    encoder, decoder = (unpacked(data[part])[place] for part in ("encoder", "decoder"))
    names = section.locator(".labelled .across").inner_text().split()
    assert names == ["old", "latents", "segment", "query", "tokens"]
    for head, row, column, said in (
            ("encoder, layer 1, head 2", 20, 3,
             f"transition 5 of the segment gives {encoder[0, 1, 20, 3]:.3f} to old latent 3"),
            ("encoder, layer 2, head 1", 42, 26,
             f"query token 15 gives {encoder[1, 0, 42, 26]:.3f} to transition 11 of the segment"),
            ("encoder, layer 2, head 1", 5, 26, "nothing in the row of old latent 5"),
            ("decoder, layer 3, head 1", 2, 16,
             f"decision 3 gives {decoder[2, 0, 2, 16]:.3f} to transition 1, latest first"),
            ("decoder, layer 1, head 1", 10, 26,
             f"decision 11 gives {decoder[0, 0, 10, 26]:.3f} to the query itself")):
        section.get_by_role("button", name=head).click()
        canvas = section.locator("canvas[data-role=large]")
        size = 11 if head.startswith("encoder") else 18
        canvas.hover(position={"x": (column + 0.5) * size, "y": (row + 0.5) * size})
        assert section.locator(".status").inner_text() == f"{head}: {said}"
    page.close()


@pytest.fixture
def opened(views, browser, tmp_path):
    "Opens a view and gives its section; the page may not complain."
    pages = []

    def open_view(kind, **settings):
        path = tmp_path / f"{kind}.html"
        views[kind].save(path)
        page = browser.new_page(**{"viewport": {"width": 900, "height": 1000}} | settings)
        pages.append((page, Watch(page, ("file:", "data:"))))
        page.goto(path.as_uri())
        return page.locator(f"#{views[kind].kind}")
    yield open_view
    for page, watch in pages:
        assert not watch.complaints
        page.close()


def status(section) -> str:
    return section.locator(".status").inner_text()


def test_replay_links_bars_arcs_and_cells(opened, rollouts):
    section, one = opened("replay"), rollouts[0]
    room, actions, tokens = (section.locator(f"svg[aria-label^='{name}']") for name in
                             ("room", "probability", "attention by token"))
    step, n_bars = 100, one.attention.shape[-1]
    slide(section.locator("input[type=range]"), step)
    width = 370 / n_bars
    for back in range(1, one.n_recent[step] + 1):
        bar = n_bars - 1 - back  # the query stands last, the transition before it is the latest
        point(tokens, 0, bar, (width, 110), (42, 18))
        assert places(tokens, "mark") == [[0, bar]]
        assert places(room) == [one.next_observations[step - back].tolist()]
        assert status(section).startswith(f"{back} steps ago, step {step - back} (")
        point_in_room(room, one.next_observations[step - back], 38)
        recent = one.next_observations[step - one.n_recent[step]:step]
        same = (recent == one.next_observations[step - back]).all(1)
        assert places(tokens) == [[0, n_bars - 1 - one.n_recent[step] + int(k)] for k in np.flatnonzero(same)]
    point(tokens, 0, 3, (width, 110), (42, 18))
    share = unpacked(views_of(section, "attention"))[step, :, :, 3].mean()
    assert status(section) == f"latent 3: {share:.3f} of the attention" and places(room) == []
    point(actions, 0, 2, (50, 90), (42, 18))  # down
    row, column = one.observations[step]
    assert places(room) == [[min(row + 1, 8), column]]
    assert status(section).startswith("down with probability ")
    section.locator("h2").hover()
    assert places(room) == places(tokens) == places(actions, "mark") == []
    assert status(section).startswith(f"step {step}, "), "the summary is back"


def test_slots_say_what_they_hold_and_since_when(opened, keeping):
    section, one = opened("slots"), keeping
    plan, room = section.locator("svg.slots"), section.locator("svg[aria-label^='where']")
    box = plan.bounding_box()
    side = box["width"] / N_STEPS, box["height"] / (one.n_latent + 1)
    for slot, step in ((0, 3), (0, 30), (11, 200), (12, 30), (13, 120), (15, 239)):
        cycle = one.cycles[step] - 1
        kept = one.kept[cycle, slot] if cycle >= 0 else -1
        writing = np.flatnonzero(one.rewritten[:cycle + 1, slot])
        point(plan, slot + 1, step, side)
        said = status(section)
        if kept >= 0:
            paid = ", rewarded" if one.rewards[kept] else ""
            assert said.startswith(f"slot {slot} at step {step}: holds step {kept} (")
            assert f"{paid}) raw" in said
            assert places(room) == [one.next_observations[kept].tolist()]
            assert [0, int(kept)] in places(plan)
        else:
            assert said.startswith(f"slot {slot} at step {step}: a latent, ")
        since = f"since compression {writing[-1] + 1}," if len(writing) else "as at the beginning"
        assert since in said, said
    ever = set(one.kept[one.kept >= 0].tolist())
    step = min(ever)
    point(plan, 0, step, side)
    until = [at for at, kept in zip([*one.compressed_at[1:], N_STEPS], one.kept) if step in kept][-1]
    assert f"stays raw until step {until}, at compression 1" in status(section)
    lost = min(set(range(one.segment_lengths.sum())) - ever)
    point(plan, 0, lost, side)
    assert status(section).startswith(f"step {lost} (") and "goes into the latents" in status(section)
    point_in_room(room, one.next_observations[step])
    led = np.flatnonzero((one.next_observations == one.next_observations[step]).all(1))
    stayed = len(ever & set(led.tolist()))
    assert f": {len(led)} transition" in status(section) and f"{stayed} kept raw" in status(section)


def test_the_replay_marks_where_kept_transitions_led(opened, keeping):
    section, one, step = opened("replay of kept"), keeping, 150
    room, tokens = (section.locator(f"svg[aria-label^='{name}']") for name in ("room", "attention by token"))
    slide(section.locator("input[type=range]"), step)
    kept = one.kept[one.cycles[step] - 1]
    assert room.locator("[data-role=kept]").count() == (kept >= 0).sum() == 4
    slot = int(np.flatnonzero(kept >= 0)[0])
    point(tokens, 0, slot, (370 / one.attention.shape[-1], 110), (42, 18))
    assert status(section).startswith(f"slot {slot} holds a transition raw, {step - kept[slot]} steps ago")
    assert places(room) == [one.next_observations[kept[slot]].tolist()]


def views_of(section, name: str) -> dict:
    "A packed array of the page's data."
    return section.evaluate("(node, name) => JSON.parse(node.nextElementSibling.textContent)[name]", name)


def test_looks_links_steps_and_cells(opened, rollouts):
    section, one = opened("looks"), rollouts[0]
    chart = section.locator("svg.wide")
    slots, room = section.locator("canvas"), section.locator("svg[aria-label^='where decisions']")
    chart.press("End")
    assert places(chart, "mark") == [[0, N_STEPS - 1]] and places(slots) == [[None, [N_STEPS - 1] * 2]]
    assert places(room) == [one.observations[-1].tolist()]
    slots.press("ArrowDown")
    assert places(chart, "mark") == [] and places(chart) == [[None, [0, 0]]]
    assert places(room) == [one.observations[0].tolist()] and " on slot 1" in status(section)
    for cell in (one.facts["goal"], one.observations[0], (8, 8)):
        point_in_room(room, cell)
        made = np.flatnonzero((one.observations == cell).all(1)).tolist()
        assert numbers_in(places(chart)) == numbers_in(places(slots)) == made
        assert f"row {cell[0]}, column {cell[1]}: {len(made)} decision" in status(section)
        shown = unpacked(views_of(section, "mass"))[made, ..., 0]
        assert not made or f"latents {shown.mean():.2f}" in status(section)


def test_shares_links_segments_and_cells(opened, rollouts):
    section, one = opened("shares"), rollouts[0]
    chart, room = section.locator("svg.wide"), section.locator("svg[aria-label^='where segments']")
    plan, cycle, n = section.locator("canvas"), 12, len(one.compressed_at)
    slide(section.locator("input[type=range]"), cycle)
    side = 260 // n

    def led_by(segment):
        return {tuple(cell) for cell in one.next_observations[one.segments[segment]].tolist()}
    point(plan, 9, 4, (side, side))
    assert places(plan, "mark") == [[9, 4]] and places(plan) == [[9, None], [None, 4]]
    assert {tuple(cell) for cell in places(room)} == led_by(4)
    assert numbers_in(places(chart)) == [cycle - 4], "its age after the compression of the chart"
    share = 10 ** unpacked(views_of(section, "shares"))[9, 4]
    assert f"after compression 10, segment 5: share {share:.1e}".replace("e-0", "e-") in status(section)
    chart.press("Home")
    assert places(plan) == [[cycle, [cycle, cycle]]]
    assert {tuple(cell) for cell in places(room)} == led_by(cycle)
    for cell in (one.facts["goal"], tuple(one.next_observations[0].tolist())):
        point_in_room(room, cell)
        led = [segment for segment in range(cycle + 1) if tuple(cell) in led_by(segment)]
        lit = [k for row, (first, last) in places(plan) for k in range(first, last + 1) if row == cycle]
        assert lit == led and sorted(cycle - age for age in numbers_in(places(chart))) == led
        assert f"{len(led)} of {cycle + 1} segments led here" in status(section)
    plan.click(position={"x": 5, "y": (3 + 0.5) * side})
    assert section.locator("input[type=range]").input_value() == "3"


def test_heads_links_rows_columns_and_cells(opened, rollouts):
    section, one = opened("heads"), rollouts[0]
    canvas, room = section.locator("canvas[data-role=large]"), section.locator("svg[aria-label^='where it']")
    cycle, n = one.compression_of(one.first_reward), one.n_latent
    segment, goal = one.segments[cycle], list(one.facts["goal"])
    point(canvas, n + 4, 3, (11, 11))
    assert places(canvas) == [[n + 4, None], [None, 3]], "one is a transition, the other an old latent"
    assert places(room) == [one.next_observations[segment[4]].tolist()]
    point_in_room(room, goal)
    led = (n + np.flatnonzero((one.next_observations[segment] == goal).all(1))).tolist()
    rows = [numbers_in([[column, row]]) for row, column in places(canvas) if column is None]
    columns = numbers_in([place for place in places(canvas) if place[0] is None])
    assert sum(rows, []) == columns == led
    section.get_by_role("button", name="decoder, layer 2, head 1").click()
    first = int(np.flatnonzero(one.cycles == cycle + 1)[0])
    point(canvas, 5, n + 2, (18, 18))
    looked = [one.observations[first + 5].tolist(), one.next_observations[first + 2].tolist()]
    assert places(room) == [cell for k, cell in enumerate(looked) if cell not in looked[:k]]
    point_in_room(room, goal)
    decisions = range(first, first + int((one.cycles == cycle + 1).sum()))
    expected = {(step - first, n + back - 1) for step in decisions
                for back in range(1, one.n_recent[step] + 1)
                if one.next_observations[step - back].tolist() == goal}
    assert {tuple(place) for place in places(canvas) if None not in place} == expected
    made = [step - first for step in decisions if one.observations[step].tolist() == goal]
    assert sum((numbers_in([[column, row]]) for row, column in places(canvas) if column is None), []) == made
    assert f"{len(made)} decision" in status(section) and f"{len(expected)} look" in status(section)


def test_tape_probes_and_interventions_link_cells(opened, rollouts, views):
    one = rollouts[0]
    section, n, cycle = opened("tape"), one.n_latent, one.compression_of(one.first_reward)
    matrix, room = section.locator("svg[aria-label^=what]"), section.locator("svg[aria-label^=where]")
    goal = list(one.facts["goal"])
    point_in_room(room, goal, 30)
    led = np.flatnonzero((one.next_observations[one.segments[cycle]] == goal).all(1)) + n
    assert numbers_in(places(matrix)) == led.tolist()
    point(matrix, 7, int(led[0]), (17, 15), (46, 19))
    assert places(room) == [goal] and section.get_by_label("slot", exact=True).input_value() == "7"
    assert places(matrix, "mark") == [[7, int(led[0])]], "still marked after the slot was drawn anew"
    section = opened("probes")
    rooms = section.locator(".rooms svg")
    rooms.nth(0).press("ArrowDown")
    assert [places(rooms.nth(k)) for k in range(3)] == 3 * [[[1, 0]]]
    assert "row 1, column 0: " in status(section)
    section.locator("svg.wide").press("End")
    assert places(rooms.nth(1)) == [goal]
    section.locator("svg.wide").press("Enter")
    assert section.locator("input[type=range]").input_value() == str(len(one.compressed_at) - 1)
    section, data = opened("interventions"), views["interventions"].data
    rooms, bars = section.locator(".rooms svg[width='272']"), section.locator("svg[aria-label^=next]")
    bars.nth(1).press("ArrowRight")  # up
    row, column = divmod(data["paths"][-1][0][0], 9)
    assert [places(rooms.nth(k)) for k in range(2)] == 2 * [[[max(row - 1, 0), column]]]
    chance = unpacked(data["probabilities"])[-1, [0, 2], 1]
    told = f"up: probability {chance[0]:.2f} with own latents, {chance[1]:.2f} after"
    assert status(section).startswith(told)
    assert places(bars.nth(0)) == [[0, 1]]


def test_a_finger_points_and_what_it_lit_stays(opened, rollouts):
    section, one = opened("looks", has_touch=True), rollouts[0]
    chart, room = section.locator("svg.wide"), section.locator("svg[aria-label^=where]")
    row, column = one.facts["goal"]
    room.tap(position={"x": 1 + (column + 0.5) * 22, "y": 18 + (row + 0.5) * 22})
    assert places(room, "mark") == [[row, column]] and places(chart)
    across, down = marked(room)
    assert (int(across * 200 / 22), int((down * 218 - 18) / 22)) == (column, row), "the mark lies on the cell"
    chart.tap(position={"x": 300, "y": 100})
    assert places(room, "mark") == [] and len(places(room)) == 1, "another picture is pointed at"
    chart.blur()
    assert not places(room) and not places(chart, "mark")


def test_nothing_is_read_out_while_it_plays(opened):
    section = opened("replay")
    said = section.locator(".status")
    assert said.get_attribute("aria-live") == "polite"
    section.get_by_role("button", name="play").click()
    assert said.get_attribute("aria-live") == "off"
    section.get_by_role("button", name="stop").click()
    assert said.get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("scheme, paper", [("light", [255, 255, 255]), ("dark", [20, 23, 28])])
def test_what_is_not_there_has_the_colour_of_the_paper(scheme, paper, opened):
    for kind, canvas, x, y in (("shares", "canvas", 250, 4), ("heads", ".gallery canvas >> nth=2", 4, 4)):
        section = opened(kind, color_scheme=scheme)
        pixel = "(node, [x, y]) => [...node.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
        assert section.locator(canvas).first.evaluate(pixel, [x, y]) == paper, kind


@pytest.mark.parametrize("kind", ALL)
def test_every_picture_has_a_name_and_no_width_cuts_it_off(kind, views, browser, tmp_path):
    path = tmp_path / "framed.html"
    path.write_text(f"<!doctype html><body style='margin:0'>{views[kind].frame()}</body>", encoding="utf-8")
    page = browser.new_page()
    for width in (420, 640, 760, 940, 1100):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path.as_uri())
        section = page.frame_locator("iframe").locator(f"#{kind}")
        section.locator("h2").wait_for()
        page.wait_for_timeout(200)  # until it has told its height
        cut = section.evaluate("""root => [document.documentElement.scrollWidth - innerWidth,
                                           document.documentElement.scrollHeight - innerHeight,
                                           ...[...root.querySelectorAll("svg, canvas, select, button")].map(
                                               node => node.getBoundingClientRect().right - innerWidth)]""")
        assert max(cut) <= 0, f"{width} pixels wide: {max(cut)} cut off"
        unnamed = section.evaluate("""root => [...root.querySelectorAll("svg, canvas")].filter(
            node => !node.getAttribute("role") || !node.getAttribute("aria-label")).length""")
        assert unnamed == 0
        if kind in ("probes", "interventions"):
            tops = section.locator(".rooms > *").evaluate_all("all => all.map(node => node.offsetTop)")
            assert len(set(tops)) == 1, "rooms stand side by side"
    page.close()


def test_replay_shows_what_was_recorded(views, browser, tmp_path):
    path = tmp_path / "replay.html"
    views["replay"].save(path)
    page = browser.new_page()
    page.goto(path.as_uri())
    section, data = page.locator("#replay"), views["replay"].data
    scrubber = section.locator("input[type=range]")
    for step in (0, 17, 100):
        slide(scrubber, step)
        agent = section.locator("[data-role=agent]")
        row, column = divmod(data["cells"][step], data["grid"][1])
        drawn_at = [float(agent.get_attribute(name)) for name in ("cx", "cy")]
        assert drawn_at == [(column + 0.5) * 38, (row + 0.5) * 38]
        said = section.locator(".status").inner_text()
        cycles = sum(at <= step for at in data["compressed_at"])
        assert f"step {step}, episode {1 + step // 20}, after {cycles} compressions" in said
        assert data["action_names"][data["actions"][step]] in said
        assert ("reward" in said) == (step in data["rewarded"])
    page.close()


def test_names_in_the_data_stay_text(views, browser, tmp_path):
    from compressed_ad.insight.views import View
    nasty = "</script><img src=x onerror=alert(1)><script>alert(2)</script>"
    data = dict(views["replay"].data) | {name: nasty for name in ("title", "caption", "caveat", "test")}
    data |= {"facts": {nasty: [1, 1]}, "action_names": [nasty] * 5}
    path = tmp_path / "nasty.html"
    View("replay", data, lambda figure: None).save(path)
    page = browser.new_page()
    watch = Watch(page, ("file:", "data:"))
    page.goto(path.as_uri())
    assert page.locator("#replay h2").inner_text() == nasty and page.locator("img").count() == 0
    page.wait_for_timeout(300)
    assert not watch.complaints
    page.close()


def test_two_hidden_facts(browser, tmp_path):
    from compressed_ad.insight.rollout import record_rollout
    from compressed_ad.config import read_config
    from compressed_ad.models import make_model
    from compressed_ad.insight.views import gallery
    arguments = {"size": 4, "horizon": 20, "charge_resets": True}
    config = read_config("lab_key_to_door").changed(
        task_family_arguments=arguments, n_held_out_tasks=40, n_training_tasks=300)
    family = config.family
    model = make_model(config, family.observation_space, family.action_space)
    rollouts = record_rollout(model, config, config.split.held_out[:3], 200, progress=False)
    made = {view.kind: view for view in gallery(model, config, rollouts)}
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    watch = Watch(page, ("file:", "data:"))
    for kind in ("probes", "interventions"):
        path = tmp_path / f"{kind}.html"
        made[kind].save(path)
        page.goto(path.as_uri())
        section = page.locator(f"#{kind}")
        text = section.inner_text()
        assert "key" in text and "door" in text and "goal" not in text
        if kind == "probes":
            before = picture(section)
            section.locator("select").select_option(label="door")
            assert picture(section) != before and "door: " in section.locator(".status").inner_text()
    assert not watch.complaints
    page.close()


def test_views_that_need_no_room(browser, tmp_path):
    from compressed_ad.insight.rollout import RolloutError, record_rollout
    from compressed_ad.config import read_config
    from compressed_ad.insight.interventions import decision_effects, segment_effects
    from compressed_ad.models import make_model
    from compressed_ad.insight.views import gallery, heads_view, looks_view, replay_view, shares_view
    config = read_config("lab_t_maze")
    family = config.family
    model = make_model(config, family.observation_space, family.action_space)
    one, other = rollouts = record_rollout(model, config, [100, 101], N_STEPS, progress=False)
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    watch = Watch(page, ("file:", "data:"))
    moved = segment_effects(model, one, other)
    for view in (looks_view(one, decision_effects(model, one)), shares_view(one, moved), heads_view(one)):
        path = tmp_path / f"{view.kind}.html"
        view.save(path)
        page.goto(path.as_uri())
        section = page.locator(f"#{view.kind}")
        before = picture(section)
        if view.kind == "heads":
            section.locator("select").first.press("ArrowDown")
        else:
            section.locator("input[type=checkbox]").last.press("Space")
        assert picture(section) != before and view.figure().axes
    assert not watch.complaints
    for refused in (lambda: replay_view(one), lambda: gallery(model, config, rollouts)):
        with pytest.raises(RolloutError, match="PassiveTMaze: its hidden facts must be cells of a room"):
            refused()
    page.close()


def test_streams_without_a_reward_short_and_long(browser, tmp_path):
    from dataclasses import replace
    from compressed_ad.insight.rollout import packaged_model, record_rollout
    from compressed_ad.tasks.family import make_task_family
    from compressed_ad.insight.probes import fit_readout
    from compressed_ad.models import make_model
    from compressed_ad.insight.views import (
        heads_view, looks_view, probes_view, replay_view, shares_view, tape_view)
    model, config = packaged_model()
    rollouts = record_rollout(model, config, HELD_OUT, N_STEPS, progress=False)
    readout = fit_readout(rollouts, every=2)
    room = make_task_family("DarkRoom")
    every_step = {"keep_length": 10, "min_compress_length": 1, "max_compress_length": 1}
    literal = config.changed(**every_step)
    acting = make_model(literal, room.observation_space, room.action_space).eval()
    [short] = record_rollout(model, config, [5], 8, progress=False)
    [long] = record_rollout(acting, literal, [5], 350, progress=False)
    calm, brief, many = (replace(rollout, rewards=np.zeros_like(rollout.rewards)) for rollout in
                         (rollouts[0], short, long))
    shown = [view(calm) for view in (replay_view, looks_view, tape_view, shares_view, heads_view)]
    shown += [probes_view(calm, readout, readout), replay_view(brief), looks_view(brief), shares_view(many)]
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    watch = Watch(page, ("file:", "data:"))
    for number, view in enumerate(shown):
        path = tmp_path / f"{number}.html"
        view.save(path)
        page.goto(path.as_uri())
        assert "first reward" not in page.locator(".legend").inner_text() and page.locator("h2").count() == 1
        fits = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert fits, f"{view.kind}: wider than the page"
        assert not watch.complaints, view.kind
    assert int(page.locator("canvas").get_attribute("width")) > 600 and len(many.compressed_at) > 300
    page.close()


def test_gallery_page(browser, views, tmp_path):
    from compressed_ad.insight.views import views_page
    path = tmp_path / "gallery.html"
    page = views_page([views[kind] for kind in KINDS], "Gallery", ["What there is to see."])
    path.write_text(page, encoding="utf-8")
    page = browser.new_page(viewport={"width": 900, "height": 1000})
    watch = Watch(page, ("file:", "data:"))
    page.goto(path.as_uri())
    assert page.locator("section h2").count() == len(KINDS) and page.locator("nav a").count() == len(KINDS)
    links = page.get_by_role("link", name="To the interventions.")
    assert links.count() >= 4, "views 2 to 5 lead to what tests them"
    links.first.click()
    assert page.url.endswith("#interventions") and not watch.complaints
    page.close()


STRICT_HOST = """<!doctype html><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
                                                    style-src 'unsafe-inline'; img-src data:;
                                                    require-trusted-types-for 'script'; trusted-types host">
<body><div id="output"></div><template id="cell">{output}</template><script>
const policy = trustedTypes.createPolicy("host", {{createHTML: text => text}});
document.getElementById("output").innerHTML = policy.createHTML(document.getElementById("cell").innerHTML);
</script></body>"""
FRAMING_HOST = """<!doctype html><meta charset="utf-8"><body>
<iframe sandbox="allow-scripts allow-forms" style="width:900px;height:900px" srcdoc="{output}"></iframe>
</body>"""


@pytest.mark.parametrize("host", ["strict", "framing"])
@pytest.mark.parametrize("kind", ["replay", "heads"])
def test_views_inside_stricter_notebooks(kind, host, views, browser, tmp_path):
    """What VS Code and Colab do with an output, imitated.

    The first inserts it as HTML (no script of it runs) into a page that forbids all fetching and untrusted
    HTML, and frames inherit that; the second puts it into a sandboxed frame of another origin.
    """
    output = views[kind]._repr_mimebundle_()["text/html"]
    path = tmp_path / "host.html"
    whole = FRAMING_HOST.format(output=html.escape(output))
    if host == "strict":
        whole = STRICT_HOST.format(output=output)
    path.write_text(whole, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 1000})
    watch = Watch(page, ("file:", "data:", "about:"))
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    section = (frame.frame_locator("iframe") if host == "framing" else frame).locator(f"#{kind}")
    section.locator("h2").wait_for(timeout=20_000)
    touch(section, kind)
    assert not watch.complaints
    page.close()


def test_views_inside_jupyterlab(browser, tmp_path):
    first = f"""from compressed_ad.insight.rollout import packaged_model, record_rollout
from compressed_ad.insight.views import explore, gallery
import torch
torch.set_num_threads(1)
model, config = packaged_model()
views = gallery(model, config, record_rollout(model, config, {HELD_OUT}, {N_STEPS}, progress=False))"""
    cells = [first, *(f"views[{number}]" for number in range(len(KINDS))),
             "explore(model, config, [3, 40], n_steps=60)", "print('all ' + 'done')"]
    empty = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = [empty | {"id": f"cell{number}", "source": source} for number, source in enumerate(cells)]
    notebook = {"cells": made, "metadata": {"kernelspec": kernel},
                "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "views.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
               "JUPYTERLAB_WORKSPACES_DIR")
    own = {name: str(tmp_path / name.lower()) for name in folders}
    server = subprocess.Popen([sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
                               f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=",
                               f"--ServerApp.root_dir={tmp_path}", "--LabApp.news_url=None"],
                              env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=2)
                break
            except OSError:
                assert server.poll() is None, "JupyterLab did not start"
                time.sleep(0.5)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        watch = Watch(page, (address, f"ws://127.0.0.1:{port}", "data:", "blob:", "about:"))
        page.goto(f"{address}/lab/tree/views.ipynb")
        page.locator(".jp-Notebook .jp-Cell").nth(len(cells) - 1).wait_for(timeout=60_000)
        # "Run All Cells" does nothing while there is no kernel
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.get_by_text("all done", exact=True).wait_for(timeout=240_000, state="attached")
        for kind in KINDS:
            frame = page.locator("iframe[srcdoc*='data-kind=\"%s\"']" % kind).first
            frame.scroll_into_view_if_needed()
            section = frame.content_frame.locator(f"#{kind}")
            section.locator("h2").wait_for(timeout=20_000)
            touch(section, kind)
            frame.screenshot(path=SCREENSHOTS / f"jupyterlab-{kind}.png")
        again = page.get_by_role("button", name="let it act")
        again.scroll_into_view_if_needed()
        page.locator(".widget-inline-hbox input[type=number], input[type=number]").last.fill("7")
        frame = page.locator(".widget-html iframe")
        before = frame.get_attribute("srcdoc")
        again.click()
        page.wait_for_function("before => document.querySelector('.widget-html iframe')?.srcdoc !== before",
                               arg=before, timeout=60_000)
        assert not watch.complaints
        page.close()
    finally:
        server.terminate()
        server.wait(timeout=30)
