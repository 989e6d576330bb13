// The rack on a day of defeat: a tile for each cage, one clock for all, an entry for each bout that is over.
(() => {
  "use strict";
  const labdb = window.labdb ?? {};
  const { rack } = labdb;
  const place = document.querySelector("[data-rack]");
  if (!rack || !place) return;
  const { make, button, put } = labdb;
  const { hardness, woundButtons } = labdb.rackMenu;
  const RECORD = "defeat-bouts";
  const TICK_MS = 250;
  const ASK_MS = 15_000; // what other tablets stored
  const HOLD_MS = 600; // a long press
  const LATER = 3; // events in sight behind the next
  const find = (name) => document.querySelector(`[data-${name}]`);
  const views = new Map(); // mouse -> what is on the page of its tile
  const keys = new Map(); // key of an entry that corrects -> its tile
  const last = new Map(); // mouse -> the phase that was seen last

  // ---- words ----

  const countOf = (tile) => tile.stored?.attacks ?? tile.own.taps.length;
  const pairOf = (tile) => `${tile.mouse} with ${tile.stored?.aggressor ?? rack.aggressorOf(tile)}`;

  function clock(ms) {
    const s = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  }

  const inWords = (ms) => (ms >= 60_000 ? `${Math.round(ms / 60_000)} min` : `${Math.max(1, Math.ceil(ms / 1000))} s`);
  const latencyOf = (tile) => tile.stored?.latency_s ?? (tile.own.taps.length ? Math.round((tile.own.taps[0] - tile.own.start) / 1000) : null);

  function counted(tile) {
    const latency = latencyOf(tile);
    const attacks = countOf(tile);
    const some = attacks === null ? "" : `${attacks} attack${attacks === 1 ? "" : "s"}`;
    return latency === null ? some : `${some}, first after ${Math.round(latency)} s`;
  }

  function saved(tile) {
    if (tile.own.entry === "stored" || tile.stored) return "saved";
    return tile.own.entry && tile.own.entry !== "waiting" ? "not saved: see above" : "kept here, on its way";
  }

  function faceOf(tile, phase, now) {
    switch (phase) {
      case "idle": return ["Start", `${tile.mouse} to ${rack.aggressorOf(tile)}`];
      case "scheduled": return [`in ${clock(tile.own.start - now)}`, "starts by itself; tap to start now"];
      case "running": return [String(tile.own.taps.length), `${clock(rack.endOf(tile) - now)} left`];
      case "asked": return ["Save?", `over since ${labdb.clock.time(rack.endOf(tile))}, unseen`];
      case "over": return ["Over", "separate them"];
      default: return isAlarming(tile) ? ["Over", `separate ${tile.mouse}; tap when done`] : ["✓", counted(tile)];
    }
  }

  // Over, and nobody has said yet that the two are apart.
  const isAlarming = (tile) => Boolean(tile.own.key) && !tile.own.isMoved;

  // ---- what happens ----

  function send(tile) {
    const values = rack.valuesOf(tile);
    const reason = values.substitution_reason;
    tile.own.entry = "waiting";
    tile.own.key = labdb.outbox.send({ record: RECORD, values, label: `${tile.mouse}, day ${rack.day}: ${values.attacks} attacks`, ...(reason ? { reason } : {}) });
    delete tile.own.isAsked;
    rack.save();
    labdb.sound("end");
    say(`Cage ${tile.label} is over.`);
  }

  function change(tile, values, label) {
    if (tile.own.key) {
      try {
        keys.set(labdb.outbox.correct(tile.own.key, values, { label }), tile);
        return;
      } catch { /* another page of this tablet sent it; then by its number */ }
    }
    if (tile.stored) keys.set(labdb.outbox.send({ record: RECORD, action: "change", id: tile.stored.id, version: tile.stored.version, values, label }), tile);
  }

  const does = {
    countOf,
    start(tile) { rack.start(tile); labdb.sound("start"); draw(); },
    swap(tile, aggressor, reason) { rack.swap(tile, aggressor, reason); say(`Cage ${tile.label}: ${aggressor} in place of ${tile.own.swaps.at(-1).from}.`); draw(); },
    stop(tile, reason) {
      rack.stop(tile, reason);
      send(tile);
      const key = tile.own.key;
      labdb.outbox.offerUndo(key, `${tile.mouse} stopped: ${reason}`, () => { labdb.outbox.undo(key); delete tile.own.stop; forgetEntry(tile); });
      draw();
    },
    wound(tile, score) {
      tile.own.wound = score;
      rack.save();
      if (tile.stored) tile.stored.wound_score = score;
      if (tile.own.key || tile.stored) change(tile, { wound_score: score }, `${tile.mouse}: wound score ${score}`);
      draw();
    },
    attacks(tile, by) {
      if (rack.phase(tile) === "running") {
        if (by > 0) rack.attack(tile); else rack.fewer(tile);
      } else correctCount(tile, by);
      draw();
    },
    reset(tile) {
      if (tile.own.key) labdb.outbox.undo(tile.own.key);
      rack.reset(tile);
      draw();
    },
  };

  function correctCount(tile, by) {
    const attacks = Math.max(0, (countOf(tile) ?? 0) + by);
    if (tile.stored) tile.stored.attacks = attacks;
    else if (by < 0) tile.own.taps.pop();
    else tile.own.taps.push(rack.endOf(tile));
    rack.save();
    if (tile.own.key || tile.stored) change(tile, { attacks, ...(attacks ? {} : { attack_latency_s: "" }) }, `${tile.mouse}: ${attacks} attacks`);
  }

  function forgetEntry(tile) {
    tile.stored = null;
    delete tile.own.key;
    delete tile.own.entry;
    rack.save();
    draw();
  }

  function tap(tile) {
    const phase = rack.phase(tile);
    if (phase === "idle" || phase === "scheduled") does.start(tile);
    else if (phase === "running") { if (rack.attack(tile)) draw(); }
    else if (phase === "asked") send(tile);
    else if (isAlarming(tile)) moved(tile);
    else labdb.rackMenu.open(tile, does);
    draw();
  }

  function moved(tile) {
    tile.own.isMoved = true;
    rack.save();
    draw();
  }

  // ---- the page ----

  function say(sentence) {
    find("live").textContent = sentence;
  }

  function makeTile(tile) {
    const big = make("button", { type: "button", className: "btn rack-tap" }, make("span", { className: "visually-hidden" }), make("span", { className: "rack-face" }), make("span", { className: "rack-words" }));
    const more = button("⋯", () => labdb.rackMenu.open(tile, does), { className: "btn rack-more", ariaLabel: `Cage ${tile.label}, ${tile.mouse}: swap, wounds, stop, correct` });
    const fewer = button("−", () => does.attacks(tile, -1), { className: "btn rack-fewer", ariaLabel: `Cage ${tile.label}: one attack less` });
    const who = make("span", { className: "rack-who" });
    const whole = make("article", { className: "rack-tile", dataset: { mouse: tile.mouse } },
      make("header", {}, make("span", { className: "rack-label", textContent: tile.label }), who, more), big,
      make("footer", {}, fewer, make("span", { className: "rack-state" })));
    longPress(big, tile);
    big.disabled = !rack.may_enter;
    const [spoken, face, words] = big.children;
    views.set(tile.mouse, { whole, who, fewer, spoken, face, words, state: whole.querySelector(".rack-state") });
    return whole;
  }

  function longPress(big, tile) {
    let timer = null;
    let isLong = false;
    const open = () => { isLong = true; labdb.rackMenu.open(tile, does); };
    big.addEventListener("pointerdown", () => { isLong = false; timer = setTimeout(open, HOLD_MS); });
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) big.addEventListener(name, () => clearTimeout(timer));
    big.addEventListener("contextmenu", (event) => event.preventDefault());
    big.addEventListener("click", () => { if (!isLong) tap(tile); isLong = false; });
  }

  function drawTile(tile, now) {
    const view = views.get(tile.mouse);
    const phase = rack.phase(tile, now);
    const [face, words] = faceOf(tile, phase, now);
    view.whole.dataset.phase = isAlarming(tile) ? "alarm" : phase === "stored" ? "sent" : phase;
    view.whole.dataset.soon = String(phase === "running" && rack.endOf(tile) - now < 30_000);
    put(view.face, face);
    put(view.words, words);
    const pair = pairOf(tile);
    if (view.who.dataset.pair !== pair) {
      view.who.dataset.pair = pair;
      view.who.replaceChildren(make("strong", { textContent: tile.mouse }), " ", hardness(hardnessOf(tile)), tile.stored?.aggressor ?? rack.aggressorOf(tile));
    }
    const warning = tile.own.aggressor || tile.stored ? "" : tile.warning;
    view.whole.classList.toggle("has-warning", Boolean(warning));
    put(view.state, warning || stateOf(tile, phase));
    view.fewer.hidden = phase !== "running" || !tile.own.taps.length;
    put(view.spoken, `Cage ${tile.label}, ${pair}${phase === "running" ? ", tap for an attack" : ""}: `);
    last.set(tile.mouse, phase);
  }

  function hardnessOf(tile) {
    const code = tile.stored?.aggressor ?? rack.aggressorOf(tile);
    return [...rack.free, ...rack.tiles.map((one) => ({ code: one.aggressor, hardness: one.hardness }))].find((one) => one.code === code)?.hardness ?? "";
  }

  function stateOf(tile, phase) {
    if (phase === "running") return counted(tile);
    if (phase === "sent" || phase === "stored") return `${isAlarming(tile) ? `${counted(tile)} · ` : ""}${saved(tile)}${tile.stored?.by && !tile.own.key ? ` by ${tile.stored.by}` : ""}`;
    return "";
  }

  function drawNext(now) {
    const events = rack.coming(now);
    const words = ({ at, tile, isStart }) => (isStart ? `In ${inWords(at - now)}: start cage ${tile.label}, ${tile.mouse} to ${rack.aggressorOf(tile)}.` : `In ${inWords(at - now)}: cage ${tile.label}.`);
    const idle = rack.tiles.filter((tile) => rack.phase(tile, now) === "idle").length;
    const alarms = rack.tiles.filter((tile) => isAlarming(tile) || rack.phase(tile, now) === "asked");
    const rest = idle ? `${idle} cage${idle > 1 ? "s" : ""} to start.` : "All bouts of the day are done.";
    const overdue = alarms.length ? `Over: cage ${alarms.map((tile) => tile.label).join(", ")}. ` : "";
    put(find("next"), overdue + (events.length ? words(events[0]) : alarms.length ? "" : rest));
    const later = events.slice(1, 1 + LATER).map(words).join("\n");
    if (find("later").dataset.words !== later) {
      find("later").dataset.words = later;
      find("later").replaceChildren(...later.split("\n").filter(Boolean).map((line) => make("li", { textContent: line })));
    }
    find("start-all").hidden = !idle || !rack.may_enter;
    find("start-all").textContent = idle === rack.tiles.length ? `Start all, every ${rack.stagger_s} s` : `Start the other ${idle}`;
    find("hold").hidden = !events.some((event) => event.isStart);
  }

  // Where each pair is to be moved apart, with its wounds: what is left to do when bouts are over.
  function drawContact() {
    const over = rack.tiles.filter((tile) => tile.own.key || tile.stored);
    const text = over.map((tile) => `${tile.mouse} ${tile.own.isMoved} ${tile.stored?.wound_score ?? tile.own.wound} ${rack.aggressorOf(tile)}`).join("|");
    const list = find("contact-list");
    find("contact").hidden = !over.length;
    if (list.dataset.text === text) return;
    list.dataset.text = text;
    list.replaceChildren(...over.map((tile) => {
      const wounds = woundButtons(tile.stored?.wound_score ?? tile.own.wound, (score) => does.wound(tile, score));
      const apart = isAlarming(tile) ? button("Moved", () => moved(tile), { className: "btn btn-primary", ariaLabel: `${tile.mouse} moved` }) : make("span", { className: "rack-apart", textContent: "✓ apart" });
      return make("li", {}, make("strong", { textContent: `Cage ${tile.label}` }), ` ${tile.mouse} beside ${tile.stored?.aggressor ?? rack.aggressorOf(tile)} `, make("span", { className: "rack-wounds", role: "group", ariaLabel: `Wounds of ${tile.mouse}` }, "wounds ", ...wounds), apart);
    }));
  }

  function drawPairs() {
    find("controls").hidden = !rack.pairs.length;
    find("controls-list").replaceChildren(...rack.pairs.map((pair) => {
      const [one, other] = pair.mice;
      const words = other ? `${one} beside ${other}${pair.is_again ? " (again: there is no new partner)" : ""} ` : `${one} stays alone `;
      const done = make("span", { className: "rack-apart", textContent: pair.is_stored ? "✓ moved" : "" });
      const act = button("Moved", () => movePair(pair), { className: "btn btn-primary", ariaLabel: `${one} and ${other} moved` });
      return make("li", {}, words, other && !pair.is_stored && rack.may_enter ? act : done);
    }));
  }

  function movePair(pair) {
    if (pair.is_stored) return;
    pair.is_stored = true;
    const performed_at = labdb.clock.now().toISOString();
    const reason = pair.is_again ? "every control has met all others" : "";
    for (const [mouse, partner] of [pair.mice, [...pair.mice].reverse()]) {
      labdb.outbox.send({ record: "control-rotations", values: { study: rack.study, mouse, day: rack.day, performed_at, partner }, label: `${mouse} beside ${partner}`, ...(reason ? { reason } : {}) });
    }
    drawPairs();
  }

  function draw() {
    const now = rack.nowMs();
    for (const tile of rack.tiles) drawTile(tile, now);
    drawNext(now);
    drawContact();
  }

  // ---- the clock ----

  function tick() {
    const lastSeen = rack.look();
    const now = rack.nowMs();
    for (const tile of rack.tiles) {
      const phase = rack.phase(tile, now);
      if (phase === "running" && last.get(tile.mouse) === "scheduled") labdb.sound("start");
      if (phase !== "over" || !rack.may_enter) continue;
      if (rack.endedUnseen(tile, lastSeen, now)) {
        tile.own.isAsked = true;
        rack.save();
        labdb.sound("end");
      } else send(tile);
    }
    draw();
  }

  // ---- what the server says ----

  document.addEventListener("labdb:entry", (event) => {
    const { key, state, entry, answer } = event.detail;
    const tile = rack.tiles.find((one) => one.own.key === key) ?? keys.get(key);
    if (!tile) return;
    if (tile.own.key === key) {
      if (state === "undone" || state === "discarded") { forgetEntry(tile); return; }
      tile.own.entry = state;
      rack.save();
    }
    if (state === "stored") takeStored(tile, entry, answer);
    draw();
  });

  function takeStored(tile, entry, answer) {
    const { values } = entry;
    const before = tile.stored ?? { aggressor: values.aggressor, attacks: values.attacks, latency_s: values.attack_latency_s === "" ? null : values.attack_latency_s, wound_score: tile.own.wound ?? null, by: "" };
    tile.stored = { ...before, id: answer.id, version: answer.version, url: answer.url };
    if ("attacks" in values) tile.stored.attacks = values.attacks;
  }

  async function askServer() {
    let said;
    try {
      const answer = await fetch(rack.stored_url, { cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok || !answer.headers.get("Content-Type")?.includes("json")) return;
      said = await answer.json();
    } catch {
      return; // no network: what is known here has to do
    }
    labdb.clock.told(said.now);
    const isBusy = labdb.outbox.status().waiting.length > 0;
    for (const tile of rack.tiles) if (!isBusy) tile.stored = said.bouts[tile.mouse] ?? null;
    for (const pair of said.pairs) for (const own of rack.pairs) if (pair.every((mouse) => own.mice.includes(mouse))) own.is_stored = true;
    drawPairs();
    draw();
  }

  function sayOtherDate() {
    const today = labdb.clock.day(labdb.clock.now());
    const note = find("other-date");
    note.hidden = !rack.date || rack.date === today;
    put(note, note.hidden ? "" : `Day ${rack.day} is the ${rack.date}; today is the ${today}.`);
  }

  document.addEventListener("DOMContentLoaded", () => {
    place.replaceChildren(...rack.tiles.map(makeTile));
    find("start-all").addEventListener("click", () => { rack.startAll(); draw(); });
    find("hold").addEventListener("click", () => { rack.hold(); draw(); });
    sayOtherDate();
    drawPairs();
    tick();
    setInterval(tick, TICK_MS);
    setInterval(askServer, ASK_MS);
    for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, askServer);
  });
})();
