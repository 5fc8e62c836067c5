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
  return {set, element, shape};
})();
