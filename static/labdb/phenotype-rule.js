// The page of phenotype rules: slider and number are one value, and the figure follows the rule without a jump.
(() => {
  "use strict";
  const form = document.getElementById("rule-form");
  if (!form) return;
  const slider = document.getElementById("rule-slider");
  const cutoff = document.getElementById("rule-cutoff");
  let asking = null;

  // Before the event rises to the form, which asks the server.
  slider.addEventListener("input", () => { cutoff.value = Number(slider.value).toFixed(2).replace(/0$/, ""); });
  cutoff.addEventListener("input", () => {
    const number = Number(cutoff.value.replace(",", "."));
    if (Number.isFinite(number) && number > 0) slider.value = number;
  });

  // What is run is what is shown: until the answer brings a new button, the old one would run the old rule.
  form.addEventListener("input", () => {
    for (const button of document.querySelectorAll("#rule-run button")) button.disabled = true;
  });

  const box = document.getElementById("rule-figure");
  const shownQuery = () => document.querySelector("#rule-counts [data-query]")?.dataset.query;

  // htmx would put an empty figure in place of the old one first; here the old one stays until the new one is drawn.
  async function drawFigure() {
    const query = shownQuery();
    if (!query || box.dataset.query === query) return;
    const figure = box.querySelector("[data-figure]");
    if (!figure && !box.firstElementChild) location.assign(`${form.action}?${query}`); // it opened with a wrong value
    if (!figure) return; // on its way; it asks again once it is there
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`${box.dataset.url}?${query}`, { signal: asking.signal });
      if (answer.ok) fill(figure, new DOMParser().parseFromString(await answer.text(), "text/html"));
      box.dataset.query = query;
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  function fill(figure, fresh) {
    for (const part of ["script", "figcaption"]) figure.querySelector(part).textContent = fresh.querySelector(part).textContent;
    const links = fresh.querySelectorAll(".figure-downloads a");
    figure.querySelectorAll(".figure-downloads a").forEach((link, at) => { link.href = links[at].getAttribute("href"); });
    figure.dispatchEvent(new Event("labdb:redraw", { bubbles: true }));
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id === "rule-counts") document.body.dispatchEvent(new Event("labdb:rule"));
    drawFigure();
  });
})();
