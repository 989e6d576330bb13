// The page of a box: tubes are chosen, moved within it or into another, and what happened to them is written down.
(() => {
  "use strict";
  const page = document.querySelector("[data-box]");
  if (!page) return;
  const part = (name) => page.querySelector(`[data-box="${name}"]`);
  const { post } = labdb.gridServer;
  let state = JSON.parse(document.getElementById("box-state").textContent);
  let other = null; // the state of another box, into which tubes are moved
  let plan = null; // [[tube, position], ...] that a click on a free cell would do
  let anchor = null;
  const chosen = new Map(); // id -> tube, of this box or in the hand

  const grid = labdb.boxGrid(part("grid"), {
    label: (box) => `Box ${box.code}`,
    isMany: true,
    onCell,
    onReach: (position) => selectRange(grid.between(anchor ?? position, position)),
    onRange: selectRange,
    onOpen: (tube) => { window.location.href = tube.url; },
    paint: (position, held) => paint(position, held, state),
  });
  const target = labdb.boxGrid(part("target-grid"), {
    label: (box) => `Free positions of box ${box.code}`,
    onCell: (position) => offer(position, other, target),
    paint: (position, held) => paint(position, held, other),
  });

  function paint(position, held, box) {
    const isPlanned = plan?.box.code === box.code && plan.moves.some(([, place]) => place === position);
    const isSelected = Boolean(held.tube && chosen.has(held.tube.id));
    return { isSelected, className: [isSelected && "box-chosen", isPlanned && "box-planned"].filter(Boolean).join(" ") };
  }

  function onCell(position, event) {
    const { tube, hidden } = grid.held(position);
    if (event.shiftKey && anchor) return selectRange(grid.between(anchor, position));
    if (tube) {
      const isOnly = chosen.size === 1 && chosen.has(tube.id);
      if (!(event.ctrlKey || event.metaKey)) chosen.clear();
      if (!isOnly && !chosen.has(tube.id)) chosen.set(tube.id, tube);
      else chosen.delete(tube.id);
      anchor = position;
      plan = null;
    } else if (hidden) {
      say("A tube of a study that you do not see stands there.");
    } else if (chosen.size) offer(position, state, grid);
    show();
  }

  function selectRange(positions) {
    chosen.clear();
    for (const position of positions) {
      const { tube } = grid.held(position);
      if (tube) chosen.set(tube.id, tube);
    }
    anchor ??= positions[0];
    plan = null;
    show();
  }

  // A free cell was chosen: show where all chosen tubes would lie, and ask.
  function offer(position, box, shownIn) {
    if (!chosen.size) return say("Choose tubes first, then the free position.");
    const tubes = [...chosen.values()];
    const isFree = (place) => {
      const held = shownIn.held(place);
      return !held.hidden && (!held.tube || chosen.has(held.tube.id));
    };
    if (!isFree(position)) return say(`${position} of box ${box.code} is occupied; choose a free position.`);
    const moves = labdb.layOut(tubes, position, box, isFree);
    if (!moves) return say(`There are not ${tubes.length} free positions from ${position} on; choose an earlier one or another box.`);
    plan = { box, moves };
    show();
    part("move").focus();
  }

  function show() {
    grid.redraw();
    if (other) target.redraw();
    const tubes = [...chosen.values()];
    part("acts").hidden = !tubes.length;
    part("one").hidden = tubes.length !== 1;
    part("hint").hidden = Boolean(tubes.length);
    labdb.put(part("count"), tubes.length === 1 ? tubes[0].label : tubes.length ? `${tubes.length} tubes chosen` : "No tube chosen");
    if (tubes.length === 1) facts(tubes[0]);
    part("hand").replaceChildren(...tubes.filter((tube) => tube.box !== state.code).map((tube) => labdb.make("li", { textContent: `${tube.label} (${placeOf(tube)})` })));
    part("hand-head").hidden = !part("hand").childElementCount;
    const isStuck = tubes.some((tube) => !tube.may_move);
    for (const one of page.querySelectorAll("[data-act]")) one.disabled = isStuck;
    part("stuck").hidden = !isStuck;
    part("ask").hidden = !plan || isStuck;
    if (plan) labdb.put(part("ask-words"), asked());
    const nFree = state.rows * state.columns - state.n_hidden - state.tubes.length;
    labdb.put(part("fill"), `${state.tubes.length + state.n_hidden} tubes, ${Math.max(nFree, 0)} positions free`);
    const loose = state.tubes.filter((tube) => !tube.position);
    part("loose-head").hidden = !loose.length;
    part("loose").replaceChildren(...loose.map((tube) => labdb.make("li", {}, labdb.button(tube.label, () => { chosen.clear(); chosen.set(tube.id, tube); show(); }, { className: "btn btn-sm" }))));
  }

  const placeOf = (tube) => (tube.box ? `${tube.box} ${tube.position}`.trim() : "no place recorded");

  function asked() {
    const [[tube, first]] = plan.moves;
    const last = plan.moves.at(-1)[1];
    return plan.moves.length === 1 ? `Move ${tube.label} to ${first} of box ${plan.box.code}?` : `Move ${plan.moves.length} tubes to ${first} … ${last} of box ${plan.box.code}?`;
  }

  function facts(tube) {
    const open = part("open");
    open.href = tube.url;
    const mouse = part("mouse");
    mouse.href = tube.mouse_url;
    labdb.put(mouse, tube.mouse);
    labdb.put(part("region"), tube.region);
    labdb.put(part("place"), placeOf(tube));
    labdb.put(part("thaws"), tube.thaws === null ? "not recorded" : String(tube.thaws));
    labdb.put(part("left"), tube.left || "not recorded");
    labdb.put(part("mark"), tube.excluded);
  }

  function say(sentence, isGood = false) {
    labdb.put(part("says"), sentence);
    part("says").dataset.kind = isGood ? "good" : "wrong";
  }

  // Each attempt of one thing has one key, so that a lost answer writes nothing twice.
  let waiting = null;
  async function send(events, done, reason = "") {
    const wanted = JSON.stringify(events);
    if (waiting?.wanted !== wanted) waiting = { wanted, key: crypto.randomUUID() };
    const body = { key: waiting.key, events, reason, show: [state.code, ...(other ? [other.code] : [])] };
    page.setAttribute("aria-busy", "true");
    const { status, answer } = await post(page.dataset.events, body);
    page.removeAttribute("aria-busy");
    if (status === 0) return say("No answer from the server: nothing is known to be stored. Try again when the network is back.");
    if (answer.status === "needs_reason") {
      const said = window.prompt(answer.__all__.join("\n"));
      return said?.trim() ? send(events, done, said) : say("Nothing was stored.");
    }
    if (answer.status !== "stored") return say((answer.__all__ ?? answer.sentences ?? [`The server answered ${status}.`]).join(" "));
    waiting = null;
    take(answer.boxes);
    chosen.clear();
    plan = null;
    say(done, true);
    show();
  }

  function take(boxes) {
    state = boxes[state.code] ?? state;
    grid.fill(state);
    if (other) { other = boxes[other.code] ?? other; target.fill(other); }
  }

  const placed = (tube, box, position) => ({ sample: tube.id, kind: "placed", box, position });

  function move() {
    const { box, moves } = plan;
    const before = moves.filter(([tube]) => tube.box && tube.position).map(([tube]) => placed(tube, tube.box, tube.position));
    const done = moves.length === 1 ? `${moves[0][0].label} is in ${moves[0][1]} of box ${box.code} now.` : `${moves.length} tubes are in box ${box.code} now.`;
    send(moves.map(([tube, position]) => placed(tube, box.code, position)), done).then(() => {
      part("back").hidden = before.length !== moves.length || plan !== null;
      part("back").onclick = () => { part("back").hidden = true; send(before, "Put back where they were."); };
    });
  }

  part("move").addEventListener("click", move);
  part("cancel").addEventListener("click", () => { plan = null; show(); grid.goTo(grid.at); });
  for (const one of page.querySelectorAll("[data-act]")) {
    one.addEventListener("click", () => {
      const tubes = [...chosen.values()];
      const amount = tubes.length === 1 ? part("amount").value.trim() : "";
      part("amount").value = "";
      part("back").hidden = true;
      send(tubes.map((tube) => ({ sample: tube.id, kind: one.dataset.act, amount_used_mg: amount })), `Stored: ${tubes.length === 1 ? tubes[0].label : `${tubes.length} tubes`} ${one.dataset.act}.`);
    });
  }
  part("clear").addEventListener("click", () => { chosen.clear(); plan = null; show(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (chosen.size || plan)) { if (plan) plan = null; else chosen.clear(); show(); }
  });

  part("other")?.addEventListener("change", async (event) => {
    const code = event.target.value;
    plan = null;
    other = null;
    part("target").hidden = true;
    if (code) {
      const response = await fetch(`${page.dataset.boxes.replace(/-\/$/, "")}${encodeURIComponent(code)}/stored/`, { headers: { Accept: "application/json" } }).catch(() => null);
      if (!response?.ok) return say(`Box ${code} cannot be read just now; try again.`);
      other = await response.json();
      part("target").hidden = false;
      labdb.put(part("target-name"), `Box ${other.code}${other.where ? `, ${other.where}` : ""}: choose the first free position`);
      target.fill(other);
    }
    show();
  });

  // Scan to move: a tube of any box is taken into the hand, a position puts it down.
  part("scan").addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = part("scanned");
    const text = input.value.trim();
    input.value = "";
    input.focus();
    if (!text) return;
    if (/^[A-Za-z][1-9][0-9]?$/.test(text) && chosen.size) { offer(text.toUpperCase(), state, grid); return; }
    const here = state.tubes.filter((tube) => labdb.isScanOf(tube, labdb.readScan(text)));
    if (here.length === 1 && !here[0].is_twin) return pick(here[0]);
    const response = await fetch(`${page.dataset.found}?${new URLSearchParams({ code: text })}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response?.ok) return say("No answer from the server; scan again when the network is back.");
    const { tubes, sentence } = await response.json();
    if (!tubes.length) { labdb.sound("wrong"); return say(sentence); }
    if (tubes.length === 1) return pick(tubes[0]);
    say(`${tubes.length} studies have a tube ${text}: which is it?`);
    part("which").replaceChildren(...tubes.map((tube) => labdb.button(`${tube.label} (${placeOf(tube)})`, () => pick(tube))));
  });

  function pick(tube) {
    part("which").replaceChildren();
    chosen.set(tube.id, tube);
    labdb.sound("saved");
    say(tube.box === state.code ? `${tube.label} is in ${tube.position || "no position"}.` : `${tube.label} is in your hand (${placeOf(tube)}); choose its free position here.`, true);
    show();
    if (tube.box === state.code && tube.position) grid.goTo(tube.position, false);
  }

  grid.fill(state);
  show();
})();
