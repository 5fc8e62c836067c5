"use strict";
/* The pictures that views.js is made of, and the pointing that links those of one view. */
const pictures = (() => {
  const {set, element, shape} = pageElements;

  // ---- numbers

  const range = n => Array.from({length: n}, (_, k) => k);
  const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
  const percent = value => `${Math.round(100 * value)}%`;
  const most = values => values.reduce((a, b) => Math.max(a, b), 1e-9);

  function unpack(packed) {
    const letters = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const {shape: size, low, high, kept} = packed;
    let bytes = letters(packed.data);
    if (kept) {  // only the largest of each row were sent
      const few = bytes, columns = letters(packed.columns), wide = size.at(-1);
      bytes = new Uint8Array(size.reduce((a, b) => a * b, 1));
      few.forEach((value, k) => { bytes[Math.floor(k / kept) * wide + columns[2 * k] + 256 * columns[2 * k + 1]] = value; });
    }
    const strides = new Array(size.length).fill(1);
    for (let axis = size.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * size[axis + 1];
    const value = index => low + (high - low) * bytes[index] / 255;
    return {shape: size, at: (...place) => value(place.reduce((sum, k, axis) => sum + k * strides[axis], 0))};
  }

  // a number that is easy to read, at least as large
  function rounded(value) {
    const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
    return [1, 1.5, 2, 3, 5, 10].map(k => k * power).find(limit => limit >= value * .999);
  }

  // rising numbers as [first, last] of those that follow one another
  function stretches(numbers) {
    const found = [];
    for (const k of numbers) {
      if (found.length && found.at(-1)[1] === k - 1) found.at(-1)[1] = k;
      else found.push([k, k]);
    }
    return found;
  }

  // ---- colours

  // how large numbers are drawn: to the most of the picture, by the square root of that, or from 0 to 1
  const SCALES = ["to this picture's most", "square root of it", "from 0 to 1"];
  const level = (value, largest, how) => how === 2 ? value : how === 1 ? Math.sqrt(value / largest) : value / largest;
  const shade = (colours, value) => colours[Math.max(0, Math.min(colours.length - 1, Math.round(value * (colours.length - 1))))];
  const mixed = (colour, weight) => `color-mix(in srgb, ${colour} ${(100 * Math.min(1, weight)).toFixed(1)}%, var(--floor))`;
  // what a canvas needs, which knows neither variables nor light-dark(): a colour of the page as it is now
  function resolved(name) {
    const probe = element("i", {style: `color:var(${name})`});
    document.querySelector(".cad").append(probe);
    const {color} = getComputedStyle(probe);
    probe.remove();
    return color;
  }

  function swatches(legend, entries) {
    const all = entries.map(([colour, text]) => element("span", {}, element("span", {class: "swatch", style: `background:${colour}`}), text));
    legend.replaceChildren(...all, element("span", {}, element("span", {class: "swatch belongs"}), "belongs to what you point at"));
  }

  // what the colours of a heat map stand for; `tell` says what the brightest is now
  function scale(colours, high, label, low = "0") {
    const svg = drawing(230, 42, label), top = shape("text", {x: 222, y: 39, "text-anchor": "end"}, high);
    const wide = 220 / colours.length;
    svg.append(shape("text", {x: 2, y: 11}, label), shape("text", {x: 2, y: 39}, low), top,
               ...colours.map((fill, k) => shape("rect", {x: 2 + k * wide, y: 16, width: wide + 1, height: 10, fill})));
    const tell = (largest, how) => { top.textContent = how === 2 ? "1" : `${largest.toFixed(2)}${how === 1 ? ", by its square root" : ""}`; };
    return {svg, tell};
  }

  // ---- pointing. A picture is {node, size, box, place}: its element, [rows, columns] of its places, where one of them is in
  // parts of it, [left, top, width, height], and at which one the hand is.

  // where the hand is in a picture of this width and height
  function hand(node, event, width, height) {
    const box = node.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
  }

  // a picture whose places are a regular grid from (left, top) on
  const gridded = (node, [width, height], [rows, columns], [left, top, wide, tall]) => ({
    node, size: () => [rows, columns],
    box: (row, column) => [(left + column * wide) / width, (top + row * tall) / height, wide / width, tall / height],
    place: event => {
      const [x, y] = hand(node, event, width, height);
      return [Math.floor((y - top) / tall), Math.floor((x - left) / wide)];
    }});

  // the left, top, width and height of [rows, columns], each one number, [first, last], or null for all
  function area({size, box}, place) {
    const [[top, bottom], [left, right]] = place.map((at, axis) => at === null ? [0, size()[axis] - 1] : Array.isArray(at) ? at : [at, at]);
    const [x, y] = box(top, left), [x1, y1, wide, tall] = box(bottom, right);
    return [x, y, x1 + wide - x, y1 + tall - y];
  }

  const STEPS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity]};

  /* The pictures of one view. Pointing at a place of one, with the mouse, a finger, the arrow keys, Home or End, marks it, says
     what is there, and lights what belongs to it in the others. `say` sets what the status says when nothing is pointed at. */
  function pointing(status) {
    const linked = [];
    let summary = "", current = null;

    function quiet() {
      current = null;
      for (const one of linked) one.clear();
      status.textContent = summary;
    }

    function say(text) {
      summary = text;
      quiet();
    }

    // tell(row, column) lights and returns the words; choose(row, column) is a click or Enter
    function pointable(picture, tell, choose = () => {}) {
      const {node, size} = picture, whole = element("div", {class: "pointable"}, node);
      let at = [0, 0];
      function put(kind, places) {
        whole.querySelectorAll(`:scope > .${kind}`).forEach(old => old.remove());
        whole.append(...places.map(place => {
          const [left, top, width, height] = area(picture, place).map(part => `${100 * part}%`);
          const quiet = `${place.includes(null) ? " band" : ""}${places.length > 12 ? " many" : ""}`;
          return element("div", {class: kind + quiet, "data-place": JSON.stringify(place), style: `left:${left};top:${top};width:${width};height:${height}`});
        }));
      }
      function point(wanted) {
        at = size().map((limit, axis) => Math.max(0, Math.min(limit - 1, wanted[axis])));
        quiet();
        const words = tell(...at);  // it may draw anew, and say something else
        put("mark", [at]);
        status.textContent = words;
        current = whole;
      }
      const leave = () => { if (current === whole) quiet(); };
      let before = "";
      set(node, {
        tabindex: 0, role: "application",  // so that a screen reader leaves the arrow keys to it
        onpointerdown: event => point(picture.place(event)),
        onpointermove: event => {
          const now = `${event.clientX} ${event.clientY}`;
          if (now !== before) point(picture.place(event));  // or else the page has moved, not the hand
          before = now;
        },
        onpointerleave: event => { if (event.pointerType !== "touch") leave(); },  // a finger leaves when it is lifted
        onblur: leave,
        onclick: event => choose(...size().map((limit, axis) => Math.max(0, Math.min(limit - 1, picture.place(event)[axis])))),
        onkeydown: event => {
          if (event.key === "Enter") choose(...at);
          if (!(event.key in STEPS)) return;
          event.preventDefault();
          point(at.map((place, axis) => place + STEPS[event.key][axis]));
        }}, []);
      const light = places => put("lit", places);
      linked.push({clear: () => { put("mark", []); light([]); }});
      return {node: whole, light};
    }
    return {say, pointable};
  }

  // ---- drawings

  function drawing(width, height, title) {
    return shape("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title});
  }

  function room([rows, columns], side, title, facts, colours) {
    const width = columns * side + 2, height = rows * side + 20, svg = drawing(width, height, title);
    const inside = {transform: "translate(1 18)"}, over = shape("g", {...inside, "pointer-events": "none"});
    const cells = range(rows * columns).map(cell => shape("rect", {
      x: cell % columns * side, y: Math.floor(cell / columns) * side, width: side, height: side, fill: "var(--floor)", stroke: "var(--line)"}));
    const marks = Object.entries(facts).flatMap(([name, [row, column]]) => [
      shape("rect", {x: column * side + 2, y: row * side + 2, width: side - 4, height: side - 4, fill: "none",
                     stroke: colours.goal, "stroke-width": 3}),
      shape("text", {x: (column + .5) * side, y: (row + .5) * side + 4, "text-anchor": "middle", class: "fact"}, name)]);
    svg.append(shape("text", {x: 1, y: 12, class: "title"}, title), shape("g", inside, ...cells, ...marks), over);
    const at = cell => [Math.floor(cell / columns), cell % columns];
    return {...gridded(svg, [width, height], [rows, columns], [1, 18, side, side]), cells, over, side, at,
            number: (row, column) => row * columns + column,
            centre: cell => [(at(cell)[1] + .5) * side, (at(cell)[0] + .5) * side],
            colour: (cell, fill) => cells[cell].setAttribute("fill", fill)};
  }

  function bars(title, names, width, height) {
    const svg = drawing(width, height, title), step = (width - 50) / names.length, top = 18, bottom = height - 22, lines = shape("g");
    const nodes = names.map((_, k) => shape("rect", {x: 43 + k * step, width: Math.max(2, step - 2)}));
    svg.append(shape("text", {x: 2, y: 12, class: "title"}, title), lines, ...nodes,
               ...names.map((name, k) => shape("text", {x: 42 + (k + .5) * step, y: height - 8, "text-anchor": "middle"}, name)));
    function draw(values, colours, how = 2) {
      const limit = how === 2 ? 1 : rounded(most(values));
      const y = value => bottom - Math.min(1, level(value, limit, how)) * (bottom - top - 6);
      lines.replaceChildren(...[0, limit / 4, limit / 2, limit].flatMap(value => [
        shape("line", {x1: 40, x2: width - 4, y1: y(value), y2: y(value), stroke: "var(--line)"}),
        ...(how !== 1 && value === limit / 4 ? []
          : [shape("text", {x: 36, y: y(value) + 4, "text-anchor": "end"}, String(+value.toPrecision(2)))])]));
      values.forEach((value, k) => set(nodes[k], {y: y(value), height: bottom - y(value), fill: colours[k]}, []));
    }
    return {...gridded(svg, [width, height], [1, names.length], [42, top, step, bottom - top]), draw};
  }

  // marks under the scrubber: ends of episodes, compressions, rewards
  function timeline(data, width, colours) {
    const svg = drawing(width, 34, "episodes, compressions and rewards over the steps"), x = step => 4 + step / data.n_steps * (width - 8);
    const line = (step, y1, y2, stroke) => shape("line", {x1: x(step), x2: x(step), y1, y2, stroke, "stroke-width": 1});
    const cursor = shape("line", {y1: 0, y2: 34, stroke: "var(--ink)", "stroke-width": 2, "data-role": "cursor"});
    svg.append(...data.ends.map(step => line(step + 1, 0, 9, "var(--muted)")),
               ...data.compressed_at.map(step => line(step, 11, 20, colours.latents)),
               ...data.rewarded.map(step => line(step + 1, 22, 31, colours.goal)), cursor);
    return {svg, move: step => set(cursor, {x1: x(step), x2: x(step)}, [])};
  }
  const timelineLegend = colours => [["var(--muted)", "episode ends"], [colours.latents, "compression"], [colours.goal, "reward"]];

  // a line chart as wide as there is room for: lines are {values, colour, dash}; x from x0 on; none above `high`, if it is given
  function chart({height, low = 0, high = 1, log = false, label, across, x0 = 0}) {
    const svg = shape("svg", {role: "img", "aria-label": label, class: "wide", style: `height:${height}px`});
    const left = 46, top = 16, bottom = height - 32, part = value => bottom - value * (bottom - top);
    let n = 1, width = 836, highest = high, shown = [[], []];
    const scaled = value => log ? Math.log10(Math.max(value, 10 ** low)) : value;
    const y = value => part((Math.min(highest, Math.max(low, scaled(value))) - low) / (highest - low));
    const x = k => left + (n < 2 ? 0 : k / (n - 1) * (width - left - 6));

    function axes() {
      const rough = n / Math.max(2, width / 100), power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
      const every = Math.max(1, [1, 2, 5, 10].map(k => k * power).find(k => k >= rough));
      const ticks = log ? range((high - low) / 2 + 1).map(k => low + 2 * k) : range(5).map(k => low + k / 4 * (highest - low));
      return [
        ...ticks.flatMap(tick => {
          const at = part((tick - low) / (highest - low));
          return [shape("line", {x1: left, x2: width - 6, y1: at, y2: at, stroke: "var(--line)"}),
                  shape("text", {x: left - 4, y: at + 4, "text-anchor": "end"}, log ? `1e${tick}` : String(+tick.toPrecision(3)))];
        }),
        ...range(n).filter(k => (x0 + k) % every === 0).map(k =>
          shape("text", {x: x(k), y: bottom + 14, "text-anchor": "middle"}, String(x0 + k))),
        shape("text", {x: width - 4, y: height - 4, "text-anchor": "end"}, across)];
    }

    const line = ({values, colour, dash = null}) => values.length > 1
      ? shape("polyline", {fill: "none", stroke: colour, "stroke-width": 1.6, "stroke-dasharray": dash,
                           points: values.map((value, k) => `${x(k).toFixed(1)},${y(value).toFixed(1)}`).join(" ")})
      : shape("circle", {cx: x(0), cy: y(values[0]), r: 3, fill: colour});

    function draw(lines, marks = [], title = label) {
      shown = [lines, marks, title];
      n = Math.max(2, ...lines.map(({values}) => values.length));
      highest = high ?? rounded(most(lines.flatMap(({values}) => values)));
      set(svg, {viewBox: `0 0 ${width} ${height}`, "aria-label": title}, []);
      svg.replaceChildren(shape("text", {x: 2, y: 11, class: "title"}, title), ...axes(),
        ...marks.map(([k, stroke, thick]) => shape("line", {x1: x(k), x2: x(k), y1: top, y2: bottom, stroke, "stroke-width": thick})),
        ...lines.map(line));
    }

    new ResizeObserver(() => {
      const there = Math.round(svg.getBoundingClientRect().width);
      if (there && there !== width) { width = there; draw(...shown); }
    }).observe(svg);
    return {node: svg, draw, size: () => [1, n], box: (_, k) => [x(k) / width, top / height, 0, (bottom - top) / height],
            place: event => [0, Math.round((hand(svg, event, width, height)[0] - left) / (width - left - 6) * (n - 1))]};
  }

  // a matrix of coloured cells on a canvas
  function heat(rows, columns, wide, tall, label) {
    const canvas = element("canvas", {width: columns * wide, height: rows * tall, role: "img", "aria-label": label});
    const pen = canvas.getContext("2d");
    function draw(fill) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          pen.fillStyle = fill(row, column);
          pen.fillRect(column * wide, row * tall, wide, tall);
        }
      }
    }
    function borders(across, down) {  // white lines before these columns and rows
      pen.fillStyle = "#ffffff";
      for (const column of across) pen.fillRect(column * wide - 1, 0, 2, rows * tall);
      for (const row of down) pen.fillRect(0, row * tall - 1, columns * wide, 2);
    }
    return {...gridded(canvas, [columns * wide, rows * tall], [rows, columns], [0, 0, wide, tall]), canvas, draw, borders};
  }

  // names above and, in `margin` pixels, before a heat map, each [text, from, to] at the middle of its columns or rows
  function labelled(node, [rows, columns], across, down, margin = 46) {
    const names = (side, all, list) => list.map(([text, from, to]) =>
      element("span", {style: `${side}:${50 * (from + to) / all}%`}, String(text)));
    return element("div", {class: "labelled", style: `grid-template-columns:${margin}px minmax(0,max-content)`},
      element("div", {class: across.length ? "across" : "bare"}, ...names("left", columns, across)),
      element("div", {class: "down"}, ...names("top", rows, down)), node);
  }
  const ends = (first, last, n) => n < 2 ? [[first, 0, 1]] : [[first, 0, 1], [last, n - 1, n]];

  return {SCALES, bars, chart, drawing, ends, heat, gridded, labelled, level, mean, mixed, most, percent, pointing, range, resolved, room, scale,
          shade, stretches, swatches, timeline, timelineLegend, unpack};
})();
