"use strict";
/* Formulas: the text of every element of class math is LaTeX. */
for (const node of document.querySelectorAll(".math")) {
  katex.render(node.textContent, node, {displayMode: node.tagName === "DIV", throwOnError: false});
}
