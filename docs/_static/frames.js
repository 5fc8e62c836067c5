"use strict";
/* A page in a frame says how tall it is, and is told which colours the reader chose for the site. */
document.addEventListener("DOMContentLoaded", () => {
  const frames = [...document.querySelectorAll("iframe.live")], root = document.documentElement;
  const tell = frame => frame.contentWindow.postMessage({colorScheme: getComputedStyle(root).colorScheme}, "*");
  addEventListener("message", event => {
    const frame = frames.find(one => one.contentWindow === event.source);
    if (!frame || !(event.data.cadHeight > 0)) return;
    frame.style.height = `${event.data.cadHeight}px`;
    tell(frame);
  });
  new MutationObserver(() => frames.forEach(tell)).observe(root, {attributeFilter: ["data-theme"]});
});
