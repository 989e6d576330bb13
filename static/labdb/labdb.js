// What pages share: asking before a deletion, selects that can be searched, a word when the server fails.
(() => {
  "use strict";

  // The token against forged requests; read each time, for signing in anew changes it.
  (window.labdb ??= {}).csrfToken = () => {
    const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
    return cookie ? decodeURIComponent(cookie.split("=")[1]) : "";
  };

  // <form data-confirm="Delete mouse M001?">
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // <select data-search>: a long list of mice or genes is searched, not scrolled.
  function enhance(root) {
    if (!window.TomSelect) return;
    for (const select of root.querySelectorAll("select[data-search]")) {
      if (select.tomselect) continue;
      new window.TomSelect(select, { maxOptions: 500, plugins: select.multiple ? ["remove_button"] : [] });
      select.setAttribute("aria-hidden", "true"); // the label belongs to the field that stands in for it
    }
  }

  // htmx says nothing by itself when an answer is an error or never comes.
  function tell(sentence) {
    if ([...document.querySelectorAll(".alert-danger")].some((shown) => shown.textContent === sentence)) return; // a page that looks again says it once
    const alert = document.createElement("div");
    alert.className = "alert alert-danger";
    alert.setAttribute("role", "alert");
    alert.textContent = sentence;
    document.querySelector("#content .container-xl")?.prepend(alert);
  }
  document.addEventListener("htmx:responseError", (event) => tell(`The server answered ${event.detail.xhr.status}; reload the page to see what is stored.`));
  document.addEventListener("htmx:sendError", () => tell("The server cannot be reached; nothing was stored."));
  // Who signed out leaves no page of the bench on the device (bench-offline.js kept them).
  if (!document.body.dataset.user) window.caches?.delete("labdb-bench");
  document.addEventListener("htmx:load", (event) => enhance(event.detail.elt));
  document.addEventListener("DOMContentLoaded", () => enhance(document));
})();
