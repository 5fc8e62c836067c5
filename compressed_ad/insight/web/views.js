"use strict";
/* The views of reference chapter "views". Everything a view needs is in its data; nothing is fetched. show(kind, root, data) draws one. */
const compressedAD = (() => {

  const {set, element, shape} = pageElements;

  function drawing(width, height, title) {
    return shape("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title});
  }

  function slider(label, maximum, value, change) {
    const input = element("input", {type: "range", min: 0, max: maximum, step: 1, value, "aria-label": label});
    input.addEventListener("input", () => change(Number(input.value)));
    return {input, node: element("label", {}, label, input)};
  }

  function choice(label, options, change, value = 0) {
    const select = element("select", {"aria-label": label}, ...options.map((name, number) =>
      element("option", {value: number, selected: number === value ? "" : null}, name)));
    select.addEventListener("change", () => change(Number(select.value)));
    return {select, node: element("label", {}, label, select)};
  }

  function toggle(label, checked, change) {
    const input = element("input", {type: "checkbox", checked: checked ? "" : null});
    input.addEventListener("change", () => change(input.checked));
    return element("label", {}, input, label);
  }

  // a place in a picture, pointed at with the mouse or with the arrow keys, Home and End, and marked; box(place) is where it
  // is, in parts of the picture: [left, top, width, height]
  function pointable({node, rows, columns, place: locate, box}, show) {
    const by = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity]};
    const mark = element("div", {class: "mark", hidden: ""});
    let place = [0, 0];
    function point(wanted) {
      place = [rows(), columns()].map((limit, axis) => Math.max(0, Math.min(limit - 1, wanted[axis])));
      ["left", "top", "width", "height"].forEach((side, k) => { mark.style[side] = `${100 * box(...place)[k]}%`; });
      mark.hidden = false;
      show(...place);
    }
    node.setAttribute("tabindex", "0");
    node.addEventListener("pointerdown", event => point(locate(event)));  // a finger that taps
    let hand = "";
    node.addEventListener("pointermove", event => {
      const now = `${event.clientX} ${event.clientY}`;
      if (now !== hand) point(locate(event));  // or else the page has moved, not the hand
      hand = now;
    });
    node.addEventListener("keydown", event => {
      if (!(event.key in by)) return;
      event.preventDefault();
      point(place.map((at, axis) => at + by[event.key][axis]));
    });
    for (const leave of ["pointerleave", "blur"]) node.addEventListener(leave, () => { mark.hidden = true; });
    return element("div", {class: "pointable"}, node, mark);
  }

  function frame(root, data) {
    const controls = element("div", {class: "controls"}), status = element("div", {class: "status", "aria-live": "polite"});
    const colours = Object.fromEntries(Object.entries(data.colours).map(([name, pair]) => [name, `light-dark(${pair.join(", ")})`]));
    const panels = element("div", {class: "panels"}), legend = element("div", {class: "legend"});
    const told = [element("p", {}, data.caption), element("p", {class: "caveat"}, element("strong", {}, "Not shown: "), data.caveat)];
    if (data.test) {
      const linked = document.getElementById("interventions") && root.id !== "interventions";
      told.push(element("p", {}, element("strong", {}, "The test: "), data.test, linked ? element("a", {href: "#interventions"}, " To the interventions.") : ""));
    }
    root.classList.add("cad");
    root.append(element("h2", {}, data.title), controls, status, panels, legend, ...told);
    return {controls, status, panels, legend, colours};
  }

  function swatches(legend, entries) {
    legend.replaceChildren(...entries.map(([colour, text]) => element("span", {},
      element("span", {class: "swatch", style: `background:${colour}`}), text)));
  }

  const ifRewarded = (place, text) => place === null ? [] : [["var(--ink)", text]];

  // ---- numbers

  function unpack(packed) {
    const letters = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const {shape: size, low, high, kept} = packed;
    let bytes = letters(packed.data);
    if (kept) {  // only the largest of each row were sent
      const few = bytes, columns = letters(packed.columns), wide = size[size.length - 1];
      bytes = new Uint8Array(size.reduce((a, b) => a * b, 1));
      few.forEach((value, k) => { bytes[Math.floor(k / kept) * wide + columns[2 * k] + 256 * columns[2 * k + 1]] = value; });
    }
    const strides = new Array(size.length).fill(1);
    for (let axis = size.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * size[axis + 1];
    const value = index => low + (high - low) * bytes[index] / 255;
    return {shape: size, at: (...place) => value(place.reduce((sum, k, axis) => sum + k * strides[axis], 0))};
  }

  const range = n => Array.from({length: n}, (_, k) => k);
  const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
  const percent = value => `${Math.round(100 * value)}%`;

  function shade(colours, value) {  // value from 0 to 1
    return colours[Math.max(0, Math.min(colours.length - 1, Math.round(value * (colours.length - 1))))];
  }

  // one head, or the mean over all layers and heads
  function headNames(layers, heads) {
    return ["mean of all", ...range(layers * heads).map(k => `layer ${Math.floor(k / heads) + 1}, head ${k % heads + 1}`)];
  }
  function overHeads(array, chosen, layers, heads, before, after) {
    const one = k => array.at(...before, Math.floor(k / heads), k % heads, ...after);
    return chosen ? one(chosen - 1) : mean(range(layers * heads).map(one));
  }

  // ---- a room

  function room([rows, columns], size, title, facts, colours, over_cell = () => {}) {
    const svg = drawing(columns * size + 2, rows * size + 20, title), cells = [];
    svg.append(shape("text", {x: 1, y: 12, class: "title"}, title));
    const floor = shape("g", {transform: "translate(1 18)"}), over = shape("g", {transform: "translate(1 18)"});
    for (let cell = 0; cell < rows * columns; cell++) {
      cells.push(shape("rect", {x: cell % columns * size, y: Math.floor(cell / columns) * size, width: size, height: size, fill: "var(--floor)",
                                stroke: "var(--line)", onpointerenter: () => over_cell(cell), onpointerleave: () => over_cell(null)}));
    }
    floor.append(...cells);
    const outline = shape("rect", {width: size - 2, height: size - 2, fill: "none", stroke: "var(--ink)", "stroke-width": 2,
                                   "stroke-dasharray": "3 2", visibility: "hidden", "pointer-events": "none"});
    over.setAttribute("pointer-events", "none");
    for (const [name, [row, column]] of Object.entries(facts)) {
      floor.append(shape("rect", {x: column * size + 2, y: row * size + 2, width: size - 4, height: size - 4, fill: "none",
                                  stroke: colours.goal, "stroke-width": 3}),
                   shape("text", {x: (column + .5) * size, y: (row + .5) * size + 4, "text-anchor": "middle", class: "fact"}, name));
    }
    svg.append(floor, over, outline);
    outline.setAttribute("transform", "translate(1 18)");
    function mark(cell) {  // a cell that something else points at, or none
      if (cell !== null) set(outline, {x: cell % columns * size + 1, y: Math.floor(cell / columns) * size + 1}, []);
      outline.setAttribute("visibility", cell === null ? "hidden" : "visible");
    }
    svg.classList.add("room");
    const centre = cell => [(cell % columns + .5) * size, (Math.floor(cell / columns) + .5) * size];
    return {svg, cells, over, centre, size, mark, colour: (cell, fill) => cells[cell].setAttribute("fill", fill)};
  }

  // of the floor and a colour
  const mixed = (colour, weight) => `color-mix(in srgb, ${colour} ${(100 * Math.min(1, weight)).toFixed(1)}%, var(--floor))`;

  // what a canvas needs, which knows no variables: a colour of the page as it is now
  const resolved = name => getComputedStyle(document.querySelector(".cad")).getPropertyValue(name);

  // a number that is easy to read, at least as large
  function rounded(value) {
    const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
    return [1, 1.5, 2, 3, 5, 10].map(k => k * power).find(limit => limit >= value * .999);
  }

  // how large numbers are drawn: to the most of the picture, by the square root of that, or from 0 to 1
  const SCALES = ["to this picture's most", "square root of it", "from 0 to 1"];
  const level = (value, most, how) => how === 2 ? value : how === 1 ? Math.sqrt(value / most) : value / most;

  // bars of `values`: over(k or null) when one is pointed at; `how` is a scale
  function bars(title, names, width, height, over = () => {}) {
    const svg = drawing(width, height, title), step = (width - 50) / names.length, nodes = [], grid = shape("g");
    svg.append(shape("text", {x: 2, y: 12, class: "title"}, title), grid);
    names.forEach((name, k) => {
      const whole = shape("rect", {x: 42 + k * step, width: step, y: 18, height: height - 40, fill: "transparent",
                                   onpointerenter: () => over(k), onpointerleave: () => over(null)});
      nodes.push(shape("rect", {x: 43 + k * step, width: Math.max(2, step - 2), y: 0, height: 0, "pointer-events": "none"}));
      svg.append(whole, nodes[k], shape("text", {x: 42 + (k + .5) * step, y: height - 8, "text-anchor": "middle"}, name));
    });
    function draw(values, colours, how = 2) {
      const limit = how === 2 ? 1 : rounded(Math.max(...values));
      const y = value => height - 22 - Math.min(1, level(value, limit, how)) * (height - 46);
      grid.replaceChildren(...[0, limit / 4, limit / 2, limit].flatMap(value => [
        shape("line", {x1: 40, x2: width - 4, y1: y(value), y2: y(value), stroke: "var(--line)"}),
        ...(how === 1 || value !== limit / 4 ? [shape("text", {x: 36, y: y(value) + 4, "text-anchor": "end"}, String(+value.toPrecision(2)))] : [])]));
      values.forEach((value, k) => set(nodes[k], {y: y(value), height: height - 22 - y(value), fill: typeof colours === "string" ? colours : colours[k]}, []));
    }
    const mark = marked => nodes.forEach((node, k) => set(node, {stroke: marked.includes(k) ? "var(--ink)" : "none", "stroke-width": 2}, []));
    return {svg, draw, mark};
  }

  // marks under the scrubber: ends of episodes, compressions, rewards
  function timeline(data, width, colours) {
    const svg = drawing(width, 34, "episodes, compressions and rewards over the steps"), x = step => 4 + step / data.n_steps * (width - 8);
    const line = (step, y1, y2, stroke) => shape("line", {x1: x(step), x2: x(step), y1, y2, stroke, "stroke-width": 1});
    svg.append(...data.ends.map(step => line(step + 1, 0, 9, "var(--muted)")), ...data.compressed_at.map(step => line(step, 11, 20, colours.latents)),
               ...data.rewarded.map(step => line(step + 1, 22, 31, colours.goal)));
    const cursor = shape("line", {y1: 0, y2: 34, stroke: "var(--ink)", "stroke-width": 2, "data-role": "cursor"});
    svg.append(cursor);
    return {svg, move: step => { cursor.setAttribute("x1", x(step)); cursor.setAttribute("x2", x(step)); }};
  }
  const timelineLegend = colours => [["var(--muted)", "episode ends"], [colours.latents, "compression"], [colours.goal, "reward"]];

  // a line chart as wide as there is room for: lines are {values, colour, dash}; x from x0 on; none above `high`, if it is given
  function chart({height, low = 0, high = 1, log = false, label, across, x0 = 0, left = 46, widest = 836}) {
    const svg = shape("svg", {role: "img", "aria-label": label, class: "chart", style: `max-width:${widest}px;height:${height}px`});
    const top = 16, bottom = height - 32;
    let n = 1, width = widest, title = label, top_value = high, shown = [[], []];
    const scaled = value => log ? Math.log10(Math.max(value, 10 ** low)) : value;
    const y = value => bottom - (Math.min(top_value, Math.max(low, scaled(value))) - low) / (top_value - low) * (bottom - top);
    const x = k => left + (n < 2 ? 0 : k / (n - 1) * (width - left - 6));
    function draw(lines, marks = [], words = title) {
      [shown, title] = [[lines, marks], words];
      n = Math.max(2, ...lines.map(line => line.values.length));
      top_value = high ?? rounded(Math.max(1e-6, ...lines.flatMap(line => line.values)));
      const rough = n / Math.max(2, width / 100), power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
      const every = Math.max(1, [1, 2, 5, 10].map(k => k * power).find(k => k >= rough));
      const ticks = log ? range(high - low + 1).map(k => low + k).filter(k => (k - low) % 2 === 0) : range(5).map(k => low + k / 4 * (top_value - low));
      set(svg, {viewBox: `0 0 ${width} ${height}`, "aria-label": words}, []);
      svg.replaceChildren(
        shape("text", {x: 2, y: 11, class: "title"}, words), shape("text", {x: width - 4, y: height - 4, "text-anchor": "end"}, across),
        ...ticks.flatMap(tick => {
          const at = bottom - (tick - low) / (top_value - low) * (bottom - top);
          return [shape("line", {x1: left, x2: width - 6, y1: at, y2: at, stroke: "var(--line)"}),
                  shape("text", {x: left - 4, y: at + 4, "text-anchor": "end"}, log ? `1e${tick}` : String(+tick.toPrecision(3)))];
        }),
        ...range(n).filter(k => (x0 + k) % every === 0).map(k => shape("text", {x: x(k), y: bottom + 14, "text-anchor": "middle"}, String(x0 + k))),
        ...marks.map(([k, colour, thick]) => shape("line", {x1: x(k), x2: x(k), y1: top, y2: bottom, stroke: colour, "stroke-width": thick})),
        ...lines.map(({values, colour, dash}) => values.length > 1
          ? shape("polyline", {fill: "none", stroke: colour, "stroke-width": 1.6, "stroke-dasharray": dash ?? null, points: values.map((value, k) => `${x(k).toFixed(1)},${y(value).toFixed(1)}`).join(" ")})
          : shape("circle", {cx: x(0), cy: y(values[0]), r: 3, fill: colour})));
    }
    new ResizeObserver(() => {
      const there = Math.round(svg.getBoundingClientRect().width);
      if (there && there !== width) { width = there; draw(...shown); }
    }).observe(svg);
    const place = event => {
      const box = svg.getBoundingClientRect();
      return [0, Math.round(((event.clientX - box.left) * width / box.width - left) / (width - left - 6) * (n - 1))];
    };
    return {svg, node: svg, draw, place, rows: () => 1, columns: () => n, box: (_, k) => [x(k) / width, top / height, 0, (bottom - top) / height]};
  }

  // a matrix of coloured cells on a canvas
  function heat(rows, columns, cellWidth, cellHeight, label) {
    const canvas = element("canvas", {width: columns * cellWidth, height: rows * cellHeight, role: "img", "aria-label": label});
    const pen = canvas.getContext("2d");
    return {canvas, node: canvas, rows: () => rows, columns: () => columns, box: (row, column) => [column / columns, row / rows, 1 / columns, 1 / rows], draw: fill => {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          pen.fillStyle = fill(row, column);
          pen.fillRect(column * cellWidth, row * cellHeight, cellWidth, cellHeight);
        }
      }
    }, place: event => {
      const box = canvas.getBoundingClientRect();
      return [Math.floor((event.clientY - box.top) / box.height * rows), Math.floor((event.clientX - box.left) / box.width * columns)];
    }};
  }

  // names above and, in `margin` pixels, before a heat map, each [text, from, to] at the middle of its columns or rows
  function labelled(node, view, across, down, margin = 46) {
    const names = (side, all, list) => list.map(([text, from, to]) => element("span", {style: `${side}:${50 * (from + to) / all}%`}, String(text)));
    return element("div", {class: "labelled", style: `grid-template-columns:${margin}px minmax(0,max-content)`}, element("div", {class: across.length ? "across" : "bare"}, ...names("left", view.columns(), across)),
                   element("div", {class: "down"}, ...names("top", view.rows(), down)), node);
  }
  const ends = (first, last, n) => n < 2 ? [[first, 0, 1]] : [[first, 0, 1], [last, n - 1, n]];

  // what the colours of a heat map stand for; `tell` says what the brightest is now
  function scale(colours, high, label, low = "0") {
    const svg = drawing(230, 42, label), top = shape("text", {x: 222, y: 39, "text-anchor": "end"}, high);
    svg.append(shape("text", {x: 2, y: 11}, label), shape("text", {x: 2, y: 39}, low), top);
    colours.forEach((fill, k) => svg.append(shape("rect", {x: 2 + k * 220 / colours.length, y: 16, width: 220 / colours.length + 1, height: 10, fill})));
    const tell = (most, how) => { top.textContent = how === 2 ? "1" : `${most.toFixed(2)}${how === 1 ? ", by its square root" : ""}`; };
    return {svg, tell};
  }

  // ---- 1. replay with arcs

  function replay(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data);
    const attention = unpack(data.attention), probabilities = unpack(data.probabilities), through = unpack(data.memory_cells), on_latents = unpack(data.on_latents);
    const n = data.n_latent, room_for = attention.shape[3] - n - 1, last = data.n_steps - 1;
    const oldest_first = [...range(n), ...range(room_for).map(k => n + room_for - 1 - k), n + room_for];
    const back = k => n + room_for - k;  // how many steps ago the transition of bar k was
    const place = room(data.grid, 38, "room", data.facts, colours, cell => {
      tokens.mark(cell === null ? [] : range(n + room_for).filter(k => k >= n && back(k) <= data.n_recent[step] && data.next_cells[step - back(k)] === cell));
    });
    const actions = bars("probability of each action", data.action_names, 300, 130);
    const tokens = bars("attention by token, oldest at the left", range(n + room_for + 1).map(() => ""), 420, 150, point);
    const starts = [0, ...data.ends.map(end => end + 1)].filter(start => start <= last), paid = starts.map((start, k) => data.rewarded.filter(at => at >= start && at < (starts[k + 1] ?? data.n_steps)).length);
    const curve = chart({height: 120, high: null, label: "reward in each episode: click to go there", across: "episode", x0: 1});
    const marks = timeline(data, 836, colours);
    let step = Math.max(0, (data.first_reward ?? 3) - 3), head = 0, memory = false, timer = null, speed = 4, how = 0;
    const scrubber = slider("step", last, step, value => { step = value; draw(); });
    const to = at => { step = Math.max(0, Math.min(last, at)); scrubber.input.value = step; draw(); };
    function tick() { if (step === last) stop(); else to(step + 1); }
    function stop() { clearInterval(timer); timer = null; told(); }
    function told() {  // while it plays, nothing is read out
      play.textContent = timer ? "stop" : "play";
      status.setAttribute("aria-live", timer ? "off" : "polite");
    }
    const play = element("button", {type: "button", onclick: () => {
      if (timer) stop(); else timer = setInterval(tick, 1000 / speed);
      told();
    }}, "play");
    const speeds = [1, 4, 16, 60], jump = (text, at) => element("button", {type: "button", disabled: at === null ? "" : null, onclick: () => to(at)}, text);
    controls.append(scrubber.node, play, choice("steps a second", speeds.map(String), value => {
      speed = speeds[value];
      if (timer) { clearInterval(timer); timer = setInterval(tick, 1000 / speed); }
    }, 1).node, jump("first reward", data.first_reward),
      element("button", {type: "button", onclick: () => to(starts.find(start => start > step) ?? step)}, "next episode"),
      choice("head", headNames(data.layers, data.heads), value => { head = value; draw(); }).node,
      choice("scale", SCALES, value => { how = value; draw(); }, how).node,
      toggle("shade what the memory was made of", false, value => { memory = value; draw(); }));
    const pointed = pointable(curve, (_, k) => { status.textContent = `episode ${k + 1}: reward ${paid[k]}; click or press Enter to go there`; chosen = k; });
    let chosen = 0;
    curve.svg.addEventListener("click", event => to(starts[Math.max(0, Math.min(starts.length - 1, curve.place(event)[1]))]));
    curve.svg.addEventListener("keydown", event => { if (event.key === "Enter") to(starts[chosen]); });
    panels.append(element("div", {class: "whole"}, pointed, marks.svg), place.svg, element("div", {}, actions.svg, element("br"), tokens.svg));
    swatches(legend, [[colours.recent, "attention on recent transitions, where they led"], [colours.latents, "latents: what they were made of, by attention rollout (relative to the brightest cell)"],
                      [colours.agent, "agent and its next move"], ...timelineLegend(colours)]);
    const weight = column => overHeads(attention, head, data.layers, data.heads, [step], [column]);

    function point(k) {  // a bar, or none
      const is_recent = k !== null && k >= n && k < n + room_for && back(k) <= data.n_recent[step];
      place.mark(is_recent ? data.next_cells[step - back(k)] : null);
      if (k === null) return;
      const share = weight(oldest_first[k]).toFixed(3);
      if (k < n) status.textContent = `latent ${k}: ${share} of the attention`;
      else if (k === n + room_for) status.textContent = `the query itself: ${share} of the attention`;
      else if (is_recent) status.textContent = `${back(k)} steps ago, step ${step - back(k)} (${data.action_names[data.actions[step - back(k)]]}): ${share} of the attention`;
    }

    function draw() {
      const recent = data.n_recent[step], here = data.cells[step], [x, y] = place.centre(here), arcs = [], by_cell = new Map();
      for (let k = 1; k <= recent; k++) {
        const cell = data.next_cells[step - k];
        by_cell.set(cell, (by_cell.get(cell) ?? 0) + weight(n + k - 1));
      }
      const shares = oldest_first.map(weight), most_recent = Math.max(1e-9, ...range(recent).map(k => weight(n + k))), most_cell = Math.max(1e-9, ...by_cell.values());
      for (let k = 1; k <= recent; k++) {
        const cell = data.next_cells[step - k], large = Math.min(1, level(weight(n + k - 1), most_recent, how));
        const [tx, ty] = place.centre(cell), [mx, my] = [(x + tx) / 2 + (ty - y) * .3, (y + ty) / 2 - (tx - x) * .3];
        arcs.push(cell === here
          ? shape("circle", {cx: x, cy: y, r: 12 + k / 2, fill: "none", stroke: colours.recent, "stroke-width": 1 + 5 * large, opacity: .15 + .8 * large})
          : shape("path", {d: `M${x},${y} Q${mx},${my} ${tx},${ty}`, fill: "none", stroke: colours.recent, "stroke-width": 1 + 6 * large, opacity: .15 + .8 * large}));
      }
      place.cells.forEach((_, cell) => place.colour(cell, memory ? mixed(colours.latents, through.at(step, cell)) : mixed(colours.recent, .6 * level(by_cell.get(cell) ?? 0, most_cell, how))));
      const [row, column] = data.moves[data.actions[step]];
      place.over.replaceChildren(...arcs, shape("circle", {cx: x, cy: y, r: 9, fill: colours.agent, "data-role": "agent"}),
        shape("line", {x1: x, y1: y, x2: x + 22 * column, y2: y + 22 * row, stroke: colours.agent, "stroke-width": 4, "stroke-linecap": "round"}));
      actions.draw(data.action_names.map((_, action) => probabilities.at(step, action)), data.action_names.map((_, action) => action === data.actions[step] ? colours.agent : "var(--muted)"));
      tokens.draw(shares, oldest_first.map(k => k < n ? colours.latents : k < n + room_for ? colours.recent : colours.query), how);
      const latents = overHeads(on_latents, head, data.layers, data.heads, [step], []);
      const episode = data.ends.filter(end => end < step).length, cycles = data.compressed_at.filter(at => at <= step).length;
      status.textContent = `step ${step}, episode ${episode + 1}, after ${cycles} compressions; ${percent(latents)} of the attention on latents; ` +
        `${data.action_names[data.actions[step]]} with probability ${probabilities.at(step, data.actions[step]).toFixed(2)}` + (data.rewarded.includes(step) ? "; reward" : "");
      curve.draw([{values: paid, colour: colours.CompressedAD}], [[episode, "var(--ink)", 2]]);
      marks.move(step);
    }
    draw();
  }

  // ---- 2. where does the decision look?

  function looks(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data), kinds = ["latents", "recent", "query"];
    const mass = unpack(data.mass), slots = unpack(data.slots), effects = data.effects && unpack(data.effects);
    const big = chart({height: 240, label: "share of the query's attention", across: "step"});
    const by_slot = heat(data.n_latent, data.n_steps, 1, 5, "attention on each latent slot over the steps");
    by_slot.canvas.style.cssText = `width:100%;height:${data.n_latent * 6}px`;
    const gallery = element("div", {class: "gallery"}), names = headNames(data.layers, data.heads);
    let head = 0, averaged = true, tested = false, how = 1, drawn = [];
    const in_episodes = data.episodes[data.n_steps - 1] + 1;
    function smooth(values) {
      if (!averaged) return values;
      const sums = new Array(in_episodes).fill(0), counts = new Array(in_episodes).fill(0);
      values.forEach((value, step) => { sums[data.episodes[step]] += value; counts[data.episodes[step]] += 1; });
      return values.map((_, step) => sums[data.episodes[step]] / counts[data.episodes[step]]);
    }
    const of_kind = (chosen, kind) => range(data.n_steps).map(step => overHeads(mass, chosen, data.layers, data.heads, [step], [kind]));
    const lines = (chosen, dash) => kinds.map((name, kind) => ({values: smooth(of_kind(chosen, kind)), colour: colours[name], dash}));
    const test = toggle("the test: change of the action if it is taken away (dashed)", false, value => { tested = value; draw(); });
    controls.append(choice("head", names, value => { head = value; draw(); }).node,
                    choice("scale of the slots", SCALES, value => { how = value; draw(); }, how).node,
                    toggle("mean of each episode", true, value => { averaged = value; thumbnails(); draw(); }));
    if (effects) controls.append(test);
    const buttons = names.map((name, number) => element("button", {type: "button", onclick: () => { head = number; controls.querySelector("select").value = number; draw(); }}));
    gallery.append(...buttons);
    const pointed = pointable(big, (_, step) => {
      status.textContent = `${names[head]}, step ${step}, episode ${data.episodes[step] + 1}: ` +
        kinds.map((name, kind) => `${name} ${drawn[kind].values[step].toFixed(2)}`).join(", ") +
        (tested ? `; change without latents ${drawn[3].values[step].toFixed(2)}, without recent transitions ${drawn[4].values[step].toFixed(2)}` : "") + (averaged ? " (means of the episode)" : "");
    });
    const of_slot = (slot, step) => overHeads(slots, head, data.layers, data.heads, [step], [slot]);
    const pointed_slot = pointable(by_slot, (slot, step) => {
      status.textContent = `${names[head]}, step ${step}: ${of_slot(slot, step).toFixed(3)} on slot ${slot}`;
    });
    const legend_of_slots = scale(data.colormap, "1", "attention on a slot");
    panels.append(element("div", {class: "whole"}, pointed), element("div", {class: "whole"}, "attention on each latent slot, by step",
                  labelled(pointed_slot, by_slot, [], ends("slot 0", data.n_latent - 1, data.n_latent))), legend_of_slots.svg, gallery);
    swatches(legend, [...kinds.map(name => [colours[name], name === "recent" ? "recent transitions" : name === "query" ? "the query itself" : name]), ...ifRewarded(data.first_reward, "first reward"), ["var(--compression)", "compression"]]);
    function thumbnails() {
      buttons.forEach((button, number) => {
        const small = drawing(116, 44, names[number]);
        lines(number).forEach(({values, colour}) => small.append(shape("polyline", {fill: "none", stroke: colour, "stroke-width": 1.2,
          points: values.filter((_, k) => k % Math.ceil(data.n_steps / 100) === 0).map((value, k, all) => `${(k / Math.max(1, all.length - 1) * 114).toFixed(1)},${(42 - 40 * value).toFixed(1)}`).join(" ")})));
        button.replaceChildren(element("div", {}, names[number]), small);
      });
    }
    function draw() {
      const shown = lines(head);
      if (tested) ["latents", "recent"].forEach((name, kind) => shown.push({values: smooth(range(data.n_steps).map(step => effects.at(step, kind))), colour: colours[name], dash: "5 4"}));
      drawn = shown;
      big.draw(shown, [...data.compressed_at.map(step => [step, "var(--compression)", .7]), ...(data.first_reward === null ? [] : [[data.first_reward, "var(--ink)", 1.5]])]);
      const shares = range(data.n_latent).map(slot => range(data.n_steps).map(step => of_slot(slot, step)));
      const most = Math.max(1e-9, ...shares.map(row => Math.max(...row)));
      by_slot.draw((slot, step) => shade(data.colormap, level(shares[slot][step], most, how)));
      legend_of_slots.tell(most, how);
      buttons.forEach((button, number) => button.setAttribute("aria-pressed", number === head));
      status.textContent = `${names[head]}; point at the chart for numbers, or use the arrow keys on it`;
    }
    thumbnails();
    draw();
  }

  // ---- 3. compression tape

  function tape(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data);
    const reading = unpack(data.reading), read = unpack(data.read), effects = data.effects && unpack(data.effects), n = data.n_latent, columns = reading.shape[4];
    const wide = 17, tall = 15, matrix = drawing(60 + columns * wide, 52 + n * tall, "what each query token reads");
    const place = room(data.grid, 30, "where that was", data.facts, colours, light), cells = [];
    let cycle = data.first_cycle ?? 0, head = 0, slot = 0, tested = false, how = 1;
    matrix.append(shape("text", {x: 46, y: 11, class: "title"}, "old latents"), shape("text", {x: 46 + n * wide, y: 11, class: "title"}, "transitions, oldest first"),
                  shape("text", {x: 46, y: 46 + n * tall, "data-role": "sums"}));
    for (let row = 0; row < n; row++) {
      const group = shape("g", {class: "row", onpointerenter: () => pick(row), onclick: () => pick(row)});
      group.append(shape("text", {x: 40, y: 30 + row * tall, "text-anchor": "end"}, `slot ${row}`));
      cells.push(range(columns).map(column => shape("rect", {onpointerenter: () => tell(row, column), onpointerleave: () => place.mark(null), x: 46 + column * wide, y: 19 + row * tall, width: wide - 1, height: tall - 1})));
      group.append(...cells[row]);
      matrix.append(group);
    }
    const outline = shape("rect", {x: 45, width: columns * wide + 1, height: tall + 1, fill: "none", stroke: "var(--ink)", "stroke-width": 2, "data-role": "slot"});
    matrix.append(outline, shape("line", {x1: 45.5 + n * wide, x2: 45.5 + n * wide, y1: 16, y2: 20 + n * tall, stroke: "var(--ink)", "stroke-width": 2}));
    const scrubber = slider("compression", data.segments.length - 1, cycle, value => { cycle = value; draw(); });
    const heads = choice("head", headNames(data.layers, data.heads), value => { head = value; draw(); });
    const slots = choice("slot", range(n).map(String), value => pick(value));
    controls.append(scrubber.node, heads.node, slots.node, choice("scale", SCALES, value => { how = value; draw(); }, how).node,
      element("button", {type: "button", disabled: data.first_cycle === null ? "" : null, onclick: () => { cycle = data.first_cycle; scrubber.input.value = cycle; draw(); }}, "takes the first reward"));
    if (effects) controls.append(toggle("the test: how far another stream's token there moves the latent", false, value => { tested = value; heads.select.disabled = value; draw(); }));
    const brightness = scale(data.colormap, "1", "attention, or distance moved");
    panels.append(matrix, place.svg, brightness.svg);
    swatches(legend, [[colours.goal, "the true cell"]]);
    const value = (row, column) => tested ? effects.at(cycle, row, column) : overHeads(reading, head, data.layers, data.heads, [cycle], [row, column]);
    function pick(row) { slot = row; slots.select.value = row; draw(); }
    function tell(row, column) {  // one cell of the matrix
      const at = column - n, step = data.segments[cycle][at];
      place.mark(at < 0 || step === undefined ? null : data.next_cells[step]);
      if (slot !== row) pick(row);
      status.textContent = `slot ${row}, ${at < 0 ? `old latent ${column}` : `step ${step}`}: ${value(row, column).toFixed(3)}`;
    }
    function light(cell) {  // the columns of the transitions that led to a cell
      cells.forEach(line => line.forEach((node, column) => set(node, {stroke: cell !== null && column >= n && data.next_cells[data.segments[cycle][column - n]] === cell ? colours.goal : "none"}, [])));
    }
    function draw() {
      const most = Math.max(1e-9, ...cells.flatMap((line, row) => line.map((_, column) => value(row, column))));
      cells.forEach((line, row) => line.forEach((cell, column) => cell.setAttribute("fill", shade(data.colormap, level(value(row, column), most, how)))));
      brightness.tell(most, how);
      outline.setAttribute("y", 18 + slot * tall);
      matrix.querySelector("[data-role=sums]").textContent = tested ? "1: as far as another stream's latent is away; rows need not sum to anything" : "each row sums to at most 1 (the rest: the query tokens themselves)";
      const by_cell = new Map(), steps = data.segments[cycle];
      steps.forEach((step, k) => by_cell.set(data.next_cells[step], (by_cell.get(data.next_cells[step]) ?? 0) + value(slot, n + k)));
      const brightest = Math.max(1e-9, ...by_cell.values());
      place.cells.forEach((_, cell) => place.colour(cell, by_cell.has(cell) ? mixed(colours.latents, .08 + .92 * by_cell.get(cell) / brightest) : "var(--floor)"));
      const strongest = range(n + steps.length).reduce((best, column) => value(slot, column) > value(slot, best) ? column : best, 0);
      const [old, now] = [0, 1].map(part => overHeads(read, head, data.layers, data.heads, [cycle], [slot, part]));
      status.textContent = `compression ${cycle + 1}, steps ${steps[0]} to ${steps[steps.length - 1]}; slot ${slot} ` + (tested
        ? value(slot, strongest) > 0 ? `is moved most by ${strongest < n ? `old latent ${strongest}` : `step ${steps[strongest - n]}`}: ${value(slot, strongest).toFixed(2)}` : "is moved by none" : `reads ${percent(old)} from old latents, ${percent(now)} from transitions`) +
        (steps.some(step => data.rewarded.includes(step)) ? "; there was a reward" : "");
    }
    draw();
  }

  // ---- 4. rollout through cycles

  function shares(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data), n = data.n_cycles;
    const looked = unpack(data.shares), moved = data.effects && unpack(data.effects);
    const lines = chart({widest: 520, height: 260, low: -8, high: 0, log: true, label: "share of today's latents (mean over slots)", across: "age of the segment, in compressions", x0: 1});
    const cell = Math.max(2, Math.floor(260 / n)), map = heat(n, n, cell, cell, "share of each segment (column) in the latents after each compression (row)");
    let cycle = Math.min(n - 1, 20), tested = false;
    const scrubber = slider("after compression", n - 1, cycle, value => { cycle = value; draw(); });
    controls.append(scrubber.node);
    if (moved) controls.append(toggle("the test: how far another stream's segment there moves the latents (dashed)", false, value => { tested = value; draw(); }));
    const small = value => value > 1.01e-8 ? value.toExponential(1) : "below 1e-8";
    const pointed = pointable(map, (row, column) => {
      if (column > row) status.textContent = `after compression ${row + 1}, segment ${column + 1}: not there yet`;
      else status.textContent = `after compression ${row + 1}, segment ${column + 1}: share ${small(share(row, column))}` + (moved ? `, moved by ${small(effect(row, column))}` : "");
    });
    const numbers = ends(1, n, n);
    panels.append(element("div", {class: "half"}, lines.svg), element("div", {style: "width:300px"}, element("div", {}, "rows: after compression; columns: segment"), labelled(pointed, map, numbers, numbers, 24), scale(data.colormap, "1", "share, or distance (log scale)", "1e-8").svg));
    swatches(legend, [[colours.latents, "share by attention rollout"], [colours.CompressedAD, "distance moved, 1: as far as another stream's latents"], ...ifRewarded(data.first_cycle, "the segment with the first reward")]);
    const share = (row, column) => 10 ** looked.at(row, column), effect = (row, column) => 10 ** moved.at(row, column);
    function draw() {
      const shown = [{values: range(cycle + 1).map(age => share(cycle, cycle - age)), colour: colours.latents}];
      if (tested) shown.push({values: range(cycle + 1).map(age => effect(cycle, cycle - age)), colour: colours.CompressedAD, dash: "5 4"});
      const first = data.first_cycle;
      lines.draw(shown, first !== null && first <= cycle ? [[cycle - first, "var(--ink)", 1.5]] : []);
      const [now, none] = [resolved("--line"), resolved("--paper")];
      map.draw((row, column) => row === cycle && column > row ? now : column > row ? none : shade(data.colormap, ((tested ? moved : looked).at(row, column) + 8) / 8));
      status.textContent = `after compression ${cycle + 1}: ${percent(share(cycle, cycle))} from the latest segment, ` +
        `${cycle ? percent(share(cycle, cycle - 1)) : "nothing"} from the one before, ${percent(data.no_history[cycle])} from no history at all (query tokens, initial latents)` +
        (first !== null && first <= cycle ? `; the segment with the first reward is ${cycle - first + 1} compressions old` : "");
    }
    map.canvas.addEventListener("click", event => { cycle = map.place(event)[0]; scrubber.input.value = cycle; draw(); });
    draw();
  }

  // ---- 5. probe maps

  function probes(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data), names = Object.keys(data.maps);
    const read = Object.fromEntries(names.map(name => [name, unpack(data.maps[name])])), lucky = Object.fromEntries(names.map(name => [name, unpack(data.shuffled[name])]));
    const been = unpack(data.visited), n = data.n_cycles, [, columns] = data.grid;
    let cycle = 0, fact = 0;
    const rooms = ["read off the latents", "the same, shuffled labels", "the truth"].map(title => room(data.grid, 26, title, data.facts, colours, over));
    function over(cell) {
      rooms.forEach(part => part.mark(cell));
      if (cell === null) return draw();
      const [one, two] = [read, lucky].map(maps => maps[names[fact]].at(cycle, cell).toFixed(2));
      status.textContent = `row ${Math.floor(cell / columns)}, column ${cell % columns}: ${one}, with shuffled labels ${two}`;
    }
    const lines = chart({height: 180, label: "share that the map gives to the true cell", across: "compression", x0: 1});
    const scrubber = slider("after compression", n - 1, 0, value => { cycle = value; draw(); });
    controls.append(scrubber.node, choice("fact", names, value => { fact = value; draw(); }).node);
    panels.append(element("div", {class: "rooms"}, ...rooms.map(part => part.svg)), element("div", {class: "whole"}, lines.svg), scale(data.colormap, "1", "share, or score").svg);
    swatches(legend, [[colours.latents, "true labels"], [colours.source, "shuffled labels"], ...ifRewarded(data.first_cycle, "the compression that takes the first reward"), [colours.goal, "the true cell"]]);
    function draw() {
      const name = names[fact], is_cell = name in data.facts;
      const target = is_cell ? data.facts[name][0] * columns + data.facts[name][1] : null;
      rooms[0].cells.forEach((_, cell) => {
        rooms[0].colour(cell, shade(data.colormap, read[name].at(cycle, cell)));
        rooms[1].colour(cell, shade(data.colormap, lucky[name].at(cycle, cell)));
        rooms[2].colour(cell, shade(data.colormap, is_cell ? Number(cell === target) : been.at(cycle, cell)));
      });
      const right = (maps, k) => {  // for visited cells: mean score of those that were, less that of the others
        if (is_cell) return maps.at(k, target);
        const cells = range(rooms[0].cells.length), yes = cells.filter(cell => been.at(k, cell) > .5), no = cells.filter(cell => been.at(k, cell) <= .5);
        return (yes.length ? mean(yes.map(cell => maps.at(k, cell))) : 0) - (no.length ? mean(no.map(cell => maps.at(k, cell))) : 0);
      };
      const words = is_cell ? "share that the map gives to the true cell" : "mean score of visited cells, less that of the others (below 0 drawn as 0)";
      lines.draw([{values: range(n).map(k => right(read[name], k)), colour: colours.latents}, {values: range(n).map(k => right(lucky[name], k)), colour: colours.source, dash: "4 3"}],
                 [...(data.first_cycle === null ? [] : [[data.first_cycle, "var(--ink)", 1.5]]), [cycle, colours.query, 2]], words);
      status.textContent = `after compression ${cycle + 1} (step ${data.compressed_at[cycle]}), ${name}: ${right(read[name], cycle).toFixed(2)}, with shuffled labels ${right(lucky[name], cycle).toFixed(2)}` +
        (data.first_cycle !== null && cycle >= data.first_cycle ? "; the first reward has gone in" : "; no reward yet");
    }
    draw();
  }

  // ---- 6. interventions

  function interventions(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data);
    const probabilities = unpack(data.probabilities), occupied = unpack(data.occupied);
    let moment = data.moments.length - 1, changed = Math.min(2, data.names.length - 1);
    const before = bars("next action, own latents", data.action_names, 300, 130), after = bars("next action, after the intervention", data.action_names, 300, 130);
    const rooms = ["own latents", "after the intervention"].map(title => room(data.grid, 30, title, data.facts, colours, over));
    function over(cell) {
      rooms.forEach(part => part.mark(cell));
      if (cell === null) return draw();
      status.textContent = `row ${Math.floor(cell / data.grid[1])}, column ${cell % data.grid[1]}: ${percent(occupied.at(moment, 0, cell))} of the agents with own latents came there, ${percent(occupied.at(moment, changed, cell))} after the intervention`;
    }
    const names = data.moments.map(([cycle, step]) => `compression ${cycle + 1} (step ${step})`);
    controls.append(choice("after", names, value => { moment = value; draw(); }, moment).node,
                    choice("intervention", data.names, value => { changed = value; draw(); }, changed).node);
    panels.append(element("div", {class: "rooms"}, element("div", {}, rooms[0].svg, before.svg), element("div", {}, rooms[1].svg, after.svg)), scale(data.colormap, "1", "share of agents that came to a cell").svg);
    swatches(legend, [[colours.goal, `its own ${Object.keys(data.facts).join(" and ")}`], [colours.donor, `the donor's ${data.fact}`], ["#ffffff", "path of one of the agents"]]);
    function draw() {
      [0, changed].forEach((which, side) => {
        const part = rooms[side], places = data.paths[moment][which].map(part.centre);
        const near = k => k > 0 && Math.abs(places[k][0] - places[k - 1][0]) + Math.abs(places[k][1] - places[k - 1][1]) <= part.size + 1;  // a new episode is a jump
        const path = places.map(([x, y], k) => `${near(k) ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
        part.cells.forEach((_, cell) => part.colour(cell, shade(data.colormap, occupied.at(moment, which, cell))));
        const [x, y] = part.centre(data.donor);
        part.over.replaceChildren(
          shape("path", {d: path, fill: "none", stroke: "#1b2a49", "stroke-width": 6}),  // both can be seen on any cell
          shape("path", {d: path, fill: "none", stroke: "#ffffff", "stroke-width": 3, "data-role": "path"}),
          shape("rect", {x: x - 11, y: y - 11, width: 22, height: 22, fill: "none", stroke: colours.donor, "stroke-width": 3, "stroke-dasharray": "4 2"}));
        [before, after][side].draw(data.action_names.map((_, action) => probabilities.at(moment, which, action)), colours.agent);
      });
      const distance = data.action_names.reduce((sum, _, a) => sum + Math.abs(probabilities.at(moment, 0, a) - probabilities.at(moment, changed, a)) / 2, 0);
      const went = which => `${percent(data.reached[moment][which][0])} to their own ${data.fact}, ${percent(data.reached[moment][which][1])} to the donor's`;
      status.textContent = `${data.names[changed]}: the next action changes by ${distance.toFixed(2)}; of ${data.n_copies} agents in ${data.n_steps} steps ${went(changed)} (own latents: ${went(0)})`;
    }
    draw();
  }

  // ---- 7. head gallery

  function heads(root, data) {
    const {controls, status, panels, legend, colours} = frame(root, data);
    const parts = {encoder: unpack(data.encoder), decoder: unpack(data.decoder)};
    const n_layer = {encoder: parts.encoder.shape[1], decoder: parts.decoder.shape[1]}, n_head = {encoder: parts.encoder.shape[2], decoder: parts.decoder.shape[2]};
    const all = ["encoder", "decoder"].flatMap(part => range(n_layer[part] * n_head[part]).map(k => [part, Math.floor(k / n_head[part]), k % n_head[part]]));
    let moment = Math.max(0, data.cycles.indexOf(data.first_cycle)), chosen = 0, how = 1;
    const gallery = element("div", {class: "gallery"}), large = element("div", {});
    const title = ([part, layer, head]) => `${part}, layer ${layer + 1}, head ${head + 1}`;
    const small = all.map(which => heat(parts[which[0]].shape[3], parts[which[0]].shape[4], which[0] === "encoder" ? 3 : 4, which[0] === "encoder" ? 3 : 8, title(which)));
    const buttons = all.map((which, number) => element("button", {type: "button", onclick: () => { chosen = number; draw(); }}, title(which), small[number].canvas));
    gallery.append(...buttons);
    controls.append(choice("compression", data.cycles.map(cycle => String(cycle + 1)), value => { moment = value; draw(); }, moment).node,
                    choice("scale", SCALES, value => { how = value; draw(); }, how).node);
    const brightness = scale(data.colormap, "1", "attention, rows sum to 1");
    panels.append(gallery, large, brightness.svg);
    swatches(legend, [["var(--paper)", "nothing there: of the encoder's last layer only query tokens are computed, and until the next compression there may be fewer decisions than rows"]]);
    const value = ([part, layer, head], row, column) => parts[part].at(moment, layer, head, row, column);
    const lacking = ([part, layer], row) => part === "decoder" ? row >= data.decisions[moment] : layer === n_layer.encoder - 1 && row < data.n_latent + data.n_segment;
    // the most in any head at this moment, so that heads can be compared
    const most_of = which => Math.max(...range(parts[which[0]].shape[3]).filter(row => !lacking(which, row)).flatMap(row => range(parts[which[0]].shape[4]).map(column => value(which, row, column))));
    let most = 1, none = "";
    const fill = (which, row, column) => lacking(which, row) ? none : shade(data.colormap, level(value(which, row, column), most, how));
    function token(part, column) {  // numbered as elsewhere: slots from 0, transitions from 1
      const [first, second] = borders(part, 1);
      if (part === "encoder") return column < first ? `old latent ${column}` : column < second ? `transition ${column - first + 1} of the segment` : `query token ${column - second}`;
      return column < first ? `latent ${column}` : column < second ? `transition ${column - first + 1}, latest first` : "the query itself";
    }
    const named = (names, borders, all) => names.map((name, k) => [name, borders[k - 1] ?? 0, borders[k] ?? all]);
    function borders(part, axis) {
      if (part === "encoder") return [data.n_latent, data.n_latent + data.n_segment];
      return axis ? [data.n_latent, parts.decoder.shape[4] - 1] : [];
    }
    function draw() {
      most = Math.max(1e-9, ...all.map(most_of));
      none = resolved("--paper");
      brightness.tell(most, how);
      all.forEach((which, number) => {
        small[number].draw((row, column) => fill(which, row, column));
        buttons[number].setAttribute("aria-pressed", number === chosen);
      });
      const which = all[chosen], [part] = which, shape4 = parts[part].shape, size = part === "encoder" ? 11 : 18;
      const view = heat(shape4[3], shape4[4], size, size, title(which)), pen = view.canvas.getContext("2d");
      view.canvas.setAttribute("data-role", "large");
      view.draw((row, column) => fill(which, row, column));
      pen.strokeStyle = "#ffffff"; pen.lineWidth = 2;
      borders(part, 1).forEach(at => { pen.beginPath(); pen.moveTo(at * size, 0); pen.lineTo(at * size, shape4[3] * size); pen.stroke(); });
      borders(part, 0).forEach(at => { pen.beginPath(); pen.moveTo(0, at * size); pen.lineTo(shape4[4] * size, at * size); pen.stroke(); });
      const axes = part === "encoder" ? "rows and columns: old latents, segment (oldest first), query tokens"
        : "rows: decisions after this compression, one below the other; columns: latents, transitions (latest first), the query itself";
      const names = part === "encoder" ? ["old latents", "segment", "query tokens"] : ["latents", "transitions", "query"];
      const across = named(names, borders(part, 1), shape4[4]);
      const pointed = pointable(view, (row, column) => {
        const looking = part === "encoder" ? token(part, row) : `decision ${row + 1}`;
        status.textContent = `${title(which)}: ` + (lacking(which, row) ? `nothing in the row of ${looking}` : `${looking} gives ${value(which, row, column).toFixed(3)} to ${token(part, column)}`);
      });
      large.replaceChildren(element("p", {}, element("strong", {}, title(which)), ` (${shape4[3]} x ${shape4[4]}) ${axes}`),
        labelled(pointed, view, across, part === "encoder" ? across : ends("decision 1", data.decisions[moment], data.decisions[moment]), 76));
      status.textContent = `${title(which)}, ${part === "encoder" ? "in" : "after"} compression ${data.cycles[moment] + 1}`;
    }
    draw();
  }

  const views = {replay, looks, tape, shares, probes, interventions, heads};
  function show(kind, root, data) {
    views[kind](root, data);
    // canvases do not follow the reader's light and dark by themselves
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { root.replaceChildren(); views[kind](root, data); });
  }
  return {show};
})();
