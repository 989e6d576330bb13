// <button data-print>: the page on paper.
(() => {
  "use strict";
  document.addEventListener("click", (event) => event.target.closest("[data-print]") && window.print());
})();
