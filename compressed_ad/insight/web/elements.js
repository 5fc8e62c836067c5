"use strict";
/* Elements of a page, made in one line. What views.js and live.js share. */
const pageElements = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  // attributes that begin with "on" are listeners; null and false are left out
  function set(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);  // strings become text: nothing in the data is read as HTML
    return node;
  }
  const element = (name, attributes = {}, ...children) => set(document.createElement(name), attributes, children);
  const shape = (name, attributes = {}, ...children) => set(document.createElementNS(SVG, name), attributes, children);

  // ---- controls, each in its label; `label.control` is what the hand moves. Values are numbers.

  const labelled = (label, control) => element("label", {}, label, control);
  const numeric = change => event => change(Number(event.target.value));

  // options: [value, text], or texts that are numbered from 0
  function choice(label, options, value, change) {
    const pairs = options.map((option, k) => Array.isArray(option) ? option : [k, option]);
    return labelled(label, element("select", {"aria-label": label, onchange: numeric(change)},
      ...pairs.map(([key, text]) => element("option", {value: key, selected: key === value}, text))));
  }

  function slider(label, [low, high], value, change) {
    return labelled(label, element("input", {type: "range", min: low, max: high, step: 1, value, "aria-label": label, oninput: numeric(change)}));
  }

  function toggle(label, checked, change) {
    const input = element("input", {type: "checkbox", checked, onchange: () => change(input.checked)});
    return element("label", {}, input, label);
  }

  const button = (text, act, attributes = {}) => element("button", {type: "button", onclick: act, ...attributes}, text);

  return {set, element, shape, choice, slider, toggle, button};
})();
