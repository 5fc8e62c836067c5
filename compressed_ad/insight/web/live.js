"use strict";
/* The live page: a room, an agent that learns in it, what it looks at, and questions. The agents are in agent.js, all texts in
   texts.json. show(kind, root, data) draws the page; `kind` is the name of the world. */
const compressedAD = (() => {
  const STEPS_A_SECOND = 4;  // at speed 1
  const SLICE = 12;  // milliseconds of computing between two pictures, so that the page stays alive
  const {Model, Life, WORLDS, unpacked} = liveAgent;

  // ---- elements

  const {set, element, shape, choice, toggle, button} = pageElements;

  // a slider that says its number
  function slider(label, [low, high], value, change) {
    const shown = element("output", {}, value);
    const node = pageElements.slider(label, [low, high], value, now => { shown.textContent = now; change(now); });
    node.append(shown);
    return node;
  }

  const filled = (text, words) => text.replace(/\{(\w+)\}/g, (whole, name) => name in words ? words[name] : whole);
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;

  // ---- the pictures of the worlds: draw(life), point(transition or null), and the reader's hand

  class RoomPicture {
    // move(cell): the reader wants the goal there; over(cell or null): the reader points at a cell
    constructor(world, about, texts, {move = null, over = () => {}} = {}) {
      const {size} = world, side = 40, across = size * side;
      Object.assign(this, {size, side, texts, cursor: [...world.goal]});
      this.clearFog();
      this.cells = [];
      const held = new Set(about.held_out.map(String));
      this.node = shape("svg", {viewBox: `-1 -1 ${across + 2} ${across + 2}`, class: "room", role: move ? "application" : "img",
                                tabindex: move ? 0 : null});
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          const cell = [row, column];
          const square = shape("rect", {class: "cell", x: column * side, y: row * side, width: side, height: side,
                                        onpointerenter: () => over(cell), onpointerleave: () => over(null),
                                        onclick: move ? () => { this.cursor = cell; move(cell); } : null});
          this.cells.push(square);
          this.node.append(square);
          if (held.has(String(cell))) this.node.append(shape("circle", {class: "held-out", cx: column * side + 7, cy: row * side + 7, r: 3}));
        }
      }
      this.goal = shape("rect", {class: "goal", width: side - 10, height: side - 10, rx: 5});
      this.trail = shape("polyline", {class: "trail"});
      this.agent = shape("circle", {class: "agent", r: side * .3});
      this.kept = shape("g");
      this.pointed = shape("line", {class: "pointed"});
      this.pointedAt = shape("circle", {class: "pointed", r: side * .42});
      this.mark = shape("rect", {class: "cursor", width: side - 4, height: side - 4, rx: 3, visibility: "hidden"});
      this.node.append(this.goal, this.trail, this.kept, this.pointed, this.pointedAt, this.mark, this.agent);
      if (move) this.listen(move);
      this.point(null);
    }

    listen(move) {
      const by = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
      this.node.addEventListener("keydown", event => {
        if (event.key in by) this.cursor = this.cursor.map((at, axis) => Math.max(0, Math.min(this.size - 1, at + by[event.key][axis])));
        else if (event.key === "Enter" || event.key === " ") move([...this.cursor]);
        else return;
        event.preventDefault();
        this.show();
      });
      this.node.addEventListener("focus", () => { if (this.node.matches(":focus-visible")) this.show(); });
      this.node.addEventListener("blur", () => this.mark.setAttribute("visibility", "hidden"));
    }

    show() {  // where the keys are
      set(this.mark, {x: this.cursor[1] * this.side + 2, y: this.cursor[0] * this.side + 2, visibility: "visible"}, []);
    }

    middle([row, column]) { return [(column + .5) * this.side, (row + .5) * this.side]; }

    clearFog() { this.been = new Map(); }  // cells, and what was paid there last; null: it only began there

    foundEmpty(cell) { return this.been.get(String(cell)) === 0; }

    // the cells of every step since the last picture
    walked(happened) {
      const {been} = this, from = String(happened.observations);
      been.set(from, been.get(from) ?? null).set(String(happened.next_observations), happened.rewards);
      if (happened.number === 0 || happened.episode !== this.episode) this.path = [happened.observations];
      this.episode = happened.episode;
      this.path.push(happened.next_observations);
    }

    draw(life) {
      const {world} = life, [x, y] = this.middle(world.position);
      this.cells.forEach((square, k) => {
        const cell = [Math.floor(k / this.size), k % this.size];
        square.classList.toggle("fog", !this.been.has(String(cell)));
      });
      set(this.goal, {x: world.goal[1] * this.side + 5, y: world.goal[0] * this.side + 5}, []);
      set(this.agent, {cx: x, cy: y}, []);
      const held = new Set(life.memory.slots.filter(({kept}) => kept).map(({kept}) => String(kept.next_observations)));
      this.kept.replaceChildren(...[...held].map(cell => {
        const [row, column] = cell.split(",").map(Number), {side} = this;
        return shape("rect", {class: "kept", x: column * side + 3, y: row * side + 3, width: side - 6, height: side - 6, rx: 6});
      }));
      const path = world.elapsed && this.path ? this.path : [];
      this.trail.setAttribute("points", path.map(cell => this.middle(cell).join(",")).join(" "));
      const [cell, goal] = [world.position, world.goal].map(place => this.name(place));
      this.node.setAttribute("aria-label", filled(this.texts.room, {cell, goal}));
    }

    point(happened) {
      const hidden = happened ? "visible" : "hidden";
      for (const node of [this.pointed, this.pointedAt]) node.setAttribute("visibility", hidden);
      if (!happened) return;
      const [[x1, y1], [x2, y2]] = [this.middle(happened.observations), this.middle(happened.next_observations)];
      set(this.pointed, {x1, y1, x2, y2}, []);
      set(this.pointedAt, {cx: x2, cy: y2}, []);
    }

    name([row, column]) { return filled(this.texts.cell, {row, column}); }

    where(happened) { return this.name(happened.next_observations); }
  }

  class MazePicture {
    constructor(world, about, texts) {
      Object.assign(this, {texts, left: 70, right: 590, middle: 60});
      this.node = shape("svg", {viewBox: "0 0 660 120", class: "maze", role: "img"});
      const {left, right, middle} = this;
      this.cue = shape("text", {class: "cue", x: 35, y: middle + 9, "text-anchor": "middle"});
      this.arms = [[right, 12], [right, 84]].map(([x, y]) => shape("rect", {class: "arm", x: x - 14, y, width: 28, height: 24, rx: 4}));
      this.agent = shape("circle", {class: "agent", r: 9});
      this.pointedAt = shape("circle", {class: "pointed", r: 13});
      this.far = shape("line", {class: "window", y1: middle - 22, y2: middle + 22});
      this.under = element("p", {class: "under note"});  // not in the drawing, which is small on a phone
      this.told = shape("text", {class: "outcome", x: right + 32, y: middle + 8});
      this.node.append(
        shape("rect", {class: "corridor", x: left - 12, y: middle - 12, width: right - left + 26, height: 24, rx: 4}),
        ...this.arms, this.cue, this.far, this.pointedAt, this.agent, this.told);
      this.point(null);
    }

    at(place, length) { return this.left + (this.right - this.left) * place / Math.max(length, 1); }

    clearFog() { this.outcome = null; }

    walked(happened) {
      if (happened.episode_ends) this.outcome = happened;
      else if (happened.observations >= 2) this.outcome = null;
      this.last = happened;
    }

    draw(life) {
      const {world} = life, x = this.at(world.place, world.length), shown = world.elapsed === 0;
      this.cue.textContent = ["↑", "↓"][world.cue];
      this.cue.classList.toggle("seen", shown);
      this.arms.forEach((arm, k) => arm.classList.toggle("goal", k === world.cue));
      set(this.agent, {cx: x, cy: this.middle}, []);
      const reach = life.model.max_recent_length, beyond = world.length > reach;
      this.far.setAttribute("visibility", beyond ? "visible" : "hidden");
      this.under.textContent = beyond ? filled(this.texts.window_ends, {n: reach}) : "";
      set(this.far, {x1: this.at(reach, world.length), x2: this.at(reach, world.length)}, []);
      this.told.textContent = this.outcome ? (this.outcome.rewards ? "✓" : "✗") : "";
      this.told.classList.toggle("right", Boolean(this.outcome && this.outcome.rewards));
      this.node.setAttribute("aria-label", filled(this.texts.maze, {place: world.place, length: world.length, cue: this.texts.cues[world.cue]}));
    }

    point() { this.pointedAt.setAttribute("visibility", "hidden"); }

    where(happened) { return this.texts.seen[happened.observations]; }
  }

  const PICTURES = {DarkRoom: RoomPicture, PassiveTMaze: MazePicture};

  // ---- a chart: one number an episode, a line for each agent

  class Chart {
    constructor(texts, label, {smooth = 1, height = 250} = {}) {
      Object.assign(this, {texts, label, smooth, height, marks: []});
      this.key = element("div", {class: "key"});
      this.plot = element("div");
      this.node = element("div", {class: "chart"}, element("div", {class: "title"}, label), this.key, this.plot);
      new ResizeObserver(() => this.redraw()).observe(this.node);
    }

    // series: the first lies on top; bests: the oracle of each episode, and the last one of all that follow
    draw(series, bests) {
      [this.series, this.bests] = [series, bests];
      if (!this.key.childElementCount) {
        this.key.append(...series.map(({role, name}) => element("span", {}, element("i", {class: `swatch ${role}`}), name)),
                        element("span", {}, element("i", {class: "dash"}), this.texts.oracle));
      }
      this.redraw();
    }

    // the words of each moment above the plot, the newest first; words for which two rows have no room are left out
    words(at, right, top) {
      const ends = [Infinity, Infinity];
      return [...this.marks].reverse().flatMap(({episode, text}, k, marks) => {
        const newer = marks[k - 1];
        if (newer && newer.episode === episode && newer.text === text) return [];
        const wide = 6.8 * text.length, start = Math.min(at(episode + .5), right - wide), row = ends.findIndex(end => start + wide < end);
        if (row < 0) return [];
        ends[row] = start;
        return [shape("text", {class: "moment", x: start, y: top - 6 - 13 * row}, text)];
      });
    }

    redraw() {
      const width = this.plot.clientWidth, {height, series, bests, texts} = this;
      if (!width || !series) return;
      const [left, right, top, bottom] = [38, 12, 34, 38], best = Math.max(...bests);
      const episodes = Math.max(30, bests.length, ...series.map(({values}) => values.length));
      const x = episode => left + (width - left - right) * (episode - 1) / (episodes - 1);
      const within = episode => Math.min(Math.max(x(episode), left), width - right);
      const y = value => height - bottom - (height - top - bottom) * value / best;
      const ticks = [0, .25, .5, .75, 1].map(part => part * best), every = [5, 10, 20, 50, 100, 200, 500].find(n => episodes / n <= 8) ?? 1000;
      const numbers = [1, ...Array.from({length: Math.floor(episodes / every)}, (_, k) => (k + 1) * every)];
      const parts = [];
      for (const tick of ticks) {
        parts.push(shape("line", {class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick)}),
                   shape("text", {x: left - 5, y: y(tick) + 4, "text-anchor": "end"}, String(+tick.toFixed(2))));
      }
      for (const number of numbers) parts.push(shape("text", {x: x(number), y: height - bottom + 15, "text-anchor": "middle"}, String(number)));
      parts.push(shape("text", {x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle"}, texts.episode));
      const steps = bests.map((value, k) => `${within(k + .5)},${y(value)} ${within(k + 1.5)},${y(value)}`);
      parts.push(shape("polyline", {class: "oracle", points: `${steps.join(" ")} ${width - right},${y(bests.at(-1))}`}));
      for (const {episode} of this.marks) {
        const at = within(episode + .5);
        parts.push(shape("line", {class: "moment", x1: at, x2: at, y1: top - 4, y2: height - bottom}));
      }
      parts.push(...this.words(within, width - right, top));
      for (const {role, name, values} of [...series].reverse()) {
        const smooth = values.map((_, k) => mean(values.slice(Math.max(0, k + 1 - this.smooth), k + 1)));
        parts.push(shape("polyline", {class: `line ${role}`, points: smooth.map((value, k) => `${x(k + 1)},${y(value)}`).join(" ")}));
        for (const [k, value] of smooth.entries()) {
          const one = shape("circle", {class: `dot ${role}`, cx: x(k + 1), cy: y(value), r: role === "AD" ? 2.5 : 3.5});
          one.append(shape("title", {}, `${name}, ${texts.episode} ${k + 1}: ${+values[k].toFixed(2)}`));
          parts.push(one);
        }
      }
      const last = series.map(({name, values}) => `${name} ${values.length ? +values.at(-1).toFixed(1) : "-"}`).join(", ");
      this.plot.replaceChildren(shape("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
                                              "aria-label": `${this.label}: ${last}`}, ...parts));
    }
  }

  // ---- what a decision looks at: one bar a token

  class TokenStrip {
    // point(happened or null): the reader points at a bar
    constructor(model, texts, point) {
      Object.assign(this, {model, texts, point, layer: model.n_layer - 1, bars: []});
      this.told = element("p", {class: "told"}, texts.point);
      this.row = element("div", {class: "bars"});
      this.scale = element("span", {class: "scale"});
      const layers = Array.from({length: model.n_layer}, (_, k) => [k, filled(texts.layer, {layer: k + 1})]);
      const chosen = choice(texts.which_layer, layers, this.layer, value => { this.layer = value; this.draw(this.latest); });
      this.node = element("section", {class: "tokens"}, element("h3", {}, texts.looks), this.row,
        element("div", {class: "controls"}, this.legend(), this.scale, chosen), this.told);
    }

    legend() {
      const {model, texts} = this, keeps = Boolean(model.compressor?.n_kept);
      const kinds = [...(model.n_latent ? ["latents"] : []), ...(keeps ? ["kept"] : []), "recent", "query"];
      return element("span", {class: "legend"}, ...kinds.map(kind => element("span", {}, element("i", {class: kind}), texts.tokens[kind])));
    }

    tokens({recent, hadLatents, slots}) {
      const inSlot = k => slots[k].kept ? {kind: "kept", number: k + 1, happened: slots[k].kept} : {kind: "latents", number: k + 1, slot: slots[k]};
      return [...Array.from({length: hadLatents}, (_, k) => inSlot(k)),
              ...recent.map(happened => ({kind: "recent", happened})), {kind: "query"}];
    }

    draw(latest) {
      if (!latest) return;
      this.latest = latest;
      const tokens = this.tokens(latest), heads = latest.attention[this.layer];
      const shares = tokens.map((_, k) => mean(heads.map(head => head[k]))), most = Math.max(...shares);
      const places = (this.model.n_latent || 0) + this.model.max_recent_length + 1;
      while (this.bars.length < places) this.bars.push(this.bar(this.bars.length));
      if (this.row.childElementCount !== places) this.row.replaceChildren(...this.bars);
      this.shares = shares;
      this.shown = tokens;
      this.bars.forEach((bar, k) => {
        const token = k === places - 1 ? tokens.at(-1) : k < tokens.length - 1 ? tokens[k] : null;  // the query stands last
        const share = token ? shares[token.kind === "query" ? tokens.length - 1 : k] : 0;
        bar.className = `bar ${token ? token.kind : "free"} ${token?.happened?.rewards > 0 ? "paid" : ""}`;
        bar.firstChild.style.height = `${100 * share / most}%`;
        bar.tabIndex = token ? 0 : -1;
        bar.setAttribute("aria-label", token ? this.words(token, share) : "");
        bar.token = token && {...token, share};
      });
      this.scale.textContent = filled(this.texts.scale, {share: most.toFixed(2)});
    }

    bar() {
      const node = element("div", {class: "bar", role: "img"}, element("i"));
      const show = () => {
        if (!node.token) return;
        this.point(node.token.happened ?? null);
        this.told.textContent = this.words(node.token, node.token.share);
      };
      const hide = () => { this.point(null); this.told.textContent = this.texts.point; };
      for (const [event, act] of [["pointerenter", show], ["focus", show], ["pointerleave", hide], ["blur", hide]]) node.addEventListener(event, act);
      return node;
    }

    words(token, share) {
      const {texts} = this, percent = Math.round(100 * share);
      if (token.kind === "latents") {
        const {written} = token.slot, ago = this.latest.compressions - written;
        return filled(texts.about[written ? "latents" : "unwritten"], {number: token.number, percent, ago});
      }
      if (!token.happened) return filled(texts.about[token.kind], {percent});
      const {happened} = token, ago = this.latest.number - happened.number;
      return filled(texts.about[token.kind], {percent, number: token.number, ago, action: this.actions[happened.actions], where: this.where(happened),
                                         reward: happened.rewards});
    }

    // the bars of what happened in a cell
    mark(cell) {
      for (const bar of this.bars) {
        const happened = bar.token?.happened;
        bar.classList.toggle("marked", Boolean(cell && happened && String(happened.next_observations) === String(cell)));
      }
    }

    flash(slots) {  // those that were written
      for (const bar of this.bars) {
        if (!slots.has(bar.token?.number - 1)) continue;
        bar.classList.remove("flash");
        void bar.offsetWidth;  // begin the animation anew
        bar.classList.add("flash");
      }
    }
  }

  // ---- what each slot of a memory has held

  class Past {
    static STEPS = 330;
    static COLOURS = {latents: "var(--latents)", kept: "var(--recent)", paid: "var(--goal)", segment: "var(--soft)", moment: "var(--ink)"};

    constructor(model, texts, {name, role}, point) {
      Object.assign(this, {model, texts, point});
      this.picture = new memorySlots.Picture(model.n_latent, filled(texts.slots, {name}));
      this.words = element("p", {class: "told"}, texts.point_slot);
      this.node = element("div", {class: "past"}, element("div", {class: "title"}, element("i", {class: `swatch ${role}`}), name),
        this.picture.node, this.words);
      const {node} = this.picture;
      node.addEventListener("pointermove", event => this.tell(event));
      node.addEventListener("pointerleave", () => { this.words.textContent = texts.point_slot; this.point(null); });
    }

    draw(life) {
      const drawn = [life, life.steps, life.compressed.at(-1)], first = Math.max(0, life.steps - Past.STEPS);
      if (this.drawn?.every((part, k) => part === drawn[k])) return;
      Object.assign(this, {drawn, life, first});
      this.picture.draw(life.compressed, life.compressed.filter(({first}) => first !== null), [first, first + Past.STEPS + 1],
                        Past.COLOURS, ({rewards}) => rewards > 0, life.steps + 1);
    }

    tell(event) {
      const {life, texts, model} = this, box = this.picture.node.getBoundingClientRect();
      const row = Math.floor((event.clientY - box.top) / box.height * (model.n_latent + 1));
      const step = this.first + Math.floor((event.clientX - box.left) / box.width * (Past.STEPS + 1));
      const piece = memorySlots.pieces(model.n_latent, life.compressed, life.steps + 1)
        .find(({slot, from, to}) => slot === row - 1 && from <= step && step < to);
      this.point(piece?.kept ?? null);
      if (!piece) this.words.textContent = texts.point_slot;
      else if (piece.kept) {
        const {kept} = piece;
        this.words.textContent = filled(texts.held.kept, {slot: row, step, then: kept.number, reward: kept.rewards});
      } else this.words.textContent = filled(texts.held[piece.turn ? "latent" : "unwritten"], {slot: row, step, ago: step - piece.from});
    }
  }

  // ---- the page

  class Page {
    constructor(kind, root, data, models) {
      const {texts} = data;
      Object.assign(this, {kind, root, data, models, texts, seed: data.seed, greedy: data.world.greedy, window: null, speed: 20, playing: false,
                           target: null, kept: null, cleared: false, wrote: new Set(), corridor: data.world.corridor, cue: 1, goal: data.world.goal});
      this.chart = new Chart(texts, texts.chart[kind], {smooth: kind === "PassiveTMaze" ? 10 : 1});
      this.status = element("p", {class: "status", role: "status"});
      this.begin();
      this.strip = new TokenStrip(models[0], texts, happened => this.pictures[0].point(happened));
      this.strip.actions = WORLDS[kind].ACTIONS;
      this.strip.where = happened => this.pictures[0].where(happened);
      this.pasts = models.map((model, agent) => model.n_latent
        ? new Past(model, texts, data.agents[agent], happened => this.pictures[agent].point(happened)) : null);
      this.rooms = element("div", {class: "rooms"});
      this.layout();
      this.draw();
    }

    world() { return this.kind === "DarkRoom" ? this.room(this.goal) : this.maze(this.corridor, this.cue); }

    room(goal) { return new WORLDS.DarkRoom(this.data.world.arguments, [...goal]); }

    maze(corridor, cue) { return new WORLDS.PassiveTMaze({}, corridor, cue); }

    get settings() { return {greedy: this.greedy, cleared: this.cleared, ...(this.window ? {window: this.window} : {})}; }

    begin() {  // new lives
      this.lives = this.models.map(model => new Life(model, this.world(), this.seed, this.settings));
      this.chart.marks = [];
      this.bests = [];  // the oracle of each episode; where the goal moved within one, the larger of both
      this.pictures?.forEach(picture => picture.clearFog());
    }

    change(settings) {
      Object.assign(this, settings);
      for (const life of this.lives) Object.assign(life.settings, this.settings);
    }

    mark(text) {
      const episode = this.lives[0].returns.length;
      this.chart.marks.push({episode, text});
    }

    moveGoal(cell) {
      this.goal = cell;
      for (const life of this.lives) life.world.goal = [...cell];
      this.mark(this.texts.marks.goal);
      const {texts, pictures: [first]} = this, known = first.foundEmpty(cell), said = filled(texts.moved, {cell: first.name(cell)});
      this.say(known ? `${said} ${texts.known}` : said, known);
      this.sought = true;
      this.draw();
      this.play(true);
    }

    layout() {
      const {data, texts, models, root, kind} = this, Picture = PICTURES[kind];
      this.pictures = models.map((_, agent) => new Picture(this.lives[agent].world, data.world, texts, {
        move: kind === "DarkRoom" ? cell => this.moveGoal(cell) : null,
        over: cell => { if (agent === 0) this.strip.mark(cell); }}));
      this.rooms.replaceChildren(...this.pictures.map((picture, agent) => element("figure", {class: agent ? "twin" : "first"},
        element("figcaption", {}, element("i", {class: `swatch ${data.agents[agent].role}`}), data.agents[agent].title), picture.node, picture.under ?? "")));
      root.classList.add("cad", "live", kind);
      root.append(element("h2", {}, data.title), ...texts.lead[kind].map(text => element("p", {class: "lead"}, text)),
        element("div", {class: "stage"}, this.rooms, element("div", {class: "side"}, this.chart.node,
          models.length > 1 && kind in texts.under ? element("p", {class: "under"}, texts.under[kind]) : "", this.runControls(), this.status)),
        this.strip.node, element("section", {class: "pasts"}, element("h3", {}, texts.past), element("p", {}, texts.past_lead),
          ...this.pasts.filter(Boolean).map(past => past.node)), this.memoryControls(),
        element("section", {class: "questions"}, element("h3", {}, texts.questions), element("p", {}, texts.predict),
          ...data.questions.map((question, k) => new Question(this, question, k).node)),
        ...texts.notes[kind].map(text => element("p", {class: "note"}, text)));
    }

    runControls() {
      const {texts} = this;
      this.anew = button(texts.again, () => this.again());
      this.playButton = button(texts.pause, () => this.play(!this.playing), {class: "main"});
      const speeds = [1, 5, 20].map(speed => [speed, `${speed}×`]);
      const seed = element("input", {type: "number", min: 0, max: 99999, value: this.seed, "aria-label": texts.seed});
      seed.addEventListener("change", () => { this.seed = Math.max(0, Math.floor(Number(seed.value) || 0)); this.again(); });
      return element("div", {class: "controls"}, this.playButton, choice(texts.speed, speeds, this.speed, value => { this.speed = value; }),
        button(texts.fifty, () => this.run(50)), this.anew,
        element("label", {}, texts.seed, seed), toggle(texts.greedy, this.greedy, greedy => this.change({greedy})));
    }

    memoryControls() {
      const {texts, kind, models} = this, first = models[0], act = (text, said, how) => button(text, () => {
        how();
        this.mark(said);
        this.say(said);
        this.draw();
      });
      const life = () => this.lives[0], note = texts.marks;
      const giveBack = act(texts.give, note.given, () => life().give(this.kept));
      giveBack.disabled = true;
      const keep = button(texts.keep, () => { this.kept = life().kept(); giveBack.disabled = false; this.say(texts.kept); });
      const own = [
        act(texts.forget, note.forgot, () => { life().forget(); this.pictures[0].clearFog(); }),
        act(texts.clear, note.cleared, () => life().forget({window: false})), keep, giveBack,
        toggle(texts.always, this.cleared, cleared => { this.change({cleared}); this.mark(cleared ? note.mute : note.speaks); }),
        ...(first.shortest_window < first.max_recent_length ? [slider(
          texts.window, [first.shortest_window, first.max_recent_length], first.max_recent_length, window => this.change({window}))] : [])];
      if (kind === "PassiveTMaze") {
        own.push(choice(texts.corridor, this.data.world.corridors.map(n => [n, n]), this.corridor, corridor => this.walk({corridor})),
                 choice(texts.cue, [[0, texts.cues[0]], [1, texts.cues[1]]], this.cue, cue => this.walk({cue})));
      }
      return element("section", {class: "memory"}, element("h3", {}, filled(texts.memory, {name: this.data.agents[0].name})),
        element("div", {class: "controls"}, ...own));
    }

    walk(changes) {  // from the next episode
      Object.assign(this, changes);
      for (const life of this.lives) Object.assign(life.world, {corridor: this.corridor, next: this.cue});
      this.mark("corridor" in changes ? filled(this.texts.marks.corridor, {n: this.corridor}) : filled(this.texts.marks.cue, {cue: this.texts.cues[this.cue]}));
      this.play(true);
    }

    again() {
      this.begin();
      this.say(filled(this.texts.new_life, {seed: this.seed}));
      this.draw();
      this.play(true);
    }

    say(text, anew = false) {  // anew: a new life would help
      this.status.textContent = text;
      this.anew.classList.toggle("hint", anew);
      this.sought = false;
    }

    // until the episode `target`, or for ever
    play(on, target = null) {
      this.target = target;
      this.playButton.textContent = on ? this.texts.pause : this.texts.play;
      if (on && !this.playing) {
        this.playing = true;
        this.owed = 0;
        this.before = performance.now();
        requestAnimationFrame(now => this.frame(now));
      }
      this.playing = on;
    }

    frame(now) {
      if (!this.playing) return;
      this.owed = Math.min(this.owed + (now - this.before) / 1000 * STEPS_A_SECOND * this.speed, 20);
      this.before = now;
      const end = performance.now() + SLICE;
      let stepped = false;
      for (; this.owed >= 1 && performance.now() < end; this.owed -= 1) { this.step(); stepped = true; }
      if (stepped) this.draw();
      if (this.target !== null && this.lives[0].returns.length >= this.target) {
        this.play(false);
        this.say(this.texts.learned[this.kind]);
        return;
      }
      requestAnimationFrame(later => this.frame(later));
    }

    step() {
      const [life] = this.lives, episode = life.returns.length;
      this.bests[episode] = Math.max(this.bests[episode] ?? 0, life.world.best);
      this.lives.forEach((one, agent) => this.pictures[agent].walked(one.step()));
      if (life.latest.wrote) life.compressed.at(-1).rewritten.forEach((isNew, slot) => { if (isNew) this.wrote.add(slot); });
      if (this.sought && life.latest.rewards > 0) this.say(filled(this.texts.found, {episode: episode + 1}));
    }

    // `count` episodes at once, as fast as it goes
    async run(count) {
      this.play(false);
      const until = this.lives[0].returns.length + count;
      this.fast = until;
      while (this.fast === until && this.lives[0].returns.length < until) {
        const end = performance.now() + SLICE;
        while (performance.now() < end && this.lives[0].returns.length < until) this.step();
        this.draw();
        await new Promise(done => requestAnimationFrame(done));
      }
    }

    draw() {
      this.lives.forEach((life, agent) => this.pictures[agent].draw(life));
      this.strip.draw(this.lives[0].latest);
      if (this.wrote.size) this.strip.flash(this.wrote);
      this.wrote.clear();
      this.pasts.forEach((past, agent) => past?.draw(this.lives[agent]));
      const series = this.lives.map((life, agent) => ({name: this.data.agents[agent].name, role: this.data.agents[agent].role, values: life.returns}));
      this.chart.draw(series, [...this.bests, this.lives[0].world.best]);
    }
  }

  // ---- questions: predict first, then see eight lives

  // kinds of lives: which agent, its colour and name if not the agent's, its settings, and what happens when `at` episodes are over
  const EXPERIMENTS = {
    learns: () => [{agent: 0}],
    moved: ({other}) => [{agent: 0, at: 20, act: life => { life.world.goal = other; }}],
    both_moved: ({other}) => [0, 1].map(agent => ({agent, at: 20, act: life => { life.world.goal = other; }})),
    both: () => [{agent: 0}, {agent: 1}],
    erased: () => [{agent: 0, name: "kept", at: 20, act: life => life.forget({window: false})},
                   {agent: 0, role: "cleared", name: "erased", at: 20, act: life => life.forget()}],
    another: ({other}) => [{agent: 0, at: 20, act: (life, page, seed) => {
      const donor = new Life(life.model, page.room(other), seed + 500).episodes(20);
      life.give(donor.memory);
    }}],
    twin: () => [{agent: 0}, {agent: 1}, {agent: 0, role: "cleared", name: "cleared", settings: {cleared: true}}],
    corridor: () => [{agent: 0}, {agent: 1}, {agent: 0, role: "cleared", name: "cleared", settings: {cleared: true}}],
    swapped: () => [{agent: 0, half: true}],
    parts: () => [{agent: 0, name: "raw", at: 20, act: life => { life.forget({latents: false}); life.blank(slot => !slot.kept); }},
                  {agent: 0, role: "cleared", name: "written", at: 20, act: life => { life.forget({latents: false}); life.blank(slot => slot.kept); }}],
    shorter: ({window}) => [{agent: 0, name: "window"}, {agent: 0, role: "shorter", name: "window", settings: {window}}],
  };

  class Question {
    constructor(page, question, number) {
      Object.assign(this, {page, question, texts: page.texts});
      const name = `question-${page.kind}-${number}`;
      const options = question.options.map((text, k) => element("label", {}, element("input", {
        type: "radio", name, value: k, onchange: () => { this.chosen = k; this.reveal.disabled = false; }}), text));
      this.reveal = button(this.texts.reveal, () => this.run(), {disabled: true});
      this.answer = element("div", {class: "answer"});
      this.node = element("details", {class: "question", id: `question-${question.id}`}, element("summary", {}, `${number + 1}. ${question.title}`),
        element("p", {}, question.text), element("div", {class: "options"}, ...options), this.reveal, this.answer);
    }

    lives() {
      const {page, question} = this, {world} = page.data, seeds = Array.from({length: question.lives}, (_, k) => 1000 + k);
      const kinds = EXPERIMENTS[question.experiment](question);
      return kinds.map(kind => ({kind, lives: seeds.map(seed => {
        const made = page.kind === "DarkRoom" ? page.room(world.goal) : page.maze(question.corridor, seed % 2);
        return Object.assign(new Life(page.models[kind.agent], made, seed, {greedy: world.greedy, ...kind.settings}), {seed});
      })}));
    }

    async run() {
      const {page, question, texts} = this, groups = this.lives(), chart = new Chart(texts, filled(texts.chart_of_lives, {n: question.lives}), {height: 220});
      if (question.at) chart.marks = [{episode: question.at, text: question.mark}];
      const told = element("p", {class: "told"}, texts.computing);
      this.reveal.disabled = true;
      this.answer.replaceChildren(chart.node, told);
      page.play(false);
      const series = groups.map(({kind}) => {
        const agent = page.data.agents[kind.agent], window = kind.settings?.window ?? page.models[kind.agent].max_recent_length;
        return {role: kind.role ?? agent.role, name: filled(texts.groups[kind.name] ?? agent.name, {window}), values: []};
      });
      const bests = [];
      for (let episode = 0; episode < question.episodes; episode++) {
        for (const [k, {kind, lives}] of groups.entries()) {
          let paid = 0;
          for (const life of lives) {
            if (kind.act && episode === kind.at) kind.act(life, page, life.seed);
            if (kind.half) this.exchange(life);
            paid += life.episodes(1).returns.at(-1);
            await this.breathe();
          }
          series[k].values.push(paid / lives.length);
        }
        bests.push(groups[0].lives[0].world.best);
        chart.draw(series, bests);
      }
      const at = {};
      series.forEach(({values}, k) => values.forEach((value, episode) => { at[`${"abc"[k]}${episode + 1}`] = value.toFixed(bests[0] > 1 ? 1 : 2); }));
      series.forEach(({values}, k) => { at[`mean_${"abc"[k]}`] = mean(values).toFixed(2); });
      const {lives} = groups[0], held = lives.flatMap(({memory}) => memory.slots.filter(({kept}) => kept)), percent = value => `${Math.round(100 * value)}%`;
      if (held.length) at.kept_paid = percent(mean(held.map(({kept}) => Number(kept.rewards > 0))));
      at.paid = percent(mean(lives.map(({returns, steps}) => returns.reduce((sum, value) => sum + value, 0) / steps)));
      const right = this.chosen === question.right;
      told.replaceChildren(element("strong", {}, right ? texts.right : texts.wrong), " ", filled(question.told, {...at, best: bests[0], new_best: bests.at(-1)}));
      this.results = series;
      this.reveal.disabled = false;
    }

    // half-way through the corridor, the latents of a twin that has always seen the other cue
    exchange(life) {
      const {page} = this, half = Math.floor(life.world.corridor / 2);
      life.twin ??= new Life(life.model, page.maze(life.world.corridor, 1 - life.world.cue), life.seed + 1, life.settings);
      for (const one of [life, life.twin]) while (one.world.place < half && one.world.elapsed < 3 * half) one.step();
      const {latents, slots} = life.twin.memory;
      life.memory = {...life.memory, latents, slots, recent: [...life.memory.recent], cache: null};
      life.twin.episodes(1);
    }

    async breathe() {
      if (performance.now() < (this.next ?? 0)) return;
      await new Promise(done => setTimeout(done));
      this.next = performance.now() + 2 * SLICE;
    }
  }

  async function show(kind, root, data) {
    for (const [name, colours] of Object.entries(data.colours)) root.style.setProperty(`--${name}`, `light-dark(${colours.join(", ")})`);
    root.textContent = data.texts.loading;
    const models = [];
    for (const {about, weights} of data.agents) models.push(new Model(about, await unpacked(weights)));
    root.textContent = "";
    const page = new Page(kind, root, data, models);
    root.page = page;  // for tests, and for whoever opens the console
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    page.playButton.textContent = data.texts.play;
    if (!still) page.play(true, data.world.first_episodes);
    document.addEventListener("visibilitychange", () => { page.before = performance.now(); });
    return page;
  }

  return {show};
})();
