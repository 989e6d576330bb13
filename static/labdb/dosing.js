// A round of dosing: the syringe is scanned and checked against the mouse, the dose is given, and the next mouse comes.
(() => {
  "use strict";
  const labdb = window.labdb;
  const round = JSON.parse(document.getElementById("dosing-round").textContent);
  const { doses } = round;
  const place = (name) => document.querySelector(`[data-dosing="${name}"]`);
  const input = place("scan");
  const byKey = new Map(); // key of an entry -> { dose, before } or, of a mass, { dose, massBefore }
  const rows = new Map();
  const DONE = { given: "given", partial: "in part", missed: "missed" };
  let current = null;

  const volumeOf = (dose) => labdb.doseVolume(dose, round.step_ml);
  const spelledMl = (ml) => (ml === null || ml === undefined ? "? ml" : `${Number(ml.toFixed(3))} ml`);
  const clockOf = (at) => labdb.clock.time(Date.parse(at)).slice(0, 5);
  const isDone = (dose) => dose.stored.status !== "planned";
  const isToGive = (dose) => !isDone(dose) && !dose.died;
  const sentencesOf = (answer) => Object.values(answer.errors).flat().join(" ");

  // ---- the list ----

  function stateOf(dose) {
    if (dose.trouble) return "trouble";
    if (isDone(dose)) return dose.stored.status;
    if (dose.died) return "died";
    return dose.skipped ? "skipped" : "left";
  }

  function wordsOf(dose) {
    const state = stateOf(dose);
    if (state === "given") return `✓ ${dose.stored.at ? clockOf(dose.stored.at) : ""}`;
    if (state in DONE) return DONE[state];
    return { trouble: "look here", died: "died", skipped: "skipped" }[state] ?? `due ${clockOf(dose.due)}`;
  }

  const span = (className, textContent) => labdb.make("span", { className, textContent });

  function showRow(dose) {
    const row = rows.get(dose);
    const ml = isDone(dose) ? dose.stored.ml : volumeOf(dose);
    row.dataset.state = stateOf(dose);
    row.setAttribute("aria-current", String(dose === current));
    row.replaceChildren(
      span("row-place", dose.place || "—"),
      span("row-code", dose.mouse.code),
      span("row-syringe", dose.syringe),
      span("row-mass", dose.stored.status === "missed" ? "" : spelledMl(ml)),
      span("row-state", wordsOf(dose) + (dose.excluded ? " excluded" : "")),
    );
  }

  function showCount() {
    const all = doses.filter((dose) => isDone(dose) || !dose.died);
    const done = all.filter(isDone).length;
    labdb.put(place("count"), `${done} of ${all.length} done`);
    labdb.showProgress(place("progress"), done, all.length);
  }

  // ---- the mouse on the table ----

  function select(dose) {
    const before = current;
    current = dose;
    for (const one of [before, dose]) if (one) { one.checked = false; showRow(one); }
    place("now").hidden = !dose;
    place("finished").hidden = Boolean(dose);
    if (dose) showCurrent();
    else showEnd();
    input.value = "";
    input.focus();
  }

  function showCurrent() {
    const dose = current;
    place("code").textContent = dose.mouse.code;
    place("place").textContent = [dose.place, ...dose.mouse.marks.filter((mark) => mark !== dose.mouse.code)].filter(Boolean).join(" · ");
    place("volume").textContent = spelledMl(volumeOf(dose));
    place("route").textContent = dose.route;
    place("per-kg").textContent = dose.ml_per_kg ? `${dose.ml_per_kg} ml/kg` : "not planned";
    place("mass").textContent = dose.mass ? `${dose.mass.g} g, ${ageOf(dose)}` : "not weighed";
    showWarning(dose);
    showPresent(dose);
    showSyringe(dose);
    say(dose.trouble ?? "");
    rows.get(dose).scrollIntoView({ block: "nearest" });
  }

  function ageOf(dose) {
    const hours = labdb.massAgeH(dose, labdb.clock.now());
    if (hours < 1) return "just now";
    return hours < 48 ? `${Math.floor(hours)} h ago` : `${Math.floor(hours / 24)} days ago`;
  }

  function showWarning(dose) {
    const warnings = [];
    if (dose.died) warnings.push(`${dose.mouse.code} died on ${dose.died}.`);
    if (!dose.mass) warnings.push("No mass is known: weigh the mouse and type the mass in grams.");
    else if (labdb.massAgeH(dose, labdb.clock.now()) > round.mass_age_h && !isDone(dose)) warnings.push(`This mass is ${ageOf(dose).replace(" ago", "")} old: weigh the mouse and type its mass, or go on with it.`);
    if (dose.route === "i.p." && dose.ml_per_kg > round.ip_limit_ml_per_kg) warnings.push(`${dose.ml_per_kg} ml/kg is more than the ${round.ip_limit_ml_per_kg} ml/kg of the lab.`);
    place("warning").hidden = !warnings.length;
    labdb.put(place("warning"), warnings.join(" "));
  }

  function showPresent(dose) {
    const { status, ml, at, by, reason } = dose.stored;
    const parts = [ml ? spelledMl(ml) : "", at ? `at ${clockOf(at)}` : "", by ? `by ${by}` : "", reason ? `(${reason})` : ""];
    place("present").hidden = !isDone(dose);
    place("present").textContent = isDone(dose) ? `It is ${DONE[status]} ${parts.filter(Boolean).join(" ")}. What you enter now corrects it.` : "";
  }

  function showSyringe(dose) {
    const mayGive = !dose.died && volumeOf(dose) !== null && (dose.checked || !dose.syringe);
    place("syringe").textContent = dose.syringe || "no code";
    place("syringe").dataset.checked = dose.checked ? "yes" : "";
    place("bottle").textContent = dose.bottle;
    place("bottle").hidden = !dose.bottle;
    place("given").disabled = !mayGive;
    place("given").textContent = mayGive ? `Given ${spelledMl(volumeOf(dose))}` : "Scan the syringe first";
    for (const name of ["partial", "missed"]) place(name).disabled = Boolean(dose.died);
  }

  function showEnd() {
    const left = doses.filter(isToGive);
    place("end").textContent = left.length ? `Done but for ${left.map((dose) => dose.mouse.code).join(", ")}. Tap one to dose it.` : "All doses are done.";
    place("given").disabled = true;
    say("");
  }

  function next() {
    select(labdb.nextLeft(doses, current, (dose) => stateOf(dose) === "left"));
  }

  function say(sentence) {
    place("says").textContent = sentence;
  }

  function wrong(sentence) {
    say(sentence);
    labdb.sound("wrong");
    input.select();
  }

  // ---- what is scanned or typed ----

  function typed(text) {
    if (!text.trim() && current && !place("given").disabled) { give(); return; } // Enter on the checked syringe
    const read = labdb.readDose(text, { doses, study: round.study, current });
    if (read.problem) wrong(read.problem);
    else if (read.checked) check();
    else if (read.dose) select(read.dose);
    else weigh(read.mass);
  }

  function check() {
    if (volumeOf(current) === null) { wrong("Weigh the mouse first: without its mass there is no volume."); return; }
    current.checked = true;
    input.value = "";
    say("");
    showSyringe(current);
    labdb.sound("saved");
    place("given").focus();
  }

  // Read from the balance: stored as a weighing, and what the volume follows from.
  function weigh(mass) {
    if (!current) { wrong("No mouse is chosen; tap one, or scan its code."); return; }
    if (mass < 1 || mass > 100) { wrong(`${mass} g is no mass of a mouse; check the decimal point.`); return; }
    if (!round.weighings) { wrong("Your role may not enter weighings; tell who may."); return; }
    const dose = current;
    const label = `${dose.mouse.code} ${mass} g`;
    const at = labdb.clock.now().toISOString();
    const key = labdb.outbox.send({ record: round.weighings, label, values: { mouse_id: dose.mouse.id, performed_at: at, body_mass_g: mass } });
    byKey.set(key, { dose, massBefore: dose.mass });
    takeMass(dose.mouse.id, { g: mass, at });
    labdb.sound("saved");
    labdb.outbox.offerUndo(key, `Saved ${label}`);
    input.value = "";
    showCurrent();
  }

  function takeMass(mouse, mass) {
    for (const dose of doses.filter((one) => one.mouse.id === mouse)) {
      dose.mass = mass;
      showRow(dose);
    }
  }

  // ---- what became of a dose ----

  function give() {
    const ml = volumeOf(current);
    const reason = current.stored.status === "given" ? current.stored.reason : "";
    store(current, { status: "given", given_at: now(), body_mass_g: current.mass?.g ?? "", volume_ml: ml, reason }, spelledMl(ml));
  }

  const now = () => labdb.clock.now().toISOString();

  function store(dose, values, words, reason = "") {
    const before = dose.stored;
    const label = `${dose.mouse.code} ${words}`;
    const whole = { ...values, performed_by: labdb.bench.person() };
    const key = before.key
      ? labdb.outbox.correct(before.key, whole, { reason, label })
      : labdb.outbox.send({ record: round.record, action: "change", id: dose.id, version: before.version, values: whole, reason, label });
    const isAmended = key === before.key;
    byKey.set(key, { dose, before: isAmended ? byKey.get(key)?.before ?? before : before, values: whole });
    dose.stored = { ...before, status: values.status, at: values.given_at, ml: values.volume_ml === "" ? null : values.volume_ml, reason: values.reason, by: labdb.bench.name(), key: before.key ?? key, values: whole };
    dose.trouble = undefined;
    dose.touched = performance.now();
    labdb.sound("saved");
    labdb.outbox.offerUndo(key, `Saved ${label}`, () => takeBack(dose, key, before, isAmended));
    showRow(dose);
    showCount();
    next();
  }

  function takeBack(dose, key, before, isAmended) {
    if (isAmended) labdb.outbox.correct(key, before.values, { label: `${dose.mouse.code} as before` });
    else labdb.outbox.undo(key);
    dose.stored = before;
    dose.touched = performance.now();
    showRow(dose);
    showCount();
    select(dose);
  }

  // ---- questions ----

  // Ask for a reason, and what else the dialog asks: `accept(reason, dialog)` returns what is still wrong, or nothing.
  function ask(name, question, accept) {
    const dialog = place(`${name}-dialog`);
    const reason = dialog.querySelector("input[id$=reason]");
    const says = dialog.querySelector("[data-dialog-says]");
    (dialog.querySelector("[data-question]") ?? dialog.querySelector("h2")).textContent = question;
    for (const one of dialog.querySelectorAll("input")) one.value = "";
    says.textContent = "";
    dialog.onsubmit = (event) => {
      event.preventDefault();
      const wrongWords = reason.value.trim() ? accept(reason.value.trim(), dialog) : "Say why.";
      says.textContent = wrongWords ?? "";
      if (!wrongWords) dialog.close();
      else if (!reason.value.trim()) reason.focus();
    };
    for (const button of dialog.querySelectorAll("[data-reason]")) button.onclick = () => { reason.value = button.textContent.trim().toLowerCase(); };
    dialog.querySelector("[data-cancel]").onclick = () => dialog.close();
    dialog.showModal();
    return dialog;
  }

  function askPartial() {
    const dose = current;
    const most = volumeOf(dose);
    ask("partial", `${dose.mouse.code}: given in part`, (reason, dialog) => {
      const ml = Number(dialog.querySelector("#partial-ml").value.trim().replace(",", "."));
      if (!(ml > 0) || (most !== null && ml > most)) return `Enter how many ml were given, more than 0${most === null ? "" : ` and at most ${spelledMl(most)}`}.`;
      store(dose, { status: "partial", given_at: now(), body_mass_g: dose.mass?.g ?? "", volume_ml: ml, reason }, `${spelledMl(ml)} in part`);
      return undefined;
    }).querySelector("#partial-ml").focus();
  }

  function askMissed() {
    const dose = current;
    ask("missed", `${dose.mouse.code}: missed`, (reason) => {
      store(dose, { status: "missed", given_at: "", body_mass_g: "", volume_ml: "", reason }, "missed");
      return undefined;
    });
  }

  // ---- what the server says later ----

  document.addEventListener("labdb:entry", ({ detail: { key, state, answer } }) => {
    const sent = byKey.get(key);
    if (!sent) return;
    if ("massBefore" in sent) { massAnswered(sent, state); return; }
    const { dose, before } = sent;
    dose.touched = performance.now();
    if (state === "stored" || state === "undone") dose.trouble = undefined;
    if (answer?.version) { dose.stored.version = answer.version; before.version = answer.version; }
    if (state === "undone" && before.key === undefined) delete dose.stored.key;
    if (state === "waiting") dose.trouble = undefined;
    else if (state === "discarded") { dose.stored = before; dose.trouble = undefined; }
    else if (state !== "stored" && state !== "undone") dose.trouble = sentencesOf(answer);
    showRow(dose);
    showCount();
    const isFree = !input.value && !document.querySelector("dialog[open]");
    if (state === "needs_reason" && isFree) askReason(dose, key);
    else if (state === "refused" && isFree) {
      const { trouble } = dose;
      labdb.outbox.discard(key);
      select(dose);
      wrong(trouble);
    }
  });

  function massAnswered({ dose, massBefore }, state) {
    if (state === "undone" || state === "discarded") takeMass(dose.mouse.id, massBefore);
    if (current && current.mouse.id === dose.mouse.id) showCurrent();
  }

  function askReason(dose, key) {
    const { trouble } = dose;
    labdb.sound("alert");
    const dialog = ask("reason", `${dose.mouse.code}: ${trouble}`, (reason) => { labdb.outbox.correct(key, {}, { reason }); });
    dialog.querySelector("[data-cancel]").onclick = () => {
      dialog.close();
      labdb.outbox.discard(key);
      select(dose);
    };
  }

  // ---- what other tablets saved ----

  function takeOthers({ day, doses: stored, masses }, asked) {
    if (day !== round.day) return;
    for (const dose of labdb.untouchedSince(doses, asked, (key) => byKey.get(key)?.dose)) takeTheirs(dose, stored[dose.id], masses[dose.mouse.id]);
    showCount();
  }

  function takeTheirs(dose, stored, mass) {
    if (mass && (!dose.mass || mass.at > dose.mass.at)) dose.mass = mass;
    if (stored && stored.version !== dose.stored.version) {
      dose.stored = stored;
      if (dose === current && isDone(dose)) say(`${dose.mouse.code} is ${DONE[stored.status]}, entered on another tablet${stored.by ? ` by ${stored.by}` : ""}.`);
    }
    showRow(dose);
    if (dose === current && !input.value) { showPresent(dose); showWarning(dose); }
  }

  // ---- the page ----

  // What was entered before a reload and still waits is on the page already.
  function takeUpWaiting() {
    const { waiting, held } = labdb.outbox.status();
    for (const { entry, state, answer } of [...waiting, ...held]) {
      const dose = doses.find((one) => one.id === entry.id && entry.record === round.record);
      const weighed = entry.record === round.weighings && doses.find((one) => one.mouse.id === entry.values?.mouse_id);
      if (weighed) {
        byKey.set(entry.key, { dose: weighed, massBefore: weighed.mass });
        for (const one of doses.filter((other) => other.mouse.id === weighed.mouse.id)) one.mass = { g: Number(entry.values.body_mass_g), at: entry.values.performed_at };
      }
      if (!dose || !entry.values) continue;
      byKey.set(entry.key, { dose, before: dose.stored, values: entry.values });
      const { status, given_at: at, volume_ml: ml, reason } = entry.values;
      dose.stored = { ...dose.stored, status, at, ml: ml === "" ? null : ml, reason, by: entry.values.performed_by, key: entry.key, values: entry.values };
      if (state !== "waiting") dose.trouble = sentencesOf(answer);
    }
  }

  takeUpWaiting();
  for (const dose of doses) {
    const row = labdb.button("", () => select(dose), { className: "weighing-row dosing-row" });
    rows.set(dose, row);
    place("list").append(labdb.make("li", {}, row));
    showRow(dose);
  }
  place("form").addEventListener("submit", (event) => { event.preventDefault(); typed(input.value); });
  place("given").addEventListener("click", () => give());
  place("partial").addEventListener("click", () => { if (current) askPartial(); });
  place("missed").addEventListener("click", () => { if (current) askMissed(); });
  place("skip").addEventListener("click", () => {
    const left = current;
    if (left && !isDone(left)) left.skipped = true;
    next();
    if (left) showRow(left);
  });
  input.addEventListener("input", () => say(""));
  labdb.typeInto(input);
  labdb.watchOthers(round.stored_url, takeOthers);
  showCount();
  next();
})();
