"use strict";
/* A trained model of compressed_ad, and worlds for it to act in, in plain JavaScript: the same arithmetic as in Python, one
   stream at a time. Nothing here touches the page, and nothing is fetched. The chapter "live" compares it with torch. */
const liveAgent = (() => {
  // ---- weights: numbers as bytes, sorted by significance, deflated, five letters for four bytes

  const LETTERS = Array.from({length: 94}, (_, k) => String.fromCharCode(33 + k)).filter(letter => !"\"&'<>\\`|~".includes(letter));

  async function unpacked({letters, length, tensors, bytes}) {
    const value = new Uint8Array(128);
    LETTERS.forEach((letter, k) => { value[letter.charCodeAt(0)] = k; });
    const packed = new DataView(new ArrayBuffer(letters.length / 5 * 4));
    for (let at = 0, to = 0; at < letters.length; to += 4) {
      let number = 0;
      for (let k = 0; k < 5; k++) number = number * 85 + value[letters.charCodeAt(at++)];
      packed.setUint32(to, number);
    }
    const inflated = new Blob([packed.buffer.slice(0, length)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
    const count = planes.length / bytes, view = new DataView(new ArrayBuffer(4));
    const numbers = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < bytes; k++) view.setUint8(k, planes[k * count + i]);
      numbers[i] = bytes === 4 ? view.getFloat32(0, true) : half(view.getUint16(0, true));
    }
    const weights = {};
    let start = 0;
    for (const [name, shape] of tensors) {
      const size = shape.reduce((product, n) => product * n, 1);
      weights[name] = numbers.subarray(start, start += size);
    }
    return weights;
  }

  function half(bits) {
    const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, part = (bits & 1023) / 1024;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + part) : 2 ** -14 * part);
  }

  // ---- arithmetic; a matrix is a Float32Array, its rows one after another

  // y = x W' + b: x (n, width), the weights (n_out, width)
  function linear(x, {weight, bias}) {
    const nOut = bias.length, width = weight.length / nOut, n = x.length / width, y = new Float32Array(n * nOut);
    for (let row = 0; row < n; row++) {
      for (let out = 0; out < nOut; out++) {
        let a = bias[out], b = 0, c = 0, d = 0, at = row * width, w = out * width;  // four sums do not wait for each other
        const end = at + width;
        for (; at + 3 < end; at += 4, w += 4) {
          a += x[at] * weight[w];
          b += x[at + 1] * weight[w + 1];
          c += x[at + 2] * weight[w + 2];
          d += x[at + 3] * weight[w + 3];
        }
        while (at < end) a += x[at++] * weight[w++];
        y[row * nOut + out] = a + b + c + d;
      }
    }
    return y;
  }

  // each part of `width` numbers with mean 0 and variance 1; then scaled and shifted, if there is a norm
  function normalised(x, width, norm) {
    const y = new Float32Array(x.length);
    for (let start = 0; start < x.length; start += width) {
      let mean = 0, variance = 0;
      for (let k = 0; k < width; k++) mean += x[start + k] / width;
      for (let k = 0; k < width; k++) variance += (x[start + k] - mean) ** 2 / width;
      const scale = 1 / Math.sqrt(variance + 1e-5);
      for (let k = 0; k < width; k++) {
        const value = (x[start + k] - mean) * scale;
        y[start + k] = norm ? value * norm.weight[k] + norm.bias[k] : value;
      }
    }
    return y;
  }

  const added = (x, y, from = 0) => x.map((value, k) => value + y[from + k]);

  function joined(parts) {
    const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { whole.set(part, at); at += part.length; }
    return whole;
  }

  function softmax(values) {
    const most = Math.max(...values), powers = Array.from(values, value => Math.exp(value - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map(power => power / sum);
  }

  // a layer of ReLU between two: what `nn.Sequential(linear, ReLU, linear)` does
  const network = (x, [first, second]) => linear(linear(x, first).map(value => Math.max(value, 0)), second);

  function meanOf(x, width) {  // of the rows
    const mean = new Float32Array(width);
    for (let k = 0; k < x.length; k++) mean[k % width] += x[k] / (x.length / width);
    return mean;
  }

  const shifted = (x, vector) => x.map((value, k) => value + vector[k % vector.length]);

  // ---- a block of the transformer

  class Block {
    constructor(weights, name, nHead, qkNorm) {
      const part = key => ({weight: weights[`${name}.${key}.weight`], bias: weights[`${name}.${key}.bias`]});
      [this.attentionNorm, this.networkNorm] = [part("attention_norm"), part("network_norm")];
      [this.query, this.keyValue, this.output] = [part("query"), part("key_value"), part("output")];
      [this.widen, this.narrow] = [part("network.0"), part("network.2")];
      Object.assign(this, {nHead, qkNorm, width: this.query.bias.length});
    }

    // queries of the last `nRead` tokens, keys and values of all
    project(tokens, nRead) {
      const {width, nHead} = this, n = tokens.length / width, direct = x => this.qkNorm ? normalised(x, width / nHead) : x;
      const normed = normalised(tokens, width, this.attentionNorm), both = linear(normed, this.keyValue);
      const keys = new Float32Array(n * width), values = new Float32Array(n * width);
      for (let row = 0; row < n; row++) {
        keys.set(both.subarray(2 * row * width, (2 * row + 1) * width), row * width);
        values.set(both.subarray((2 * row + 1) * width, 2 * (row + 1) * width), row * width);
      }
      return [direct(linear(normed.subarray((n - nRead) * width), this.query)), direct(keys), values];
    }

    // the queries' `tokens`, updated; row r looks at the first sees[r] columns. Returns them and the last row's attention.
    attend(tokens, queries, keys, values, sees) {
      const {width, nHead} = this, wide = width / nHead, n = tokens.length / width, read = new Float32Array(n * width);
      const last = [];
      for (let head = 0; head < nHead; head++) {
        for (let row = 0; row < n; row++) {
          const scores = new Float32Array(sees[row]), from = row * width + head * wide;
          for (let column = 0; column < sees[row]; column++) {
            let sum = 0;
            for (let k = 0, at = column * width + head * wide; k < wide; k++) sum += queries[from + k] * keys[at++];
            scores[column] = sum / Math.sqrt(wide);
          }
          const shares = softmax(scores);
          for (let column = 0; column < sees[row]; column++) {
            for (let k = 0, at = column * width + head * wide; k < wide; k++) read[from + k] += shares[column] * values[at++];
          }
          if (row === n - 1) last.push(shares);
        }
      }
      const after = added(tokens, linear(read, this.output));
      const inner = linear(normalised(after, width, this.networkNorm), this.widen).map(value => Math.max(value, 0));
      return [added(after, linear(inner, this.narrow)), last];
    }
  }

  // ---- compressors, as in compressed_ad.memories: how old latents and a segment become new latents, and how long a segment is.
  // `write` gives the latents, and what each slot holds raw: the transition, or null

  class Replace {
    constructor(model) { this.model = model; }

    due(recent) { return recent.length - this.model.keep_length; }

    write({latents}, segment) { return [this.model.encode(latents, segment.map(({token}) => token), this.model.n_latent)]; }
  }

  class Gated extends Replace {
    write(memory, segment) {
      const {width, n_latent} = this.model, [written] = super.write(memory, segment), old = memory.latents;
      if (!old) return [written];
      for (let slot = 0; slot < n_latent; slot++) {
        const from = slot * width, to = from + width;
        const [logit] = linear(joined([old.subarray(from, to), written.subarray(from, to)]), this.model.part("compressor.gate"));
        const stays = 1 / (1 + Math.exp(-logit));
        for (let k = from; k < to; k++) written[k] = stays * old[k] + (1 - stays) * written[k];
      }
      return [written];
    }
  }

  class Levels extends Replace {
    write({latents, compressions}, segment) {
      const {model, sizes} = this, {width} = model, vectors = model.weights["compressor.level_vectors"], levels = [];
      let below = segment.map(({token}) => token), start = 0;
      sizes.forEach((size, level) => {
        const old = latents.subarray(start, start += size * width), vector = vectors.subarray(level * width, (level + 1) * width);
        const due = (compressions + 1) % 2 ** level === 0;
        levels.push(due ? model.encode(shifted(old, vector), below.map(token => added(token, vector)), size) : old);
        below = Array.from({length: size}, (_, k) => levels[level].subarray(k * width, (k + 1) * width));
      });
      return [joined(levels)];
    }
  }

  class Selective extends Replace {
    // a number for each of what may stay: {token, happened}, happened is null for an initial token
    scores(written, candidates) {
      const {model, rule} = this, {width} = model;
      if (rule === "newest") return candidates.map((_, place) => place);
      if (rule === "rewarded") return candidates.map(({happened}) => happened ? happened.rewards : 0);
      const context = meanOf(written.length ? written : joined(candidates.map(({token}) => token)), width);
      const layers = [model.part("compressor.score.0"), model.part("compressor.score.2")];
      return candidates.map(({token}) => network(joined([token, context]), layers)[0]);
    }

    write({latents, slots}, segment) {
      const {model, n_written, n_kept} = this, {width} = model, written = latents.subarray(0, n_written * width);
      const before = Array.from({length: n_kept}, (_, k) => {
        const slot = n_written + k;
        return {token: latents.subarray(slot * width, (slot + 1) * width), happened: slots[slot].kept};
      });
      const candidates = [...before, ...segment.map(happened => ({token: happened.token, happened}))];
      const scores = this.scores(written, candidates);
      const rank = place => candidates[place].happened ? scores[place] + 1e-6 * place : place - 1e6;  // of equals, the newer
      const best = new Set(candidates.map((_, place) => place).sort((a, b) => rank(b) - rank(a)).slice(0, n_kept));
      const [kept, rest] = [true, false].map(chosen => candidates.filter((_, place) => best.has(place) === chosen));
      const made = n_written ? [model.encode(written, rest.map(({token}) => token), n_written)] : [];
      return [joined([...made, ...kept.map(({token}) => token)]), [...Array(n_written).fill(null), ...kept.map(({happened}) => happened)]];
    }
  }

  class Adaptive extends Replace {
    due(recent, latents) {
      const {model, cuts, when, cut} = this, last = cuts.length - 1;
      if (when === "fixed") return cuts[cut ? cut - 1 : last];
      if (when === "event") {
        const behind = recent.reduce((place, {rewards, episode_ends}, k) => rewards > 0 || episode_ends ? k + 1 : place, 0);
        return cuts.filter(length => length <= behind).at(-1) ?? cuts[last];
      }
      const tokens = recent.map(({token}) => token), starts = [0, ...cuts];
      const parts = cuts.map((stop, k) => meanOf(joined(tokens.slice(starts[k], stop)), model.width));
      const layers = [model.part("compressor.cost.0"), model.part("compressor.cost.2")];
      const costs = network(joined([meanOf(latents, model.width), ...parts]), layers);
      return cuts[costs.indexOf(Math.min(...costs))];
    }
  }

  const COMPRESSORS = {replace: Replace, gated: Gated, nested: Replace, levels: Levels, selective: Selective, adaptive: Adaptive};

  // ---- the model: what `CompressedAD` and `AD` of the chapter "models" do

  class Model {
    constructor(about, weights) {
      Object.assign(this, about);  // width, n_latent, max_recent_length, keep_length, window_slide, fields, ...
      this.weights = weights;
      const blocks = (name, count, nHead) => Array.from({length: count}, (_, k) =>
        new Block(weights, `${name}.blocks.${k}`, nHead, this.qk_norm));
      this.decoder = blocks("decoder", this.n_layer, this.n_head);
      this.encoder = blocks("compressor.encoder", this.encoder_n_layer, this.encoder_n_head);
      if (about.compressor) this.compressor = Object.assign(new COMPRESSORS[about.compressor.name](this), about.compressor);
    }

    part(name) { return {weight: this.weights[`${name}.weight`], bias: this.weights[`${name}.bias`]}; }

    // one vector: a value of a space, by its tables or its linear layer
    vector(name, space, value) {
      if (space.kind === "Box") return linear(Float32Array.from([value].flat(Infinity)), this.part(`${name}.linear`));
      const table = this.weights[`${name}.${space.kind === "Discrete" ? "table" : "tables"}.weight`];
      const sum = new Float32Array(this.width);
      [value].flat().forEach((number, k) => {
        const row = (number + space.offsets[k]) * this.width;
        for (let at = 0; at < this.width; at++) sum[at] += table[row + at];
      });
      return sum;
    }

    token(transition) {
      return Object.entries(this.fields).map(([name, space]) => this.vector(`embedding.fields.${name}`, space, transition[name]))
        .reduce((sum, vector) => added(sum, vector));
    }

    // a memory: latents or none, and what happened since they were written, as [{token, ...}]. Of each slot `slots` says after how
    // many compressions it was written, and which transition it holds raw.
    start() {
      const latents = this.weights["compressor.initial_memory"]?.subarray(0, this.n_latent * this.width) ?? null;
      const slots = Array.from({length: this.n_latent}, () => ({written: 0, kept: null}));
      return {latents, slots, recent: [], compressions: 0, cache: null};
    }

    // one more transition; `window` may keep fewer than fit, and a `cleared` memory says nothing. True if latents were written.
    observe(memory, transition, {window = this.max_recent_length, cleared = false} = {}) {
      memory.recent.push({...transition, token: this.token(transition)});
      if (memory.recent.length <= window) return false;
      if (this.n_latent === 0) {
        memory.recent = memory.recent.slice(-(window + 1 - Math.min(this.window_slide, window)));
        memory.cache = null;
        return false;
      }
      this.compress(memory, this.compressor.due(memory.recent, memory.latents), cleared);
      return true;
    }

    compress(memory, length, cleared = false) {
      const before = memory.latents, compressions = memory.compressions + 1, {width} = this;
      const [latents, kept] = this.compressor.write(memory, memory.recent.slice(0, length));
      const isNew = slot => !before || before.subarray(slot * width, (slot + 1) * width).some((value, k) => value !== latents[slot * width + k]);
      memory.slots = memory.slots.map(({written, kept: held}, slot) => {
        const now = kept?.[slot] ?? null;
        return {kept: now, written: isNew(slot) || now !== held ? compressions : written};
      });
      Object.assign(memory, {latents, compressions, recent: memory.recent.slice(length), cache: null});
      if (cleared) {
        const {latents, slots} = this.start();
        Object.assign(memory, {latents, slots: slots.map(slot => ({...slot, written: compressions}))});
      }
    }

    // what the encoder writes into n latents, from as many old ones (or null) and the tokens of a segment
    encode(latents, segment, n) {
      const {weights, width} = this, name = "compressor.encoder", queries = weights[`${name}.query_tokens`].subarray(0, n * width);
      const old = latents ? [added(latents, weights[`${name}.latent_slots`])] : [];
      let tokens = joined([...old, added(joined(segment), weights[`${name}.positions`]), queries]);
      const count = tokens.length / width;
      for (const block of this.encoder) {
        const nRead = block === this.encoder.at(-1) ? n : count;
        const [queries, keys, values] = block.project(tokens, nRead);
        [tokens] = block.attend(tokens.subarray((count - nRead) * width), queries, keys, values, Array(nRead).fill(count));
      }
      return linear(normalised(tokens, width, this.part(`${name}.norm`)), this.part(`${name}.output`));
    }

    // logits at an observation, and each layer's and head's attention on [latents | recent | query]. Reads only what is new.
    predict(memory, observation) {
      const {weights, width} = this, n = memory.latents ? this.n_latent : 0, positions = weights["decoder.positions"];
      const at = k => positions.subarray(k * width, (k + 1) * width);
      memory.cache ??= {known: 0, keys: this.decoder.map(() => new Float32Array(this.max_seq_length * width)),
                        values: this.decoder.map(() => new Float32Array(this.max_seq_length * width))};
      const {cache} = memory, known = cache.known, start = Math.max(0, known - n), context = memory.recent.length;
      const parts = known === 0 && n ? [added(memory.latents, weights["decoder.latent_slots"])] : [];
      for (let k = start; k < context; k++) parts.push(added(memory.recent[k].token, at(k)));
      parts.push(added(this.vector("query_embedding", this.fields.observations, observation), at(context)));
      let tokens = joined(parts);
      const count = tokens.length / width, attention = [];
      const sees = Array.from({length: count}, (_, k) => Math.max(known + k + 1, n));
      this.decoder.forEach((block, layer) => {
        const nRead = layer === this.decoder.length - 1 ? 1 : count;
        const [queries, keys, values] = block.project(tokens, nRead);
        cache.keys[layer].set(keys, known * width);
        cache.values[layer].set(values, known * width);
        const [after, last] = block.attend(tokens.subarray((count - nRead) * width), queries, cache.keys[layer],
                                           cache.values[layer], sees.slice(count - nRead));
        tokens = after;
        attention.push(last);
      });
      cache.known = known + count - 1;
      const logits = linear(normalised(tokens, width, this.part("decoder.norm")), this.part("decoder.output"));
      return {logits: Array.from(logits), attention};
    }
  }

  // two futures of one memory: latents and tokens are never changed, only replaced
  const copied = memory => ({...memory, recent: [...memory.recent], cache: null});

  // ---- chance: numbers from 0 to 1 that follow from a seed (mulberry32)

  function randomNumbers(seed) {
    let state = seed >>> 0;
    return () => {
      state = state + 0x6D2B79F5 | 0;
      let mixed = Math.imul(state ^ state >>> 15, 1 | state);
      mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
      return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
    };
  }

  function drawn(probabilities, number) {
    for (let k = 0; k < probabilities.length; k++) {
      number -= probabilities[k];
      if (number < 0) return k;
    }
    return probabilities.length - 1;
  }

  // ---- worlds; each begins an episode in `reset`, and says in `step` what an action led to

  class DarkRoom {
    static MOVES = [[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]];
    static ACTIONS = ["stay", "up", "down", "left", "right"];

    constructor({size, horizon, ends_at_goal = false}, goal) { Object.assign(this, {size, horizon, endsAtGoal: ends_at_goal, goal}); }

    get observation() { return this.position; }

    get best() {  // of an agent that knows the goal
      const far = this.goal.reduce((sum, at) => sum + Math.abs(at - Math.floor(this.size / 2)), 0);
      const paid = Math.max(this.horizon - Math.max(far, 1) + 1, 0);
      return this.endsAtGoal ? Math.min(paid, 1) : paid;
    }

    reset() {
      this.position = [Math.floor(this.size / 2), Math.floor(this.size / 2)];
      this.elapsed = 0;
    }

    step(action) {
      this.position = this.position.map((at, axis) => Math.max(0, Math.min(this.size - 1, at + DarkRoom.MOVES[action][axis])));
      this.elapsed += 1;
      const there = this.position.every((at, axis) => at === this.goal[axis]);
      return {reward: Number(there), ended: this.elapsed >= this.horizon || (there && this.endsAtGoal)};
    }
  }

  class PassiveTMaze {
    static ACTIONS = ["right", "left", "up", "down"];

    // the cue (0 up, 1 down) and the length of the corridor are a task's own: a new one holds from the next episode
    constructor(_, corridor, cue) { Object.assign(this, {corridor, next: cue}); }

    get best() { return 1; }

    get observation() { return this.elapsed === 0 ? 2 + this.cue : Number(this.place === this.length); }

    reset() { Object.assign(this, {cue: this.next, length: this.corridor, place: 0, elapsed: 0}); }

    step(action) {
      const turned = this.place === this.length && action >= 2;
      this.place = Math.max(0, Math.min(this.length, this.place + [1, -1, 0, 0][action]));
      this.elapsed += 1;
      return {reward: Number(turned && action - 2 === this.cue), ended: turned || this.elapsed > this.length};
    }
  }

  const WORLDS = {DarkRoom, PassiveTMaze};

  // ---- a life: a model acts in a world, with its own chance

  class Life {
    static REMEMBERED = 400;  // compressions

    constructor(model, world, seed, settings = {}) {
      Object.assign(this, {model, world, settings: {greedy: false, ...settings}, random: randomNumbers(seed), memory: model.start(),
                           returns: [], earned: 0, steps: 0, latest: null, compressed: []});
      world.reset();
    }

    // one step: what was decided from, what happened, and whether the encoder wrote
    step() {
      const {model, world, memory, settings} = this, observations = world.observation, recent = [...memory.recent], {slots, compressions} = memory;
      const {logits, attention} = model.predict(memory, observations), probabilities = softmax(logits);
      const actions = settings.greedy ? logits.indexOf(Math.max(...logits)) : drawn(probabilities, this.random());
      const {reward, ended} = world.step(actions), next_observations = world.observation;
      this.earned += reward;
      const happened = {observations, actions, rewards: reward, next_observations, episode_ends: Number(ended),
                        number: this.steps, episode: this.returns.length};
      if (ended) {
        this.returns.push(this.earned);
        this.earned = 0;
        world.reset();
      }
      this.steps += 1;
      const wrote = model.observe(memory, happened, settings);
      if (wrote) this.note(recent.length + 1 - memory.recent.length);
      this.latest = {...happened, probabilities, logits, attention, recent, slots, wrote, compressions,
                     hadLatents: attention[0][0].length - recent.length - 1};
      return this.latest;
    }

    // what the latest compression of `length` transitions did: when, of which steps, what it rewrote and what it kept raw; `length`
    // is null if the whole memory was exchanged
    note(length) {
      const {memory, steps} = this, last = steps - memory.recent.length - 1;
      this.compressed.push({at: steps, number: memory.compressions, first: length === null ? null : last - length + 1, last,
                            kept: memory.slots.map(({kept}) => kept),
                            rewritten: memory.slots.map(({written}) => length === null || written === memory.compressions)});
      if (this.compressed.length <= Life.REMEMBERED) return;
      this.compressed.shift();
      this.compressed[0].rewritten.fill(true);  // what stood there before must not look as if nothing had been written
    }

    episodes(count) {
      const until = this.returns.length + count;
      while (this.returns.length < until) this.step();
      return this;
    }

    forget({latents = true, window = true} = {}) {
      const fresh = this.model.start();
      const {latents: written, slots, compressions} = latents ? fresh : this.memory;
      this.memory = {latents: written, slots, compressions, recent: window ? [] : [...this.memory.recent], cache: null};
      if (latents) this.note(null);
    }

    // initial tokens in the place of the slots that `which` says, given a slot
    blank(which) {
      const {memory, model} = this, {width} = model, fresh = model.start(), latents = Float32Array.from(memory.latents);
      const slots = memory.slots.map((slot, k) => {
        if (!which(slot)) return slot;
        latents.set(fresh.latents.subarray(k * width, (k + 1) * width), k * width);
        return fresh.slots[k];
      });
      this.memory = {...memory, latents, slots, cache: null};
      this.note(null);
    }

    kept() { return copied(this.memory); }

    give(memory) {
      this.memory = copied(memory);
      this.note(null);
    }
  }

  return {unpacked, Model, Life, WORLDS, DarkRoom, PassiveTMaze, randomNumbers, softmax, copied};
})();
