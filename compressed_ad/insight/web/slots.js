"use strict";
/* What stands in each slot of a memory, and since when. A picture that the views and the live page share. */
const memorySlots = (() => {
  const {shape} = pageElements;
  const TALL = 7;  // a row, in parts of the drawing, which is stretched to any size

  /* The pieces of each slot's past, [{slot, from, to, kept, number, turn}], in order of time; a slot's turns are counted. `changes`
     are the compressions, the oldest first: {at, number, rewritten, kept}, with a place for each slot in both lists; `kept` has what
     a slot holds raw, or null. */
  function pieces(nSlots, changes, end) {
    const found = [];
    for (let slot = 0; slot < nSlots; slot++) {
      let piece = {slot, from: 0, kept: null, number: 0, turn: 0};
      for (const {at, rewritten, kept, number} of changes) {
        if (!rewritten[slot]) continue;
        found.push({...piece, to: at});
        piece = {slot, from: at, kept: kept[slot], number, turn: piece.turn + 1};
      }
      found.push({...piece, to: end});
    }
    return found.filter(({from, to}) => to > from);
  }

  // rows: the segments, then the slots; columns: steps from `first` on, `wide` parts each
  class Picture {
    constructor(nSlots, label) {
      this.nSlots = nSlots;
      this.node = shape("svg", {class: "slots", role: "img", "aria-label": label, preserveAspectRatio: "none"});
    }

    /* `segments` are {first, last, at} of each compression. `colours` has latents, kept, paid, segment and moment; isPaid(kept) says
       whether what is kept raw was paid. Shades alternate from one writing of a slot to the next. */
    draw(changes, segments, [first, end], colours, isPaid, now = end) {  // nothing is drawn from `now` on
      const {nSlots} = this, wide = Math.max(1, end - first), gap = wide / 500, x = step => Math.max(step, first) - first;
      const bar = (row, from, to, fill, opacity = 1) => to <= first ? null : shape("rect", {
        x: x(from) + gap / 2, y: row * TALL + .5, width: Math.max(gap, x(to) - x(from) - gap), height: TALL - 1, fill, opacity});
      const colour = ({kept}) => kept === null ? colours.latents : isPaid(kept) ? colours.paid : colours.kept;
      const strength = ({kept, turn}) => turn === 0 ? .15 : turn % 2 ? .6 : .9;
      const parts = [
        ...segments.map((segment, k) => bar(0, segment.first, segment.last + 1, colours.segment, k % 2 ? .45 : .85)),
        ...pieces(nSlots, changes, now).map(piece => bar(piece.slot + 1, piece.from, piece.to, colour(piece), strength(piece))),
        ...segments.filter(({at}) => at > first).map(({at}) => shape("line", {
          x1: x(at), x2: x(at), y1: 0, y2: TALL, stroke: colours.moment, "stroke-width": 2, "vector-effect": "non-scaling-stroke"}))];
      this.node.setAttribute("viewBox", `0 0 ${wide} ${(nSlots + 1) * TALL}`);
      this.node.replaceChildren(...parts.filter(Boolean));
    }
  }

  return {pieces, Picture};
})();
