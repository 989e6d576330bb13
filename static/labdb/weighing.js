// A round of weighing: the balance types a mass and Enter, the page keeps it, sounds, and shows the next mouse.
(() => {
  "use strict";
  const labdb = window.labdb;
  const sheet = JSON.parse(document.getElementById("weighing-sheet").textContent);
  const { mice, rule, welfare } = sheet;
  const place = (name) => document.querySelector(`[data-weighing="${name}"]`);
  const input = place("mass");
  const DAY_MS = 86_400_000;
  const byKey = new Map(); // key of an entry -> { mouse, before }: what it said, and what stood there before it
  const rows = new Map();
  let current = null;

  // ---- what a mass says ----

  const grams = (mass) => `${mass} g`;
  const dayOf = (at) => labdb.clock.day(Date.parse(at));
  const percentOf = (mouse, mass) => (mouse.baseline ? (100 * mass) / mouse.baseline.g : null);
  const seriesOf = (mouse) => [...mouse.curve, ...(mouse.present ? [[mouse.present.at, mouse.present.g]] : [])];

  // The server asks the same (labdb/colony/body_mass.py); asked here too, while the mouse is on the balance.
  function suddenChange(mouse, mass) {
    if (!mouse.previous) return "";
    const days = Math.max((labdb.clock.now() - Date.parse(mouse.previous.at)) / DAY_MS, 1);
    const percent = (100 * (mass - mouse.previous.g)) / mouse.previous.g;
    if (Math.abs(percent) <= Math.min(rule.jump_percent * days, rule.most_percent)) return "";
    return `${mouse.code} weighed ${grams(mouse.previous.g)} on ${dayOf(mouse.previous.at)}; ${grams(mass)} is ${Math.abs(percent).toFixed(0)} % ${percent > 0 ? "more" : "less"}.`;
  }

  // By the thresholds that the server worked out (labdb/colony/mass_loss.py): the page must know them without a network.
  function alertOf(mouse) {
    if (!mouse.present) return null;
    const { g } = mouse.present;
    if (mouse.endpoint_g !== null && g <= mouse.endpoint_g) {
      return { finding: welfare.limit, sentence: `${grams(g)}, ${percentOf(mouse, g).toFixed(0)} % of its baseline (${grams(mouse.baseline.g)} on ${mouse.baseline.day})` };
    }
    const isFall = mouse.fell.length && g < mouse.fell.at(-1);
    return isFall ? { finding: welfare.falling, sentence: `${rule.falls} falls in a row: ${[...mouse.fell, g].join(", ")} g` } : null;
  }

  // ---- the list ----

  function stateOf(mouse) {
    if (mouse.died) return "died";
    if (mouse.trouble) return "trouble";
    if (mouse.present) return alertOf(mouse) && !mouse.checks ? "alert" : "done";
    return mouse.skipped ? "skipped" : "left";
  }

  const WORDS = { died: "died", trouble: "look here", alert: "decide", done: "✓", skipped: "skipped", left: "" };

  function span(className, words) {
    const element = document.createElement("span");
    element.className = className;
    element.textContent = words;
    return element;
  }

  function showRow(mouse) {
    const row = rows.get(mouse);
    const state = stateOf(mouse);
    const percent = mouse.present && percentOf(mouse, mouse.present.g);
    row.dataset.state = state;
    row.setAttribute("aria-current", String(mouse === current));
    row.disabled = state === "died";
    row.replaceChildren(
      span("row-place", mouse.place || "—"),
      span("row-code", mouse.code),
      span("row-previous", mouse.previous ? grams(mouse.previous.g) : ""),
      span("row-mass", mouse.present ? grams(mouse.present.g) : ""),
      span("row-percent", percent ? `${percent.toFixed(0)} %` : ""),
      span("row-state", WORDS[state] + (mouse.excluded ? " excluded" : "")),
    );
  }

  function showCount() {
    const alive = mice.filter((mouse) => !mouse.died);
    const done = alive.filter((mouse) => mouse.present).length;
    const skipped = alive.filter((mouse) => stateOf(mouse) === "skipped").length;
    place("count").textContent = `${done} of ${alive.length} weighed${skipped ? `, ${skipped} skipped` : ""}`;
    labdb.showProgress(place("progress"), done, alive.length);
  }

  // ---- the mouse on the balance ----

  function select(mouse) {
    const before = current;
    current = mouse;
    if (mouse) mouse.elsewhere = null;
    for (const one of [before, mouse]) if (one) showRow(one);
    place("now").hidden = !mouse;
    place("finished").hidden = Boolean(mouse);
    if (!mouse) showEnd();
    else showCurrent();
    input.value = "";
    input.focus();
  }

  function showCurrent() {
    const mouse = current;
    place("code").textContent = mouse.code;
    place("place").textContent = [mouse.place, ...mouse.marks.filter((mark) => mark !== mouse.code)].filter(Boolean).join(" · ");
    place("previous").textContent = mouse.previous ? `${grams(mouse.previous.g)} on ${dayOf(mouse.previous.at)}` : "not weighed before";
    place("baseline").textContent = mouse.baseline ? `${grams(mouse.baseline.g)} on ${mouse.baseline.day}` : "none yet";
    const shown = mouse.present?.g ?? mouse.previous?.g;
    const percent = shown === undefined ? null : percentOf(mouse, shown);
    place("percent").textContent = percent === null ? "—" : `${percent.toFixed(0)} %`;
    showPresent();
    labdb.drawCurve(place("curve"), seriesOf(mouse), mouse.baseline?.g, mouse.endpoint_g);
    say(mouse.trouble ?? "");
    rows.get(mouse).scrollIntoView({ block: "nearest" });
  }

  function showPresent() {
    const { present } = current;
    const who = present?.by ? ` by ${present.by}` : "";
    place("present").hidden = !present;
    place("present").textContent = present ? `Weighed ${grams(present.g)} today${who}; another mass corrects it.` : "";
    place("decision").hidden = stateOf(current) !== "alert";
  }

  function showEnd() {
    const skipped = mice.filter((mouse) => stateOf(mouse) === "skipped");
    place("end").textContent = skipped.length ? `All but ${skipped.length} weighed: ${skipped.map((mouse) => mouse.code).join(", ")} skipped. Tap one to weigh it.` : "All weighed.";
    say("");
  }

  function next() {
    select(labdb.nextLeft(mice, current, (mouse) => stateOf(mouse) === "left"));
  }

  function say(sentence) {
    place("says").textContent = sentence;
  }

  function wrong(sentence) {
    say(sentence);
    labdb.sound("wrong");
    input.select();
  }

  // ---- a mass is taken ----

  function typed(text) {
    const read = labdb.readBalance(text, mice, sheet.study);
    if (read.problem) wrong(read.problem);
    else if (read.either) askEither(read.either);
    else if (read.mouse) pick(read.mouse);
    else takeMass(read.mass);
  }

  function pick(mouse) {
    if (mouse.died) wrong(`${mouse.code} died on ${mouse.died}.`);
    else select(mouse);
  }

  function takeMass(mass) {
    if (!current) wrong("No mouse is chosen; tap one, or scan its code.");
    else if (current.elsewhere) askTwice(current, mass);
    else {
      const question = suddenChange(current, mass);
      if (question) askSudden(current, question, (reason) => store(current, mass, reason));
      else store(current, mass);
    }
  }

  function store(mouse, mass, reason = "") {
    const before = mouse.present;
    const label = `${mouse.code} ${grams(mass)}`;
    const key = before ? corrected(mouse, mass, reason, label) : labdb.outbox.send({
      record: sheet.record, reason, label,
      values: { mouse_id: mouse.id, performed_at: labdb.clock.now().toISOString(), body_mass_g: mass },
    });
    const isAmended = key === before?.key;
    byKey.set(key, { mouse, before: isAmended ? byKey.get(key)?.before ?? null : before });
    mouse.present = { ...(before ?? { at: labdb.clock.now().toISOString() }), g: mass, key: before?.key ?? key, last: key };
    mouse.trouble = undefined;
    mouse.touched = performance.now();
    labdb.sound("saved");
    labdb.outbox.offerUndo(key, `Saved ${label}`, () => takeBack(mouse, key, before, isAmended));
    showRow(mouse);
    showCount();
    decideOrNext(mouse);
  }

  // A mass that this page sent is corrected by its key, wherever the entry is; another one by its row.
  function corrected(mouse, mass, reason, label) {
    const { key, id, version } = mouse.present;
    if (key) return labdb.outbox.correct(key, { body_mass_g: mass }, { reason, label });
    return labdb.outbox.send({ record: sheet.record, action: "change", id, version, reason, label, values: { body_mass_g: mass } });
  }

  function takeBack(mouse, key, before, isAmended) {
    if (isAmended) labdb.outbox.correct(key, { body_mass_g: before.g }, { label: `${mouse.code} ${grams(before.g)}` });
    else labdb.outbox.undo(key);
    mouse.present = before;
    mouse.touched = performance.now();
    showRow(mouse);
    showCount();
    select(mouse);
  }

  function decideOrNext(mouse) {
    const found = alertOf(mouse);
    if (found && !mouse.checks) decide(mouse, found);
    else next();
  }

  // ---- questions ----

  function ask(dialog) {
    labdb.sound("alert");
    dialog.showModal();
  }

  function askSudden(mouse, question, accept) {
    const dialog = place("sudden");
    dialog.querySelector("[data-question]").textContent = question;
    const reason = dialog.querySelector("input");
    reason.value = "";
    dialog.onsubmit = (event) => {
      event.preventDefault();
      if (!reason.value.trim()) { reason.focus(); return; }
      dialog.close();
      accept(reason.value.trim());
    };
    dialog.querySelector("[data-again]").onclick = () => { dialog.close(); select(mouse); };
    ask(dialog);
    dialog.querySelector("[data-again]").focus();
  }

  function askEither({ mass, mouse }) {
    const dialog = place("either");
    dialog.querySelector("[data-as-mass]").textContent = grams(mass);
    dialog.querySelector("[data-as-mouse]").textContent = `mouse ${mouse.code}`;
    dialog.querySelector("[data-as-mass]").onclick = () => { dialog.close(); takeMass(mass); };
    dialog.querySelector("[data-as-mouse]").onclick = () => { dialog.close(); pick(mouse); };
    ask(dialog);
  }

  function askTwice(mouse, mass) {
    const dialog = place("twice");
    const { g, at, by } = mouse.elsewhere;
    dialog.querySelector("[data-question]").textContent = `Another tablet saved ${grams(g)} for ${mouse.code} at ${labdb.clock.time(Date.parse(at))}${by ? `, by ${by}` : ""}.`;
    dialog.querySelector("[data-keep]").textContent = `Keep ${grams(g)}`;
    dialog.querySelector("[data-correct]").textContent = `Correct it to ${grams(mass)}`;
    dialog.querySelector("[data-keep]").onclick = () => { dialog.close(); next(); };
    dialog.querySelector("[data-correct]").onclick = () => { dialog.close(); mouse.elsewhere = null; takeMass(mass); };
    ask(dialog);
  }

  function decide(mouse, { finding, sentence }) {
    const dialog = place("decide");
    dialog.querySelector("h2").textContent = `${mouse.code} needs a decision`;
    dialog.querySelector("[data-question]").textContent = `${sentence}. ${finding === welfare.limit ? `The limit is ${rule.endpoint_percent} %.` : ""}`;
    const words = dialog.querySelector("input[name=action_detail]");
    words.value = "";
    for (const button of dialog.querySelectorAll("button[name=action]")) {
      button.onclick = () => {
        labdb.outbox.send({
          record: welfare.resource,
          label: `${mouse.code}: ${button.textContent.trim()}`,
          values: {
            mouse_id: mouse.id, performed_at: labdb.clock.now().toISOString(), finding, finding_detail: sentence,
            action: button.value, action_detail: words.value.trim(),
          },
        });
        mouse.checks += 1;
        dialog.close();
        showRow(mouse);
        next();
      };
    }
    dialog.querySelector("[data-later]").onclick = () => { dialog.close(); next(); };
    ask(dialog);
  }

  // ---- what the server says later ----

  document.addEventListener("labdb:entry", ({ detail: { key, state, answer } }) => {
    const sent = byKey.get(key);
    if (!sent) return;
    const { mouse, before } = sent;
    mouse.touched = performance.now();
    if (state === "stored" || state === "waiting") mouse.trouble = undefined;
    else if (state === "discarded") { mouse.present = before; mouse.trouble = undefined; }
    else if (state !== "undone") mouse.trouble = Object.values(answer.errors).flat().join(" ");
    showRow(mouse);
    showCount();
    const isFree = !input.value && !document.querySelector("dialog[open]");
    if (state === "needs_reason" && isFree) askReason(mouse, key, before);
    else if (state === "refused" && isFree) {
      const { trouble } = mouse;
      labdb.outbox.discard(key);
      select(mouse);
      wrong(trouble);
    }
  });

  function askReason(mouse, key, before) {
    select(mouse);
    askSudden(mouse, mouse.trouble, (reason) => { labdb.outbox.correct(key, {}, { reason }); decideOrNext(mouse); });
    place("sudden").querySelector("[data-again]").onclick = () => {
      place("sudden").close();
      labdb.outbox.discard(key);
      mouse.present = before;
      select(mouse);
    };
  }

  // ---- what other tablets saved ----

  // The current mouse stays, and so does what is typed: the next mass of the balance may be on its way already.
  function takeOthers({ day, masses }, asked) {
    if (day !== sheet.day) return; // this page is of another day
    for (const mouse of labdb.untouchedSince(mice, asked, (key) => byKey.get(key)?.mouse)) takeTheirs(mouse, masses[mouse.id] ?? null);
    showCount();
  }

  function takeTheirs(mouse, theirs) {
    mouse.checks = Math.max(mouse.checks, theirs?.checks ?? 0);
    const isKnown = mouse.present?.g === theirs?.g;
    if (isKnown && mouse.present?.key) return; // ours, and nobody changed it
    mouse.present = theirs;
    if (!isKnown && mouse === current) {
      mouse.elsewhere = theirs;
      showPresent();
      if (theirs) say(`${mouse.code} was weighed on another tablet: ${grams(theirs.g)}.`);
    }
    showRow(mouse);
  }

  // ---- the page ----

  // What was entered before a reload and still waits is on the sheet already.
  function takeUpWaiting() {
    const { waiting, held } = labdb.outbox.status();
    for (const { entry, state, answer } of [...waiting, ...held]) {
      const mouse = mice.find((one) => one.id === entry.values?.mouse_id);
      if (entry.record !== sheet.record || !mouse) continue;
      byKey.set(entry.key, { mouse, before: mouse.present });
      mouse.present = { g: Number(entry.values.body_mass_g), at: entry.values.performed_at, key: entry.key, last: entry.key };
      if (state !== "waiting") mouse.trouble = Object.values(answer.errors).flat().join(" ");
    }
  }

  takeUpWaiting();
  for (const mouse of mice) {
    const row = document.createElement("button");
    row.type = "button";
    row.className = "weighing-row";
    row.addEventListener("click", () => select(mouse));
    rows.set(mouse, row);
    const entry = document.createElement("li");
    entry.append(row);
    place("list").append(entry);
    showRow(mouse);
  }
  place("form").addEventListener("submit", (event) => { event.preventDefault(); typed(input.value); });
  place("skip").addEventListener("click", () => {
    const left = current;
    if (!left.present) left.skipped = true;
    next();
    showRow(left);
    showCount();
  });
  place("decision").addEventListener("click", () => { const found = current && alertOf(current); if (found) decide(current, found); });
  input.addEventListener("input", () => say(""));
  labdb.typeInto(input);
  showCount();
  next();
  labdb.watchOthers(sheet.stored_url, takeOthers);
})();
