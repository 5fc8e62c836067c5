"use strict";
/* The first time that a page uses a word of the glossary, pointing at it shows what it means.
   Case counts: Windows is no window. */
document.addEventListener("DOMContentLoaded", () => {
  const terms = window.GLOSSARY ?? {}, names = Object.keys(terms).sort((a, b) => b.length - a.length);
  const article = document.querySelector("article");
  if (!article || !names.length || document.querySelector("dl.glossary")) return;
  const wanted = new RegExp(`\\b(${names.map(name => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})s?\\b`);
  const done = new Set(), walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT, {
    acceptNode: node => node.parentElement.closest("pre, code, a, h1, h2, h3, abbr, script, .math, .cell_output") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT});
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (let node of nodes) {
    for (let found = wanted.exec(node.data); found && done.size < names.length;) {
      const name = found[1];
      const rest = node.splitText(found.index), after = rest.splitText(found[0].length);
      if (!done.has(name)) {
        const shown = document.createElement("abbr");
        [shown.className, shown.title, shown.textContent] = ["term", terms[name], found[0]];
        rest.replaceWith(shown);
        done.add(name);
      }
      node = after;
      found = wanted.exec(node.data);
    }
  }
});
