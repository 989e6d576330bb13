// Rows of a list that are ticked: a range with shift, all of a page, all that the filters select; and how many.
(() => {
  "use strict";

  let last = null; // the box that was ticked before, for a range

  const boxes = (form) => [...form.querySelectorAll("input[name=row]")];

  function show(form) {
    const all = form.querySelector("input[name=all]");
    const ticked = boxes(form).filter((box) => box.checked).length;
    const bar = form.querySelector(".selection-bar");
    bar.hidden = ticked === 0 && !all?.checked;
    form.querySelector("[data-chosen]").textContent = all?.checked
      ? `All ${form.dataset.what} that the filters select`
      : `${ticked} ${form.dataset.what} ticked`;
    const whole = form.querySelector("[data-tick-all]");
    whole.checked = ticked > 0 && ticked === boxes(form).length;
    whole.indeterminate = ticked > 0 && !whole.checked;
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-selection] input[name=row]");
    if (!box) return;
    const form = box.closest("form");
    if (event.shiftKey && last && last !== box && form.contains(last)) {
      const all = boxes(form);
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
      all.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
    }
    last = box;
    show(form);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-selection]");
    if (!form) return;
    event.stopPropagation(); // the filters do not act on ticks
    if (event.target.matches("[data-tick-all]")) boxes(form).forEach((box) => { box.checked = event.target.checked; });
    show(form);
  }, true);

  const showAll = () => document.querySelectorAll("form[data-selection]").forEach(show);
  document.addEventListener("DOMContentLoaded", showAll);
  document.addEventListener("htmx:afterSettle", showAll); // another page of the list
  window.addEventListener("pageshow", showAll); // come back to, with its ticks
})();
