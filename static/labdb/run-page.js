// The log of a working run stays where it is read, and follows the work for who reads its end.
(() => {
  "use strict";
  const NEAR_PX = 8;
  const log = () => document.getElementById("run-log");
  let read = null;

  document.addEventListener("htmx:beforeSwap", () => {
    const now = log();
    read = now && { top: now.scrollTop, isAtEnd: now.scrollHeight - now.scrollTop - now.clientHeight < NEAR_PX };
  });
  function show() {
    const now = log();
    if (now) now.scrollTop = !read || read.isAtEnd ? now.scrollHeight : read.top;
  }
  document.addEventListener("htmx:afterSwap", show);
  document.addEventListener("DOMContentLoaded", show);
})();
