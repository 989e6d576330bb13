// A day of SI tests: the mouse in hand with its times, ratio and class, and the order of the day.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.siDay;
  if (!day) return;
  const { make, put } = labdb;
  const { siMenu, siSend, siTurn } = labdb;
  const find = (name) => document.querySelector(`[data-si="${name}"]`);
  const inputs = new Map(day.TIMES.map((name) => [name, document.querySelector(`[data-time="${name}"]`)]));
  const TRIALS = ["absent", "present"];
  const TICK_MS = 250;
  const ASK_MS = 15_000; // what other tablets stored
  const PAUSE_MS = 250; // before the class is asked for
  const WORDS = {
    died: "died", trouble: "look here", excluded: "excluded", done: "✓", skipped: "skipped", stopped: "stopped",
    running: "in the arena", left: "",
  };
  const rows = new Map();
  let current = null;
  let asking = null; // the pause before the class is asked for
  let asked = ""; // what it was asked for

  const two = (number) => (Math.round(100 * number) / 100).toFixed(2);

  // ---- the list ----

  function draftWords(mouse) {
    const times = day.timesOf(mouse);
    const has = (trial) => times[`iz_${trial}_s`].value !== null && times[`iz_${trial}_s`].value !== undefined;
    if (has("absent") && has("present")) return "not saved";
    return has("absent") ? "absent done" : has("present") ? "present done" : "times missing";
  }

  function rowWords(mouse, state) {
    if (state === "draft") return draftWords(mouse);
    if (state === "running" && day.isTyped(mouse)) return `${WORDS.running}, ${draftWords(mouse)}`;
    return WORDS[state];
  }

  function ratioOf(mouse) {
    const { iz_absent_s: absent, iz_present_s: present } = day.timesOf(mouse);
    return absent.value > 0 && present.value !== null && present.value !== undefined ? present.value / absent.value : null;
  }

  function drawRow(mouse, now = day.nowMs()) {
    const row = rows.get(mouse);
    const state = day.stateOf(mouse, now);
    const ratio = ratioOf(mouse);
    const words = [mouse.order ?? "", mouse.code, mouse.arena, ratio === null ? "" : two(ratio), rowWords(mouse, state)];
    row.dataset.state = state;
    row.setAttribute("aria-current", String(mouse === current));
    if (row.dataset.words === words.join("|")) return;
    row.dataset.words = words.join("|");
    const names = ["order", "code", "arena", "ratio", "state"];
    row.replaceChildren(...words.map((text, at) => make("span", { className: `row-${names[at]}`, textContent: String(text) })));
  }

  function drawCount() {
    const alive = day.mice.filter((mouse) => !mouse.died || day.isTested(mouse));
    const done = alive.filter((mouse) => day.isTested(mouse)).length;
    const left = alive.filter((mouse) => ["skipped", "stopped"].includes(day.stateOf(mouse))).length;
    put(find("count"), `${done} of ${alive.length} tested${left ? `, ${left} skipped or stopped` : ""}`);
    find("progress").max = Math.max(alive.length, 1);
    find("progress").value = done;
  }

  function changed(mouse) {
    drawRow(mouse);
    drawCount();
    if (mouse === current) showFacts();
  }

  // ---- the mouse in hand ----

  function select(mouse) {
    const before = current;
    current = mouse;
    find("now").hidden = !mouse;
    find("end").hidden = Boolean(mouse);
    for (const one of [before, mouse]) if (one) drawRow(one);
    if (!mouse) { showEnd(); return; }
    put(find("code"), mouse.code);
    put(find("place"), mouse.place);
    for (const [name, input] of inputs) input.value = day.textOf(mouse, name);
    find("estrous").hidden = !mouse.is_female;
    showFacts();
    showTimes();
    say(mouse.trouble ?? "");
    siTurn.show(mouse);
    rows.get(mouse).scrollIntoView({ block: "nearest" });
  }

  function showEnd() {
    const open = day.mice.filter((mouse) => !day.isTested(mouse) && !mouse.died).map((mouse) => `${mouse.code} ${day.stateOf(mouse)}`);
    put(find("end"), open.length ? `All others are tested; ${open.join(", ")}. Tap one to test it after all.` : "All mice of the day are tested.");
  }

  function showFacts() {
    const mouse = current;
    const target = day.targetOf(mouse);
    const start = day.startOf(mouse);
    const gap = day.gapMin(mouse);
    put(find("order"), mouse.order === null ? "—" : `${mouse.order} of ${day.mice.length}`);
    put(find("arena"), mouse.arena || "—");
    put(find("target"), target ? `${target}, ${siTurn.used(day.usesOf(target, mouse))}` : "—");
    put(find("hour"), start === undefined ? "—" : `hour ${day.lightHour(start).toFixed(1)}`);
    put(find("gap"), gap === null ? "—" : `${gap.toFixed(1)} min`);
    const started = find("started");
    if (document.activeElement !== started) started.value = start === undefined ? "" : labdb.clock.time(start);
    const warning = warningOf(mouse, target);
    find("warning").hidden = !warning;
    put(find("warning"), warning);
    const stage = siSend.stageOf(mouse);
    for (const button of document.querySelectorAll("[data-stage]")) button.setAttribute("aria-pressed", String(button.dataset.stage === stage));
    showButtons(mouse);
  }

  function warningOf(mouse, target) {
    if (mouse.died) return `${mouse.code} died on ${mouse.died}.`;
    const state = day.stateOf(mouse);
    if (state === "skipped" || state === "stopped") return `${state}: ${mouse.planned.reason}`;
    if (state === "excluded") return `excluded: ${mouse.stored?.exclusion || mouse.own.exclusion}`;
    if (mouse.stored && mouse.own.texts && !mouse.own.key && mouse.own.version === undefined) {
      return `${mouse.stored.by || "Somebody"} stored ${mouse.stored.iz_present_s} s with and ${mouse.stored.iz_absent_s} s without target meanwhile; saving replaces it.`;
    }
    return target in mouse.met ? `${mouse.code} met ${target} on day ${mouse.met[target]}: choose another target.` : "";
  }

  function showButtons(mouse) {
    if (!day.may_enter) return;
    const isTested = day.isTested(mouse);
    put(find("save"), isTested ? "Save the correction" : "Save");
    find("skip").hidden = isTested || !mouse.planned;
    find("stop").hidden = !mouse.planned && !isTested;
    put(find("stop"), isTested ? "Exclude" : "Stop or exclude");
    find("other-target").hidden = isTested && !day.inTest(mouse, day.nowMs());
    find("repeat").hidden = !isTested && day.startOf(mouse) === undefined && !day.isTyped(mouse);
  }

  // ---- times, ratio, class ----

  function showTimes() {
    for (const trial of TRIALS) {
      const problem = day.problemOf(current, trial);
      put(document.querySelector(`[data-says="${trial}"]`), problem);
      for (const zone of ["iz", "corner"]) {
        const input = inputs.get(`${zone}_${trial}_s`);
        input.classList.toggle("is-invalid", Boolean(problem) && Boolean(input.value.trim()));
        input.setAttribute("aria-invalid", String(Boolean(problem)));
      }
    }
    const { iz_absent_s: absent, iz_present_s: present } = day.timesOf(current);
    const ratio = ratioOf(current);
    const shown = (one) => (one.value === null || one.value === undefined ? "…" : `${one.value} s`);
    const isUndefined = absent.value === 0 && present.value !== null && present.value !== undefined;
    put(find("ratio"), isUndefined ? "No SI ratio" : `SI ratio ${ratio === null ? "—" : two(ratio)}`);
    put(find("formula"), isUndefined ? "0 s in the zone without target: there is nothing to divide by." : `= ${shown(present)} with target / ${shown(absent)} without`);
    askClass();
  }

  function askClass() {
    clearTimeout(asking);
    const mouse = current;
    if (!mouse.is_called || !day.isWhole(mouse)) {
      asked = "";
      put(find("class"), mouse.is_called ? "" : "Not classified: only defeated mice are.");
      return;
    }
    const times = day.timesOf(mouse);
    const query = new URLSearchParams({ mouse: mouse.id, test_number: day.test_number, trial_s: day.trial_s });
    for (const name of day.TIMES) if (times[name].value !== null) query.set(name, times[name].value);
    if (asked === query.toString()) return;
    asked = query.toString();
    put(find("class"), "…");
    asking = setTimeout(() => tellClass(asked), PAUSE_MS);
  }

  async function tellClass(query) {
    let said;
    try {
      const answer = await fetch(`${day.class_url}?${query}`, { cache: "no-store", headers: { Accept: "application/json" } });
      const body = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
      said = body?.sentence ? `${body.sentence}${body.rule ? ` (rule ${body.rule})` : ""}` : (body?.__all__ ?? ["The class could not be asked for; sign in again."]).join(" ");
    } catch {
      said = "No network: the class is shown when it is back.";
    }
    if (asked !== query) return;
    put(find("class"), said);
    if (said.startsWith("No network")) asked = "";
  }

  function typed(name) {
    const mouse = current;
    mouse.own.texts ??= Object.fromEntries(day.TIMES.map((one) => [one, day.textOf(mouse, one)]));
    mouse.own.texts[name] = inputs.get(name).value;
    if (mouse.stored) mouse.own.version ??= mouse.stored.version;
    day.save();
    say("");
    showTimes();
    drawRow(mouse);
    showButtons(mouse);
  }

  function startedTyped() {
    const text = find("started").value.trim();
    if (!text || !current) return;
    const parts = /^(\d{1,2})[:.]?(\d\d)(?:[:.]?(\d\d))?$/.exec(text);
    if (!parts || Number(parts[1]) > 23 || Number(parts[2]) > 59 || Number(parts[3] ?? 0) > 59) {
      say(`${text} is not a time of day; enter it as 14:05 or 14:05:30.`);
      return;
    }
    const start = day.instantOf(`${parts[1].padStart(2, "0")}:${parts[2]}:${parts[3] ?? "00"}`);
    if (start > day.nowMs()) { say(`${text} is still to come; enter when trial 1 started.`); return; }
    const shift = current.own.t1 === undefined ? null : start - current.own.t1;
    current.own.t1 = start;
    if (shift !== null && current.own.t2 !== undefined) current.own.t2 = Math.max(current.own.t2, start);
    day.save();
    say("");
    showFacts();
  }

  // ---- saving ----

  function say(sentence) {
    put(find("says"), sentence);
  }

  function wrong(sentence, field) {
    say(sentence);
    labdb.sound("wrong");
    field?.focus();
  }

  function save() {
    const mouse = current;
    const problem = TRIALS.map((trial) => day.problemOf(mouse, trial)).find(Boolean);
    if (problem) { wrong("Correct the times first.", document.querySelector("input.is-invalid")); return; }
    if (mouse.died && !mouse.stored) { wrong(`${mouse.code} died on ${mouse.died}.`); return; }
    const missing = ["iz_absent_s", "iz_present_s"].find((name) => day.timesOf(mouse)[name].value === null);
    if (missing) { wrong("A test needs the time in the zone of both trials. What is typed stays on this tablet until the other is there.", inputs.get(missing)); return; }
    if (day.startOf(mouse) === undefined && !mouse.stored) { wrong("Enter when trial 1 started; the timer was not used.", find("started")); return; }
    siSend.storeTest(mouse);
    labdb.sound("saved");
    changed(mouse);
    next();
  }

  function next() {
    const now = day.nowMs();
    const open = (mouse) => ["draft", "running", "left"].includes(day.stateOf(mouse, now));
    const after = current ? day.mice.indexOf(current) + 1 : 0;
    const inTurn = [...day.mice.slice(after), ...day.mice.slice(0, after)];
    const same = current ? inTurn.find((mouse) => mouse !== current && mouse.turn === current.turn && open(mouse)) : null;
    select(same ?? inTurn.find(open) ?? null);
  }

  // Enter goes from field to field, and saves from the last.
  function entered(event) {
    if (event.key !== "Enter" || !event.target.matches("[data-time]")) return;
    event.preventDefault();
    const fields = [...inputs.values()];
    const at = fields.indexOf(event.target);
    if (at === fields.length - 1) save();
    else fields[at + 1].focus();
  }

  // ---- what others stored ----

  async function askServer() {
    if (document.hidden) return;
    const before = siSend.heard();
    let said;
    try {
      const answer = await fetch(day.stored_url, { cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok || !answer.headers.get("Content-Type")?.includes("json")) return;
      said = await answer.json();
    } catch {
      return; // no network: what is known here has to do
    }
    if (siSend.heard() !== before) return;
    labdb.clock.told(said.now);
    find("replaced").hidden = said.plan === day.plan;
    put(find("replaced"), said.plan === day.plan ? "" : `Plan ${said.plan} replaced this one: reload the page.`);
    siSend.takeStored(said);
    if (current && !current.own.texts) for (const [name, input] of inputs) if (document.activeElement !== input) input.value = day.textOf(current, name);
    siTurn.draw();
  }

  function sayOtherDate() {
    const today = labdb.clock.day(labdb.clock.now());
    find("other-date").hidden = day.date === today;
    put(find("other-date"), day.date === today ? "" : `These tests are planned for the ${day.date}; today is the ${today}.`);
  }

  // ---- the page ----

  function makeRow(mouse) {
    const row = make("button", { type: "button", className: "si-row" });
    row.addEventListener("click", () => select(mouse));
    rows.set(mouse, row);
    find("list").append(make("li", {}, row));
    drawRow(mouse);
  }

  function tick() {
    const now = day.nowMs();
    siTurn.draw(now);
    for (const mouse of day.mice) if (day.inTest(mouse, now) || rows.get(mouse).dataset.state === "running") drawRow(mouse, now);
  }

  const follow = (mouse) => { changed(mouse); if (mouse === current) select(mouse); };
  const onwards = () => { changed(current); next(); };
  document.addEventListener("labdb:si-pick", ({ detail }) => select(detail));
  document.addEventListener("labdb:si-mouse", ({ detail: mouse }) => {
    changed(mouse);
    if (mouse !== current) return;
    if (!find("form").contains(document.activeElement) || !mouse.own.texts) select(mouse);
    if (mouse.trouble) say(mouse.trouble);
  });
  for (const [name, input] of inputs) input.addEventListener("input", () => typed(name));
  find("started").addEventListener("change", startedTyped);
  find("form").addEventListener("keydown", entered);
  find("form").addEventListener("submit", (event) => { event.preventDefault(); if (current && day.may_enter) save(); });
  for (const button of document.querySelectorAll("[data-stage]")) {
    button.addEventListener("click", () => {
      current.own.stage = siSend.stageOf(current) === button.dataset.stage ? "" : button.dataset.stage;
      day.save();
      showFacts();
    });
  }
  if (day.may_enter) {
    find("skip").addEventListener("click", () => siMenu.skip(current, onwards));
    find("stop").addEventListener("click", () => siMenu.stop(current, onwards));
    find("repeat").addEventListener("click", () => siMenu.repeat(current, follow));
    find("other-target").addEventListener("click", () => siMenu.otherTarget(current, follow));
  }
  day.mice.forEach(makeRow);
  drawCount();
  sayOtherDate();
  next();
  setInterval(tick, TICK_MS);
  setInterval(askServer, ASK_MS);
  for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, () => { if (current) showTimes(); askServer(); });
})();
