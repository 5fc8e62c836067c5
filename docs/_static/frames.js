"use strict";
/* A page in a frame says how tall it is. Its colours follow those that the reader chose for the site. */
addEventListener("message", event => {
  for (const frame of document.querySelectorAll("iframe")) {
    if (frame.contentWindow === event.source && event.data.cadHeight > 0) frame.style.height = `${event.data.cadHeight}px`;
  }
});
