// What can be done with one cage besides a tap: swap the aggressor, score wounds, stop early, correct.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const { make, button } = labdb;
  const SWAP_REASONS = ["did not attack", "attacked too hard", "wounded", "not in its cage", "other"];
  const STOP_REASONS = ["wounds", "exhausted", "escaped", "other"];
  const WOUNDS = ["none", "scratches", "small", "open", "beyond the limit"];
  let reason = SWAP_REASONS[0];

  function hardness(word) {
    return make("span", { className: `hardness hardness-${word}`, title: word }, make("span", { className: "visually-hidden", textContent: `${word} ` }));
  }

  function group(title, ...children) {
    return make("section", { className: "rack-menu-group" }, make("h3", { textContent: title }), make("div", { className: "rack-menu-buttons" }, ...children));
  }

  function woundButtons(now, score) {
    return WOUNDS.map((words, number) => {
      const one = button(String(number), () => score(number), { title: words, ariaLabel: `Wound score ${number}: ${words}` });
      one.setAttribute("aria-pressed", String(now === number));
      return one;
    });
  }

  // `does` holds what the page does: swap, wound, stop, attacks, start, reset.
  function open(tile, does) {
    const dialog = document.querySelector("[data-menu]");
    const { phase, aggressorOf, candidates } = labdb.rack;
    const is = phase(tile);
    const act = (work) => () => { dialog.close(); work(); };
    const parts = [make("div", { className: "bench-dialog-head" }, make("h2", { id: "menu-title", textContent: `Cage ${tile.label}: ${tile.mouse} with ${tile.stored?.aggressor ?? aggressorOf(tile)}` }), button("Close", () => dialog.close()))];
    if (tile.warning) parts.push(make("p", { className: "rack-warning", textContent: `${tile.mouse} ${tile.warning}.` }));
    if (["idle", "scheduled", "running", "asked"].includes(is)) parts.push(...swapPart(candidates(tile), (code) => act(() => does.swap(tile, code, reason))()));
    if (["scheduled", "idle"].includes(is)) parts.push(group("Bout", button("Start now", act(() => does.start(tile)))));
    if (["running", "asked"].includes(is)) parts.push(group("Stop early, because of", ...STOP_REASONS.map((words) => button(words, act(() => does.stop(tile, words))))));
    if (is !== "idle" && is !== "scheduled") {
      parts.push(group("Wound score", ...woundButtons(tile.stored?.wound_score ?? tile.own.wound, (score) => act(() => does.wound(tile, score))())));
      const count = make("strong", { className: "rack-count", textContent: String(does.countOf(tile)) });
      const change = (by) => { does.attacks(tile, by); count.textContent = String(does.countOf(tile)); };
      parts.push(group("Attacks", button("−", () => change(-1), { ariaLabel: "One attack less" }), count, button("+", () => change(1), { ariaLabel: "One attack more" })));
    }
    if (tile.stored) parts.push(make("p", { className: "mt-3 mb-0" }, make("a", { href: tile.stored.url, textContent: "All fields of this bout" })));
    else if (is !== "idle") parts.push(group("It did not happen so", button("Take it back", act(() => does.reset(tile)))));
    dialog.replaceChildren(...parts);
    dialog.showModal();
  }

  function swapPart(free, swap) {
    const reasons = SWAP_REASONS.map((words) => {
      const one = button(words, () => {
        reason = words;
        for (const other of reasons) other.setAttribute("aria-pressed", String(other === one));
      });
      one.setAttribute("aria-pressed", String(words === reason));
      return one;
    });
    const others = free.map((one) => {
      const chosen = button("", () => swap(one.code), { ariaLabel: `Swap for ${one.code}, ${one.hardness}` });
      chosen.append(hardness(one.hardness), one.code);
      return chosen;
    });
    const nobody = make("p", { className: "m-0", textContent: "No aggressor is free today that this mouse has not met." });
    return [group("Swap the aggressor, because the planned one", ...reasons), group("for", ...(others.length ? others : [nobody]))];
  }

  labdb.rackMenu = { open, hardness, woundButtons };
})();
