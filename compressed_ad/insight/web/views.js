"use strict";
/* The views of reference chapter "views". Everything a view needs is in its data; nothing is fetched. show(kind, root, data)
   draws one. A view is one function: its state, its pictures, what each says and lights when it is pointed at, and how they are
   drawn. What pointing lights goes both ways: from a token to the cell where it happened, and from the cell to its tokens. */
const compressedAD = (() => {
  const {element, shape, choice, slider, toggle, button, set} = pageElements;
  const {SCALES, bars, chart, drawing, ends, heat, gridded, labelled, level, mean, mixed, most, percent, pointing, range, resolved,
         room, scale, shade, stretches, swatches, timeline, timelineLegend, unpack} = pictures;

  function frame(root, data) {
    const controls = element("div", {class: "controls"}), status = element("div", {class: "status", "aria-live": "polite"});
    const colours = Object.fromEntries(Object.entries(data.colours).map(([name, pair]) => [name, `light-dark(${pair.join(", ")})`]));
    const panels = element("div", {class: "panels"}), legend = element("div", {class: "legend"});
    const told = [element("p", {}, data.caption), element("p", {class: "caveat"}, element("strong", {}, "Not shown: "), data.caveat)];
    if (data.test) {
      const there = document.getElementById("interventions") && root.id !== "interventions";
      const link = there ? element("a", {href: "#interventions"}, " To the interventions.") : "";
      told.push(element("p", {}, element("strong", {}, "The test: "), data.test, link));
    }
    root.classList.add("cad");
    root.append(element("h2", {}, data.title), controls, status, panels, legend, ...told);
    return {controls, status, panels, legend, colours, ...pointing(status)};
  }

  const whole = (...children) => element("div", {class: "whole"}, ...children);
  const ifRewarded = (place, text) => place === null ? [] : [["var(--ink)", text]];
  const plural = (n, name) => `${n} ${name}${n === 1 ? "" : "s"}`;
  const named = (row, column) => `row ${row}, column ${column}`;

  // one head, or the mean over all layers and heads
  const headNames = (layers, heads) =>
    ["mean of all", ...range(layers * heads).map(k => `layer ${Math.floor(k / heads) + 1}, head ${k % heads + 1}`)];
  function overHeads(array, chosen, layers, heads, before, after) {
    const one = k => array.at(...before, Math.floor(k / heads), k % heads, ...after);
    return chosen ? one(chosen - 1) : mean(range(layers * heads).map(one));
  }

  // the cell that an action leads to, at most to the wall
  const landing = (data, cell, action) => data.grid.reduce((number, limit, axis) => {
    const at = axis ? cell % data.grid[1] : Math.floor(cell / data.grid[1]);
    return number * limit + Math.max(0, Math.min(limit - 1, at + data.moves[action][axis]));
  }, 0);

  // a room that only says where: `tell` as in `pointable`; nothing for a family without a room
  function whereabouts(data, title, colours, pointable, tell) {
    if (!data.grid) return {nodes: [], cells: () => {}};
    const floor = room(data.grid, 22, title, data.facts, colours);
    const part = pointable(floor, (row, column) => `${named(row, column)}: ${tell(floor.number(row, column))}`);
    return {nodes: [part.node], cells: numbers => part.light([...new Set(numbers)].map(floor.at))};
  }

  // ---- 1. replay with arcs

  function replay(root, data) {
    const {controls, status, panels, legend, colours, pointable, say} = frame(root, data);
    const attention = unpack(data.attention), probabilities = unpack(data.probabilities);
    const through = data.memory_cells && unpack(data.memory_cells), on_latents = unpack(data.on_latents);
    const n = data.n_latent, room_for = attention.shape[3] - n - 1, last = data.n_steps - 1;
    const starts = [0, ...data.ends.map(end => end + 1)].filter(start => start <= last);
    const paid = starts.map((start, k) => data.rewarded.filter(at => at >= start && at < (starts[k + 1] ?? data.n_steps)).length);
    let step = Math.max(0, (data.first_reward ?? 3) - 3), head = 0, memory = false, timer = null, speed = 4, how = 0;

    // bars: latents, transitions with the oldest first, the query
    const oldest_first = [...range(n), ...range(room_for).map(k => n + room_for - 1 - k), n + room_for];
    const cycles = () => data.compressed_at.filter(at => at <= step).length;
    const back = k => n + room_for - k;  // how many steps ago the transition of bar k was
    const kept = k => k < n && cycles() ? data.kept[cycles() - 1][k] : -1;  // the step that a slot holds raw
    const is_recent = k => k >= n && k < n + room_for && back(k) <= data.n_recent[step];
    const led_to = k => data.next_cells[k < n ? kept(k) : step - back(k)];
    const leads = k => k < n ? kept(k) >= 0 : is_recent(k);
    const weight = column => overHeads(attention, head, data.layers, data.heads, [step], [column]);
    const share = k => weight(oldest_first[k]);

    const floor = room(data.grid, 38, "room", data.facts, colours);
    const reached = event => event.target.dataset.to;  // an arc stands for the cell that it leads to
    const place = pointable({...floor, place: event => reached(event) ? floor.at(Number(reached(event))) : floor.place(event)}, tellCell);
    const action_bars = bars("probability of each action", data.action_names, 300, 130), actions = pointable(action_bars, tellAction);
    const token_bars = bars("attention by token, oldest at the left", oldest_first.map(() => ""), 420, 150);
    const tokens = pointable(token_bars, tellToken);
    const curve = chart({height: 120, high: null, label: "reward in each episode: click to go there", across: "episode", x0: 1});
    const pointed = pointable(curve, (_, k) => `episode ${k + 1}: reward ${paid[k]}; click or press Enter to go there`, (_, k) => to(starts[k]));
    const marks = timeline(data, 836, colours);

    function tellCell(row, column) {
      const cell = floor.number(row, column), led = range(n + room_for).filter(k => leads(k) && led_to(k) === cell);
      const leading = range(data.moves.length).filter(action => landing(data, data.cells[step], action) === cell);
      tokens.light(led.map(k => [0, k]));
      actions.light(leading.map(action => [0, action]));
      const ago = k => k < n ? `${step - kept(k)} (kept raw)` : back(k);
      const words = led.length ? `${led.map(ago).join(", ")} steps ago; ${led.reduce((sum, k) => sum + share(k), 0).toFixed(3)} of the attention`
        : "no recent transition led here";
      return `${named(row, column)}: ${words}${memory ? `; ${percent(through.at(step, cell))} of the brightest in the memory` : ""}`;
    }

    function tellAction(_, action) {
      place.light([floor.at(landing(data, data.cells[step], action))]);
      const taken = action === data.actions[step] ? ", which was taken" : "";
      return `${data.action_names[action]} with probability ${probabilities.at(step, action).toFixed(2)}${taken}`;
    }

    function tellToken(_, k) {
      const words = `${share(k).toFixed(3)} of the attention`;
      if (k < n && kept(k) < 0) return `latent ${k}: ${words}`;
      if (k >= n && k < n + room_for && !is_recent(k)) return `${back(k)} steps ago: not in sight`;
      place.light([floor.at(k === n + room_for ? data.cells[step] : led_to(k))]);
      if (k === n + room_for) return `the query itself: ${words}`;
      const then = k < n ? kept(k) : step - back(k);
      return `${k < n ? `slot ${k} holds a transition raw, ` : ""}${step - then} steps ago, step ${then} (${data.action_names[data.actions[then]]}): ${words}`;
    }

    const scrubber = slider("step", [0, last], step, value => { step = value; draw(); });
    const to = at => { step = Math.max(0, Math.min(last, at)); scrubber.control.value = step; draw(); };
    function run(on) {  // while it plays, nothing is read out
      clearInterval(timer);
      timer = on ? setInterval(() => step === last ? run(false) : to(step + 1), 1000 / speed) : null;
      play.textContent = on ? "stop" : "play";
      status.setAttribute("aria-live", on ? "off" : "polite");
    }
    const play = button("play", () => run(!timer));
    const speeds = [1, 4, 16, 60];
    controls.append(scrubber, play,
      choice("steps a second", speeds.map(value => [value, value]), speed, value => { speed = value; if (timer) run(true); }),
      button("first reward", () => to(data.first_reward), {disabled: data.first_reward === null}),
      button("next episode", () => to(starts.find(start => start > step) ?? step)),
      choice("head", headNames(data.layers, data.heads), head, value => { head = value; draw(); }),
      choice("scale", SCALES, how, value => { how = value; draw(); }));
    if (through)  // an encoder that reads otherwise has no shares to follow back
      controls.append(toggle("shade what the memory was made of", memory, value => { memory = value; draw(); }));
    panels.append(whole(pointed.node, marks.svg), place.node, element("div", {}, actions.node, element("br"), tokens.node));
    swatches(legend, [[colours.recent, "attention on recent transitions, where they led"],
                      [colours.latents, "latents: what they were made of, by attention rollout (relative to the brightest cell)"],
                      ...(data.kept.flat().some(one => one >= 0) ? [[colours.recent, "dashed: where transitions led that are kept raw"]] : []),
                      [colours.agent, "agent and its next move"], ...timelineLegend(colours)]);

    function arc(k, large) {
      const cell = data.next_cells[step - k], here = data.cells[step], [x, y] = floor.centre(here), [tx, ty] = floor.centre(cell);
      const line = {fill: "none", stroke: colours.recent, "stroke-width": 1 + 6 * large, opacity: .15 + .8 * large,
                    "data-to": cell, "pointer-events": "stroke"};
      if (cell === here) return shape("circle", {...line, cx: x, cy: y, r: 12 + k / 2, "stroke-width": 1 + 5 * large});
      const [mx, my] = [(x + tx) / 2 + (ty - y) * .3, (y + ty) / 2 - (tx - x) * .3];
      return shape("path", {...line, d: `M${x},${y} Q${mx},${my} ${tx},${ty}`});
    }

    function drawRoom() {
      const weights = range(data.n_recent[step]).map(k => weight(n + k)), by_cell = new Map(), [x, y] = floor.centre(data.cells[step]);
      weights.forEach((value, k) => {
        const cell = data.next_cells[step - k - 1];
        by_cell.set(cell, (by_cell.get(cell) ?? 0) + value);
      });
      const largest = most(weights), brightest = most([...by_cell.values()]);
      const fill = cell => memory ? mixed(colours.latents, through.at(step, cell))
        : mixed(colours.recent, .6 * level(by_cell.get(cell) ?? 0, brightest, how));
      floor.cells.forEach((_, cell) => floor.colour(cell, fill(cell)));
      const [down, right] = data.moves[data.actions[step]];
      floor.over.replaceChildren(...weights.map((value, k) => arc(k + 1, Math.min(1, level(value, largest, how)))),
        ...range(n).filter(k => kept(k) >= 0).map(k => {
          const [kx, ky] = floor.centre(led_to(k));
          return shape("rect", {x: kx - 15, y: ky - 15, width: 30, height: 30, rx: 5, fill: "none", stroke: colours.recent,
                                "stroke-width": 2, "stroke-dasharray": "4 3", "data-role": "kept"});
        }),
        shape("circle", {cx: x, cy: y, r: 9, fill: colours.agent, "data-role": "agent"}),
        shape("line", {x1: x, y1: y, x2: x + 22 * right, y2: y + 22 * down, stroke: colours.agent, "stroke-width": 4, "stroke-linecap": "round"}));
    }

    function draw() {
      drawRoom();
      const taken = data.actions[step], names = data.action_names;
      action_bars.draw(names.map((_, action) => probabilities.at(step, action)),
                       names.map((_, action) => action === taken ? colours.agent : "var(--muted)"));
      token_bars.draw(oldest_first.map(weight), oldest_first.map(k => k < n ? (kept(k) < 0 ? colours.latents : colours.recent) : k < n + room_for ? colours.recent : colours.query), how);
      const episode = data.ends.filter(end => end < step).length;
      curve.draw([{values: paid, colour: colours.CompressedAD}], [[episode, "var(--ink)", 2]]);
      marks.move(step);
      say(`step ${step}, episode ${episode + 1}, after ${cycles()} compressions; ` +
        `${percent(overHeads(on_latents, head, data.layers, data.heads, [step], []))} of the attention on latents; ` +
        `${names[taken]} with probability ${probabilities.at(step, taken).toFixed(2)}${data.rewarded.includes(step) ? "; reward" : ""}`);
    }
    draw();
  }

  // ---- 2. where does the decision look?

  function looks(root, data) {
    const {controls, panels, legend, colours, pointable, say} = frame(root, data), kinds = ["latents", "recent", "query"];
    const mass = unpack(data.mass), slots = unpack(data.slots), effects = data.effects && unpack(data.effects);
    const names = headNames(data.layers, data.heads), steps = range(data.n_steps);
    let head = 0, averaged = true, tested = false, how = 1, drawn = [];

    const big = chart({height: 240, label: "share of the query's attention", across: "step"}), by_step = pointable(big, (_, step) => tell(step));
    const plan = heat(data.n_latent, data.n_steps, 1, 5, "attention on each latent slot over the steps");
    plan.canvas.style.height = `${data.n_latent * 6}px`;
    plan.canvas.classList.add("wide");
    const by_slot = pointable(plan, (slot, step) => {
      lightSteps([step]);
      return `${names[head]}, step ${step}: ${of_slot(slot, step).toFixed(3)} on slot ${slot}`;
    });
    const place = whereabouts(data, "where decisions were made", colours, pointable, cell => {
      const here = steps.filter(step => data.cells[step] === cell);
      lightSteps(here);
      const shares = kinds.map((name, kind) => `${name} ${mean(here.map(step => of_kind(head, kind, step))).toFixed(2)}`).join(", ");
      return `${plural(here.length, "decision")}${here.length ? `; their mean attention (${names[head]}): ${shares}` : ""}`;
    });

    const of_slot = (slot, step) => overHeads(slots, head, data.layers, data.heads, [step], [slot]);
    const of_kind = (chosen, kind, step) => overHeads(mass, chosen, data.layers, data.heads, [step], [kind]);
    function smooth(values) {
      if (!averaged) return values;
      const sums = [], counts = [];
      values.forEach((value, step) => {
        const episode = data.episodes[step];
        sums[episode] = (sums[episode] ?? 0) + value;
        counts[episode] = (counts[episode] ?? 0) + 1;
      });
      return data.episodes.map(episode => sums[episode] / counts[episode]);
    }
    const lines = chosen => kinds.map((name, kind) => ({values: smooth(steps.map(step => of_kind(chosen, kind, step))), colour: colours[name]}));

    function lightSteps(chosen) {
      const bands = stretches(chosen).map(band => [null, band]);
      by_step.light(bands);
      by_slot.light(bands);
      place.cells(chosen.map(step => data.cells?.[step]));
    }
    function tell(step) {
      lightSteps([step]);
      const value = line => drawn[line].values[step].toFixed(2);
      return `${names[head]}, step ${step}, episode ${data.episodes[step] + 1}: ${kinds.map((name, kind) => `${name} ${value(kind)}`).join(", ")}` +
        (tested ? `; change without latents ${value(3)}, without recent transitions ${value(4)}` : "") + (averaged ? " (means of the episode)" : "");
    }

    const chosen = choice("head", names, head, value => { head = value; draw(); });
    controls.append(chosen, choice("scale of the slots", SCALES, how, value => { how = value; draw(); }),
                    toggle("mean of each episode", averaged, value => { averaged = value; thumbnails(); draw(); }));
    if (effects) controls.append(toggle("the test: change of the action if it is taken away (dashed)", false, value => { tested = value; draw(); }));
    const buttons = names.map((_, number) => button("", () => { head = number; chosen.control.value = number; draw(); }));
    const brightness = scale(data.colormap, "1", "attention on a slot");
    panels.append(whole(by_step.node),
      whole("attention on each latent slot, by step", labelled(by_slot.node, plan.size(), [], ends("slot 0", data.n_latent - 1, data.n_latent)), brightness.svg),
      ...place.nodes, element("div", {class: "gallery beside"}, ...buttons));
    const words = {latents: "latents", recent: "recent transitions", query: "the query itself"};
    swatches(legend, [...kinds.map(name => [colours[name], words[name]]), ...ifRewarded(data.first_reward, "first reward"),
                      ["var(--compression)", "compression"]]);

    function thumbnails() {
      buttons.forEach((node, number) => {
        const small = drawing(116, 44, names[number]), every = Math.ceil(data.n_steps / 100);
        small.append(...lines(number).map(({values, colour}) => {
          const few = values.filter((_, k) => k % every === 0), wide = 114 / Math.max(1, few.length - 1);
          const points = few.map((value, k) => `${(k * wide).toFixed(1)},${(42 - 40 * value).toFixed(1)}`).join(" ");
          return shape("polyline", {fill: "none", stroke: colour, "stroke-width": 1.2, points});
        }));
        node.replaceChildren(element("div", {}, names[number]), small);
      });
    }

    function draw() {
      drawn = lines(head);
      if (tested) {
        ["latents", "recent"].forEach((name, kind) => drawn.push(
          {values: smooth(steps.map(step => effects.at(step, kind))), colour: colours[name], dash: "5 4"}));
      }
      big.draw(drawn, [...data.compressed_at.map(step => [step, "var(--compression)", .7]),
                       ...(data.first_reward === null ? [] : [[data.first_reward, "var(--ink)", 1.5]])]);
      const shares = range(data.n_latent).map(slot => steps.map(step => of_slot(slot, step))), largest = most(shares.flat());
      plan.draw((slot, step) => shade(data.colormap, level(shares[slot][step], largest, how)));
      brightness.tell(largest, how);
      buttons.forEach((node, number) => node.setAttribute("aria-pressed", number === head));
      say(`${names[head]}; point at the chart for numbers, or use the arrow keys on it`);
    }
    thumbnails();
    draw();
  }

  // ---- 3. compression tape

  function tape(root, data) {
    const {controls, panels, legend, colours, pointable, say} = frame(root, data);
    const reading = unpack(data.reading), read = unpack(data.read), effects = data.effects && unpack(data.effects);
    const n = data.n_latent, columns = reading.shape[4], wide = 17, tall = 15, size = [60 + columns * wide, 52 + n * tall];
    let cycle = data.first_cycle ?? 0, head = 0, slot = 0, tested = false, how = 1;
    const value = (row, column) => tested ? effects.at(cycle, row, column) : overHeads(reading, head, data.layers, data.heads, [cycle], [row, column]);

    const svg = drawing(...size, "what each query token reads"), sums = shape("text", {x: 46, y: 46 + n * tall});
    const cells = range(n).map(row => range(columns).map(column =>
      shape("rect", {x: 46 + column * wide, y: 19 + row * tall, width: wide - 1, height: tall - 1})));
    const outline = shape("rect", {x: 45, width: columns * wide + 1, height: tall + 1, fill: "none", stroke: "var(--ink)", "stroke-width": 2, "data-role": "slot"});
    const border = 45.5 + n * wide;
    svg.append(shape("text", {x: 46, y: 11, class: "title"}, "old latents"), sums, ...cells.flat(), outline,
               shape("text", {x: 46 + n * wide, y: 11, class: "title"}, "transitions, oldest first"),
               ...range(n).map(row => shape("text", {x: 40, y: 30 + row * tall, "text-anchor": "end"}, `slot ${row}`)),
               shape("line", {x1: border, x2: border, y1: 16, y2: 20 + n * tall, stroke: "var(--ink)", "stroke-width": 2}));
    const matrix = pointable(gridded(svg, size, [n, columns], [46, 19, wide, tall]), (row, column) => {
      if (slot !== row) pick(row);
      const step = data.segments[cycle][column - n];  // none for an old latent
      if (step !== undefined) place.light([floor.at(data.next_cells[step])]);
      return `slot ${row}, ${step === undefined ? `old latent ${column}` : `step ${step}`}: ${value(row, column).toFixed(3)}`;
    });
    const floor = room(data.grid, 30, "where that was", data.facts, colours);
    const place = pointable(floor, (row, column) => {
      const led = range(columns - n).filter(k => data.next_cells[data.segments[cycle][k]] === floor.number(row, column));
      matrix.light(stretches(led.map(k => n + k)).map(band => [null, band]));
      const steps = led.map(k => `step ${data.segments[cycle][k]}: ${value(slot, n + k).toFixed(3)}`).join(", ");
      return `${named(row, column)}: ${led.length ? `slot ${slot}, ${steps}` : "no transition of this segment led here"}`;
    });

    const scrubber = slider("compression", [0, data.segments.length - 1], cycle, value => { cycle = value; draw(); });
    const heads = choice("head", headNames(data.layers, data.heads), head, value => { head = value; draw(); });
    const slots = choice("slot", range(n), slot, pick);
    const paid = button("takes the first reward", () => { cycle = data.first_cycle; scrubber.control.value = cycle; draw(); }, {disabled: data.first_cycle === null});
    controls.append(scrubber, heads, slots, choice("scale", SCALES, how, value => { how = value; draw(); }), paid);
    if (effects) {
      controls.append(toggle("the test: how far another stream's token there moves the latent", tested, value => {
        tested = value;
        heads.control.disabled = value;
        draw();
      }));
    }
    const brightness = scale(data.colormap, "1", "attention, or distance moved");
    panels.append(matrix.node, place.node, brightness.svg);
    swatches(legend, [[colours.goal, "the true cell"]]);
    function pick(row) { slot = row; slots.control.value = row; draw(); }

    function drawRoom() {
      const by_cell = new Map();
      data.segments[cycle].forEach((step, k) => by_cell.set(data.next_cells[step], (by_cell.get(data.next_cells[step]) ?? 0) + value(slot, n + k)));
      const brightest = most([...by_cell.values()]);
      floor.cells.forEach((_, cell) => floor.colour(cell, by_cell.has(cell) ? mixed(colours.latents, .08 + .92 * by_cell.get(cell) / brightest) : "var(--floor)"));
    }

    function summary() {
      const steps = data.segments[cycle], one = value.bind(null, slot);
      const strongest = range(n + steps.length).reduce((best, column) => one(column) > one(best) ? column : best, 0);
      const [old, now] = [0, 1].map(part => overHeads(read, head, data.layers, data.heads, [cycle], [slot, part]));
      const by = strongest < n ? `old latent ${strongest}` : `step ${steps[strongest - n]}`;
      const moved = one(strongest) > 0 ? `is moved most by ${by}: ${one(strongest).toFixed(2)}` : "is moved by none";
      return `compression ${cycle + 1}, steps ${steps[0]} to ${steps.at(-1)}; slot ${slot} ` +
        (tested ? moved : `reads ${percent(old)} from old latents, ${percent(now)} from transitions`) +
        (steps.some(step => data.rewarded.includes(step)) ? "; there was a reward" : "");
    }

    function draw() {
      const largest = most(cells.flatMap((line, row) => line.map((_, column) => value(row, column))));
      cells.forEach((line, row) => line.forEach((cell, column) => cell.setAttribute("fill", shade(data.colormap, level(value(row, column), largest, how)))));
      brightness.tell(largest, how);
      outline.setAttribute("y", 18 + slot * tall);
      sums.textContent = tested ? "1: as far as another stream's latent is away; rows need not sum to anything"
        : "each row sums to at most 1 (the rest: the query tokens themselves)";
      drawRoom();
      say(summary());
    }
    draw();
  }

  // ---- 4. rollout through cycles

  function shares(root, data) {
    const {controls, panels, legend, colours, pointable, say} = frame(root, data), n = data.n_cycles, first = data.first_cycle;
    const looked = unpack(data.shares), moved = data.effects && unpack(data.effects);
    let cycle = Math.min(n - 1, 20), tested = false;
    const share = (row, column) => 10 ** looked.at(row, column), effect = (row, column) => 10 ** moved.at(row, column);
    const small = value => value > 1.01e-8 ? value.toExponential(1) : "below 1e-8";
    const words = (row, column) => `share ${small(share(row, column))}${moved ? `, moved by ${small(effect(row, column))}` : ""}`;

    const lines = chart({height: 260, low: -8, high: 0, log: true, label: "share of today's latents (mean over slots)",
                         across: "age of the segment, in compressions", x0: 1});
    const by_age = pointable(lines, (_, age) => {
      if (age > cycle) return `no segment is ${age + 1} compressions old`;
      lightSegments([cycle - age]);
      return `after compression ${cycle + 1}, ${plural(age + 1, "compression")} old, segment ${cycle - age + 1}: ${words(cycle, cycle - age)}`;
    });
    const side = Math.max(2, Math.floor(260 / n));
    const plan = heat(n, n, side, side, "share of each segment (column) in the latents after each compression (row)");
    const map = pointable(plan, (row, column) => {
      lightSegments([column]);
      map.light([[row, null], [null, column]]);
      return `after compression ${row + 1}, segment ${column + 1}: ${column > row ? "not there yet" : words(row, column)}`;
    }, row => { cycle = row; scrubber.control.value = row; draw(); });
    const place = whereabouts(data, "where segments led", colours, pointable, cell => {
      const led = range(cycle + 1).filter(segment => data.segments[segment].some(step => data.next_cells[step] === cell));
      lightSegments(led);
      return `${led.length} of ${plural(cycle + 1, "segment")} led here` +
        (led.length ? `, ${percent(led.reduce((sum, segment) => sum + share(cycle, segment), 0))} of the latents after compression ${cycle + 1}` : "");
    });

    function lightSegments(chosen) {  // rising
      map.light(stretches(chosen).map(band => [cycle, band]));
      by_age.light(stretches(chosen.filter(segment => segment <= cycle).map(segment => cycle - segment).reverse()).map(band => [null, band]));
      place.cells(chosen.length === 1 && data.grid ? data.segments[chosen[0]].map(step => data.next_cells[step]) : []);
    }

    const scrubber = slider("after compression", [0, n - 1], cycle, value => { cycle = value; draw(); });
    controls.append(scrubber);
    if (moved) controls.append(toggle("the test: how far another stream's segment there moves the latents (dashed)", tested, value => { tested = value; draw(); }));
    const numbers = ends(1, n, n);
    panels.append(element("div", {class: "half"}, by_age.node, ...place.nodes),
      element("div", {style: "width:300px"}, element("div", {}, "rows: compression; columns: segment"),
              labelled(map.node, plan.size(), numbers, numbers, 24), scale(data.colormap, "1", "share, or distance (log scale)", "1e-8").svg));
    swatches(legend, [[colours.latents, "share by attention rollout"], [colours.donor, "distance moved, 1: as far as another stream's latents"],
                      ...ifRewarded(first, "the segment with the first reward")]);

    function draw() {
      const drawn = [{values: range(cycle + 1).map(age => share(cycle, cycle - age)), colour: colours.latents}];
      if (tested) drawn.push({values: range(cycle + 1).map(age => effect(cycle, cycle - age)), colour: colours.donor, dash: "5 4"});
      const there = first !== null && first <= cycle;
      lines.draw(drawn, there ? [[cycle - first, "var(--ink)", 1.5]] : []);
      const [now, none] = [resolved("--line"), resolved("--paper")], shown = tested ? moved : looked;
      plan.draw((row, column) => column > row ? (row === cycle ? now : none) : shade(data.colormap, (shown.at(row, column) + 8) / 8));
      say(`after compression ${cycle + 1}: ${percent(share(cycle, cycle))} from the latest segment, ` +
        `${cycle ? percent(share(cycle, cycle - 1)) : "nothing"} from the one before, ` +
        `${percent(data.no_history[cycle])} from no history at all (query tokens, initial latents)` +
        (there ? `; the segment with the first reward is ${plural(cycle - first + 1, "compression")} old` : ""));
    }
    draw();
  }

  // ---- 5. probe maps

  function probes(root, data) {
    const {controls, panels, legend, colours, pointable, say} = frame(root, data), names = Object.keys(data.maps);
    const unpacked = maps => Object.fromEntries(names.map(name => [name, unpack(maps[name])]));
    const read = unpacked(data.maps), lucky = unpacked(data.shuffled), been = unpack(data.visited), n = data.n_cycles;
    let cycle = 0, fact = 0;

    const floors = ["read off the latents", "the same, shuffled labels", "the truth"].map(title => room(data.grid, 26, title, data.facts, colours));
    const rooms = floors.map(floor => pointable(floor, (row, column) => {
      rooms.forEach(part => part.light([[row, column]]));
      const [one, two] = [read, lucky].map(maps => maps[names[fact]].at(cycle, floor.number(row, column)).toFixed(2));
      return `${named(row, column)}: ${one}, with shuffled labels ${two}`;
    }));
    const lines = chart({height: 180, label: "share that the map gives to the true cell", across: "compression", x0: 1});
    const over_time = pointable(lines, (_, k) => {
      if (target() !== null) rooms.forEach(part => part.light([floors[0].at(target())]));
      return `${moment(k)}; click or press Enter to go there`;
    }, (_, k) => { cycle = k; scrubber.control.value = k; draw(); });
    const scrubber = slider("after compression", [0, n - 1], cycle, value => { cycle = value; draw(); });
    controls.append(scrubber, choice("fact", names, fact, value => { fact = value; draw(); }));
    panels.append(element("div", {class: "rooms"}, ...rooms.map(part => part.node)), whole(over_time.node), scale(data.colormap, "1", "share, or score").svg);
    swatches(legend, [[colours.latents, "true labels"], ["var(--muted)", "shuffled labels"],
                      ...ifRewarded(data.first_cycle, "the compression that takes the first reward"), [colours.goal, "the true cell"]]);

    function target() {  // the cell of the fact, or null if it is not one cell
      const cell = data.facts[names[fact]];
      return cell ? floors[0].number(...cell) : null;
    }
    function right(maps, k) {  // for visited cells: mean score of those that were, less that of the others
      const map = maps[names[fact]];
      if (target() !== null) return map.at(k, target());
      const score = were => {
        const cells = range(floors[0].cells.length).filter(cell => (been.at(k, cell) > .5) === were);
        return cells.length ? mean(cells.map(cell => map.at(k, cell))) : 0;
      };
      return score(true) - score(false);
    }
    const moment = k => `after compression ${k + 1} (step ${data.compressed_at[k]}), ${names[fact]}: ` +
      `${right(read, k).toFixed(2)}, with shuffled labels ${right(lucky, k).toFixed(2)}`;

    function draw() {
      const truth = cell => target() === null ? been.at(cycle, cell) : Number(cell === target());
      const shown = [cell => read[names[fact]].at(cycle, cell), cell => lucky[names[fact]].at(cycle, cell), truth];
      floors.forEach((floor, k) => floor.cells.forEach((_, cell) => floor.colour(cell, shade(data.colormap, shown[k](cell)))));
      const words = target() === null ? "mean score of visited cells, less that of the others (below 0 drawn as 0)" : "share that the map gives to the true cell";
      lines.draw([{values: range(n).map(k => right(read, k)), colour: colours.latents},
                  {values: range(n).map(k => right(lucky, k)), colour: "var(--muted)", dash: "4 3"}],
                 [...(data.first_cycle === null ? [] : [[data.first_cycle, "var(--ink)", 1.5]]), [cycle, colours.query, 2]], words);
      say(moment(cycle) + (data.first_cycle !== null && cycle >= data.first_cycle ? "; the first reward has gone in" : "; no reward yet"));
    }
    draw();
  }

  // ---- 6. interventions

  function interventions(root, data) {
    const {controls, panels, legend, colours, pointable, say} = frame(root, data);
    const probabilities = unpack(data.probabilities), occupied = unpack(data.occupied), names = data.action_names;
    let moment = data.moments.length - 1, changed = Math.min(2, data.names.length - 1);
    const both = () => [0, changed], here = () => data.paths[moment][0][0];

    const floors = ["own latents", "after the intervention"].map(title => room(data.grid, 30, title, data.facts, colours));
    const rooms = floors.map(floor => pointable(floor, (row, column) => {
      const cell = floor.number(row, column), [own, other] = both().map(which => percent(occupied.at(moment, which, cell)));
      lightCell(cell);
      return `${named(row, column)}: ${own} of the agents with own latents came there, ${other} after the intervention`;
    }));
    const charts = ["own latents", "after the intervention"].map(title => bars(`next action, ${title}`, names, 300, 130));
    const actions = charts.map(picture => pointable(picture, (_, action) => {
      lightCell(landing(data, here(), action), action);
      const [own, other] = both().map(which => probabilities.at(moment, which, action).toFixed(2));
      return `${names[action]}: probability ${own} with own latents, ${other} after the intervention`;
    }));
    function lightCell(cell, action = null) {  // in both rooms, and the actions that lead there
      rooms.forEach(part => part.light([floors[0].at(cell)]));
      const leading = range(names.length).filter(k => action === null ? landing(data, here(), k) === cell : k === action);
      actions.forEach(part => part.light(leading.map(k => [0, k])));
    }

    const moments = data.moments.map(([cycle, step]) => `compression ${cycle + 1} (step ${step})`);
    controls.append(choice("after", moments, moment, value => { moment = value; draw(); }),
                    choice("intervention", data.names, changed, value => { changed = value; draw(); }));
    panels.append(element("div", {class: "rooms"}, ...rooms.map((part, k) => element("div", {}, part.node, actions[k].node))),
                  scale(data.colormap, "1", "share of agents that came to a cell").svg);
    swatches(legend, [[colours.goal, `its own ${Object.keys(data.facts).join(" and ")}`], [colours.donor, `the donor's ${data.fact}`],
                      ["#ffffff", "path of one of the agents"]]);

    function drawSide(which, side) {
      const floor = floors[side], places = data.paths[moment][which].map(floor.centre), [x, y] = floor.centre(data.donor);
      const near = k => k > 0 && Math.abs(places[k][0] - places[k - 1][0]) + Math.abs(places[k][1] - places[k - 1][1]) <= floor.side + 1;
      const d = places.map((at, k) => `${near(k) ? "L" : "M"}${at.map(part => part.toFixed(1))}`).join(" ");  // a new episode is a jump
      floor.cells.forEach((_, cell) => floor.colour(cell, shade(data.colormap, occupied.at(moment, which, cell))));
      floor.over.replaceChildren(
        shape("path", {d, fill: "none", stroke: "#1b2a49", "stroke-width": 6}),  // both can be seen on any cell
        shape("path", {d, fill: "none", stroke: "#ffffff", "stroke-width": 3, "data-role": "path"}),
        shape("rect", {x: x - 11, y: y - 11, width: 22, height: 22, fill: "none", stroke: colours.donor, "stroke-width": 3, "stroke-dasharray": "4 2"}));
      charts[side].draw(names.map((_, action) => probabilities.at(moment, which, action)), names.map(() => colours.agent));
    }

    function draw() {
      both().forEach(drawSide);
      const apart = names.map((_, action) => Math.abs(probabilities.at(moment, 0, action) - probabilities.at(moment, changed, action)) / 2);
      const went = which => `${percent(data.reached[moment][which][0])} to their own ${data.fact}, ${percent(data.reached[moment][which][1])} to the donor's`;
      say(`${data.names[changed]}: the next action changes by ${apart.reduce((a, b) => a + b, 0).toFixed(2)}; ` +
        `of ${data.n_copies} agents in ${data.n_steps} steps ${went(changed)} (own latents: ${went(0)})`);
    }
    draw();
  }

  // ---- 7. head gallery

  // what the rows and columns of a head are
  function tokensOf(part, n, columns, n_segment) {
    if (part === "decoder") {
      const across = [["latents", 0, n], ["transitions", n, columns - 1], ["query", columns - 1, columns]];
      const name = column => column < n ? `latent ${column}` : column < columns - 1 ? `transition ${column - n + 1}, latest first` : "the query itself";
      return {across, name, looking: row => `decision ${row + 1}`,
              axes: "rows: decisions after this compression, one below the other; columns: latents, transitions (latest first), the query itself"};
    }
    const across = [["old latents", 0, n], ["segment", n, n + n_segment], ["query tokens", n + n_segment, columns]];
    const name = k => k < n ? `old latent ${k}` : k < n + n_segment ? `transition ${k - n + 1} of the segment` : `query token ${k - n - n_segment}`;
    return {across, name, looking: name, axes: "rows and columns: old latents, segment (oldest first), query tokens"};
  }

  function heads(root, data) {
    const {controls, status, panels, legend, colours, pointable, say} = frame(root, data), n = data.n_latent;
    const parts = {encoder: unpack(data.encoder), decoder: unpack(data.decoder)};
    const all = Object.entries(parts).flatMap(([part, {shape: [, layers, heads]}]) =>
      range(layers * heads).map(k => [part, Math.floor(k / heads), k % heads]));
    let moment = Math.max(0, data.cycles.indexOf(data.first_cycle)), chosen = 0, how = 1, largest = 1, none = "";

    const title = ([part, layer, head]) => `${part}, layer ${layer + 1}, head ${head + 1}`;
    const value = ([part, layer, head], row, column) => parts[part].at(moment, layer, head, row, column);
    const lacking = ([part, layer], row) => part === "decoder" ? row >= data.decisions[moment]
      : layer === parts.encoder.shape[1] - 1 && row < n + data.n_segment;
    const fill = (which, row, column) => lacking(which, row) ? none : shade(data.colormap, level(value(which, row, column), largest, how));
    // the most in any head at this moment, so that heads can be compared
    const most_of = which => most(range(parts[which[0]].shape[3]).filter(row => !lacking(which, row))
      .flatMap(row => range(parts[which[0]].shape[4]).map(column => value(which, row, column))));

    // the transition of a row or column, as the step when it happened, or null
    const segment = k => data.segments[data.cycles[moment]][k - n] ?? null;
    const decision = row => data.compressed_at[data.cycles[moment]] + row;
    const before = (row, column) => column >= n && column - n < data.n_recent[decision(row)] ? decision(row) - (column - n) - 1 : null;

    function enlarged(part) {
      const [, , , rows, columns] = parts[part].shape, side = part === "encoder" ? 11 : 18;
      const tokens = tokensOf(part, n, columns, data.n_segment), view = heat(rows, columns, side, side, part);
      const pointed = pointable(view, (row, column) => {
        const which = all[chosen];
        pointed.light([[row, null], [null, column]]);
        place.cells(part === "encoder" ? [segment(row), segment(column)].filter(step => step !== null).map(step => data.next_cells?.[step])
          : lacking(which, row) || !data.grid ? [] : [data.cells[decision(row)], ...(before(row, column) === null ? [] : [data.next_cells[before(row, column)]])]);
        return `${title(which)}: ` + (lacking(which, row) ? `nothing in the row of ${tokens.looking(row)}`
          : `${tokens.looking(row)} gives ${value(which, row, column).toFixed(3)} to ${tokens.name(column)}`);
      });
      view.canvas.setAttribute("data-role", "large");
      function draw(which) {
        const borders = tokens.across.slice(1).map(([, from]) => from), decisions = data.decisions[moment];
        view.canvas.setAttribute("aria-label", title(which));
        shown.style.width = `${columns * side + 80}px`;
        view.draw((row, column) => fill(which, row, column));
        view.borders(borders, part === "encoder" ? borders : []);
        const down = part === "encoder" ? tokens.across : ends("decision 1", decisions, decisions);
        return [element("p", {}, element("strong", {}, title(which)), ` (${rows} x ${columns}) ${tokens.axes}`),
                labelled(pointed.node, [rows, columns], tokens.across, down, 76)];
      }
      return {draw, light: pointed.light, rows, columns};
    }
    const large = {encoder: enlarged("encoder"), decoder: enlarged("decoder")}, shown = element("div", {});
    const place = whereabouts(data, "where it happened", colours, pointable, cell => {
      const [part] = all[chosen], {light, columns} = large[part];
      if (part === "encoder") {
        const led = range(n + data.n_segment).filter(k => k >= n && data.next_cells[segment(k)] === cell);
        light(stretches(led).flatMap(band => [[band, null], [null, band]]));
        return led.length ? `transition ${led.map(k => k - n + 1).join(", ")} of the segment` : "no transition of this segment led here";
      }
      const rows = range(data.decisions[moment]), made = rows.filter(row => data.cells[decision(row)] === cell);
      const led = rows.flatMap(row => range(columns - 1).filter(k => data.next_cells[before(row, k) ?? -1] === cell).map(k => [row, k]));
      light([...stretches(made).map(band => [band, null]), ...led]);
      return `${plural(made.length, "decision")} made here, ${plural(led.length, "look")} back at a transition that led here`;
    });

    const small = all.map(which => heat(parts[which[0]].shape[3], parts[which[0]].shape[4], which[0] === "encoder" ? 3 : 4, which[0] === "encoder" ? 3 : 8, title(which)));
    const buttons = all.map((which, number) => button(title(which), () => { chosen = number; draw(); }));
    buttons.forEach((node, number) => node.append(small[number].canvas));
    controls.append(choice("compression", data.cycles.map(cycle => cycle + 1), moment, value => { moment = value; draw(); }),
                    choice("scale", SCALES, how, value => { how = value; draw(); }));
    const brightness = scale(data.colormap, "1", "attention, rows sum to 1");
    status.classList.add("whole");  // beside what is pointed at
    panels.append(element("div", {class: "gallery"}, ...buttons), status, shown, element("div", {class: "column"}, ...place.nodes, brightness.svg));
    swatches(legend, [["var(--paper)", "nothing there: of the encoder's last layer only query tokens are computed, " +
                       "and until the next compression there may be fewer decisions than rows"]]);

    function draw() {
      const which = all[chosen];
      largest = most(all.map(most_of));
      none = resolved("--paper");
      brightness.tell(largest, how);
      all.forEach((one, number) => {
        small[number].draw((row, column) => fill(one, row, column));
        buttons[number].setAttribute("aria-pressed", number === chosen);
      });
      shown.replaceChildren(...large[which[0]].draw(which));
      say(`${title(which)}, ${which[0] === "encoder" ? "in" : "after"} compression ${data.cycles[moment] + 1}`);
    }
    draw();
  }

  // ---- 8. what stays in the memory, and since when

  function slots(root, data) {
    const {panels, legend, colours, pointable, say} = frame(root, data), {n_latent: n, segments, n_steps} = data;
    const number = step => data.compressed_at.filter(at => at <= step).length;  // compressions before a decision
    const changes = data.compressed_at.map((at, k) => ({
      at, number: k + 1, rewritten: data.rewritten[k], kept: data.kept[k].map(step => step < 0 ? null : step)}));
    const past = memorySlots.pieces(n, changes, n_steps), paid = new Set(data.rewarded);
    const shown = {latents: colours.latents, kept: colours.recent, paid: colours.goal, segment: "var(--muted)", moment: "var(--ink)"};
    const picture = new memorySlots.Picture(n, "what each slot holds, by step"), svg = picture.node;
    svg.setAttribute("width", 770);
    svg.style.height = `${Math.max(170, 14 * (n + 1))}px`;
    picture.draw(changes, segments.map((steps, k) => ({first: steps[0], last: steps.at(-1), at: data.compressed_at[k]})),
                 [0, n_steps], shown, step => paid.has(step));
    const plan = pointable(gridded(svg, [1, 1], [n + 1, n_steps], [0, 0, 1 / n_steps, 1 / (n + 1)]), tell);
    const place = whereabouts(data, "where that was", colours, pointable, cell => {
      const led = range(n_steps).filter(step => data.next_cells[step] === cell), here = new Set(led);
      const held = past.filter(({kept}) => here.has(kept));
      plan.light([...stretches(led).map(band => [0, band]), ...held.map(({slot, from, to}) => [slot + 1, [from, to - 1]])]);
      return `${plural(led.length, "transition")} led here, ${new Set(held.map(({kept}) => kept)).size} kept raw at some time`;
    });

    const named_step = step => `step ${step} (${data.action_names ? data.action_names[data.actions[step]] : `action ${data.actions[step]}`}` +
      `${paid.has(step) ? ", rewarded" : ""})`;
    const cellsOf = steps => place.cells(data.grid ? steps.map(step => data.next_cells[step]) : []);
    function tell(row, step) {
      if (row === 0) {
        const k = segments.findIndex(steps => steps[0] <= step && step <= steps.at(-1));
        cellsOf([step]);
        if (k < 0) return `${named_step(step)}: not compressed yet`;
        const kept = past.filter(piece => piece.kept === step);
        plan.light([[0, [segments[k][0], segments[k].at(-1)]], ...kept.map(({slot, from, to}) => [slot + 1, [from, to - 1]])]);
        const stays = kept.length ? `stays raw until step ${Math.max(...kept.map(({to}) => to))}` : "goes into the latents";
        return `${named_step(step)}: ${stays}, at compression ${k + 1}, which takes ${plural(segments[k].length, "transition")}`;
      }
      const piece = past.find(({slot, from, to}) => slot === row - 1 && from <= step && step < to);
      const since = piece.number ? `since compression ${piece.number}, ${step - piece.from} steps ago` : "as at the beginning";
      if (piece.kept !== null) {
        cellsOf([piece.kept]);
        plan.light([[row, [piece.from, piece.to - 1]], [0, piece.kept]]);
        return `slot ${row - 1} at step ${step}: holds ${named_step(piece.kept)} raw, here ${since}`;
      }
      const steps = piece.number ? segments[piece.number - 1] : [];
      cellsOf(steps);
      plan.light([[row, [piece.from, piece.to - 1]], ...(steps.length ? [[0, [steps[0], steps.at(-1)]]] : [])]);
      return `slot ${row - 1} at step ${step}: a latent, ${since}; stands for ${plural(number(piece.to) - number(piece.from), "compression")}`;
    }

    panels.append(whole(labelled(plan.node, [n + 1, n_steps], [], [["segments", 0, 1], ["slot 0", 1, 2], ["slot " + (n - 1), n, n + 1]], 62),
                        element("div", {}, `steps 0 to ${n_steps - 1}, from left to right`)), ...place.nodes);
    swatches(legend, [[shown.latents, "a latent (pale: none was written yet)"], [shown.kept, "a transition, kept raw"], [shown.paid, "a rewarded one"],
                      [shown.segment, "the segments, one after the other"], [shown.moment, "compression"]]);
    const kept = data.kept.at(-1).filter(step => step >= 0);
    const lengths = segments.map(steps => steps.length), [least, largest] = [Math.min(...lengths), Math.max(...lengths)];
    say(`${plural(changes.length, "compression")} of ${least === largest ? "" : `${least} to `}${largest} transitions; ` +
      (kept.length ? `${kept.length} of ${n} tokens are transitions, ${kept.filter(step => paid.has(step)).length} of those now kept were rewarded`
        : "nothing is kept raw") + "; point at a slot");
  }

  const views = {replay, looks, tape, shares, probes, interventions, heads, slots};
  function show(kind, root, data) {
    views[kind](root, data);
    // canvases do not follow the reader's light and dark by themselves
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { root.replaceChildren(); views[kind](root, data); });
  }
  return {show};
})();
