// What a test day sends: tests, their corrections, and what became of a place where no test came of it.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.siDay;
  if (!day) return;
  const corrections = new Map(); // key of an entry that corrects -> { mouse, before }
  const LONGEST_NOTE = 2000;
  const TYPED = ["texts", "stage", "target", "targetReason", "notes", "exclusion", "sent"]; // of `own`, until it is stored

  const sentencesOf = (answer) => Object.values(answer.errors).flat().join(" ");
  const orEmpty = (value) => value ?? "";

  // What was typed and timed here; of a test that is stored only what was touched: the rest may be from elsewhere.
  function valuesOf(mouse) {
    const { own } = mouse;
    const isNew = !own.key && !mouse.stored;
    const times = day.timesOf(mouse);
    const values = Object.fromEntries(day.TIMES.map((name) => [name, orEmpty(times[name].value)]));
    if (isNew || own.t1 !== undefined) {
      const start = day.startOf(mouse);
      Object.assign(values, { test_at: new Date(start).toISOString(), light_cycle_hour: day.lightHour(start), gap_between_trials_min: orEmpty(day.gapMin(mouse)) });
    }
    if (isNew || own.target !== undefined) values.target = day.targetOf(mouse);
    if (isNew || own.notes !== undefined) values.notes = notesOf(mouse);
    if (mouse.is_female && (isNew || own.stage !== undefined)) values.estrous_stage = stageOf(mouse);
    return values;
  }

  // What the plan of the day says of every test.
  const fixedOf = (mouse) => ({
    mouse_id: mouse.id, test_number: day.test_number, trial_s: day.trial_s, arena: mouse.arena, room: day.room, lux: orEmpty(day.lux),
    target_side: day.target_side, order_of_day: orEmpty(mouse.order), scorer: labdb.bench.person(),
  });

  const stageOf = (mouse) => mouse.own.stage ?? mouse.stored?.estrous_stage ?? "";

  function notesOf(mouse) {
    const before = mouse.stored?.notes ?? "";
    const news = (mouse.own.notes ?? []).filter((note) => !before.includes(note));
    return [before, ...news].filter(Boolean).join(" ").slice(0, LONGEST_NOTE);
  }

  // ---- tests ----

  const labelOf = (mouse, values) => `${mouse.code} ${values.iz_present_s} s with, ${values.iz_absent_s} s without`;

  // The planned target may be one that the mouse met: then the plan is the reason.
  function reasonOf(mouse) {
    const { own } = mouse;
    const reasons = [...(own.isRepeat ? [own.isRepeat] : [])];
    const target = day.targetOf(mouse);
    if (target in mouse.met) reasons.push(own.targetReason ?? `plan ${day.plan}: no target that ${mouse.code} never met`);
    return reasons.join("; ");
  }

  function storeTest(mouse, exclusion = {}) {
    const before = { own: structuredClone(mouse.own), stored: structuredClone(mouse.stored) };
    const values = { ...valuesOf(mouse), ...exclusion };
    const reason = reasonOf(mouse);
    const label = labelOf(mouse, values) + (exclusion.exclusion_criterion ? `, excluded: ${exclusion.exclusion_criterion}` : "");
    const key = mouse.own.key || mouse.stored
      ? change(mouse, values, reason, label)
      : labdb.outbox.send({ record: day.record, values: { ...fixedOf(mouse), ...values }, reason, label });
    const isAmended = key === before.own.key;
    mouse.own.sent = values;
    if (!mouse.own.key && !mouse.stored) mouse.own.key = key;
    else if (!isAmended) corrections.set(key, { mouse, before });
    if ("exclusion_criterion" in exclusion) mouse.own.exclusion = exclusion.exclusion_criterion;
    delete mouse.own.isRepeat;
    delete mouse.trouble;
    if (mouse.stored) Object.assign(mouse.stored, shown(values));
    day.save();
    labdb.outbox.offerUndo(key, `Saved ${label}`, () => takeBack(mouse, key, before, isAmended));
    restore(mouse);
  }

  function takeBack(mouse, key, before, isAmended) {
    const { sent } = before.own;
    if (isAmended) labdb.outbox.correct(key, sent, { label: labelOf(mouse, sent) });
    else labdb.outbox.undo(key);
    mouse.own = before.own;
    mouse.stored = before.stored;
    if (sent) mouse.own.texts = Object.fromEntries(day.TIMES.map((name) => [name, String(sent[name])]));
    else if (before.stored) forgetTyped(mouse); // else what was typed is still there, to be saved again
    day.save();
    changed(mouse);
  }

  function forgetTyped(mouse) {
    for (const name of TYPED) delete mouse.own[name];
    delete mouse.own.version;
  }

  const shown = (values) => Object.fromEntries(Object.entries(values).filter(([name]) => day.TIMES.includes(name) || name === "target" || name === "notes").map(([name, value]) => [name, value === "" && day.TIMES.includes(name) ? null : value]));

  // An entry of this page is corrected by its key, wherever it is; another by its row, in the version that was seen.
  function change(mouse, values, reason, label) {
    if (mouse.own.key) {
      try {
        return labdb.outbox.correct(mouse.own.key, values, { reason, label });
      } catch { /* another life of this page sent it */ }
    }
    const { id, version } = mouse.stored;
    return labdb.outbox.send({ record: day.record, action: "change", id, version: mouse.own.version ?? version, values, reason, label });
  }

  // ---- places ----

  function place(mouse, state, reason) {
    const before = { ...mouse.planned };
    const values = { state, state_reason: reason };
    const label = state === "planned" ? `${mouse.code} is tested after all` : `${mouse.code} ${state}: ${reason}`;
    let key = null;
    if (mouse.own.planKey) {
      try {
        key = labdb.outbox.correct(mouse.own.planKey, values, { label });
      } catch { /* as above */ }
    }
    const { id, version } = mouse.planned;
    key ??= labdb.outbox.send({ record: day.planned_record, action: "change", id, version, values, label });
    mouse.own.planKey ??= key;
    Object.assign(mouse.planned, { state, reason });
    day.save();
    return { key, label, before };
  }

  function giveUp(mouse, state, reason) {
    const { own } = mouse;
    mouse.own = { ...(own.planKey ? { planKey: own.planKey } : {}) };
    const { key, label, before } = place(mouse, state, reason);
    labdb.outbox.offerUndo(key, label, () => {
      mouse.own = { ...own, planKey: mouse.own.planKey };
      if (before.state === "planned") place(mouse, "planned", "");
      else place(mouse, before.state, before.reason);
      changed(mouse);
    });
  }

  // A mouse that was skipped and has its test after all.
  function restore(mouse) {
    if (mouse.planned && mouse.planned.state !== "planned") place(mouse, "planned", "");
  }

  // ---- what the server says ----

  function changed(mouse) {
    document.dispatchEvent(new CustomEvent("labdb:si-mouse", { detail: mouse }));
  }

  let heard = 0; // a look at what is stored that began before the last of them is out of date

  document.addEventListener("labdb:entry", ({ detail: { key, state, entry, answer } }) => {
    heard += 1;
    const mouse = day.mice.find((one) => one.own.key === key || one.own.planKey === key) ?? corrections.get(key)?.mouse;
    if (!mouse) return;
    if (["refused", "needs_reason", "conflict", "forbidden"].includes(state)) mouse.trouble = sentencesOf(answer);
    else delete mouse.trouble;
    if (entry.record === day.planned_record) takePlace(mouse, state, answer);
    else takeTest(mouse, key, state, entry, answer);
    day.save();
    changed(mouse);
  });

  function takePlace(mouse, state, answer) {
    if (state === "stored") mouse.planned.version = answer.version;
    else if (state === "undone" || state === "discarded") delete mouse.own.planKey;
  }

  function takeTest(mouse, key, state, entry, answer) {
    if (state === "stored") {
      const target = entry.values.target ?? mouse.stored?.target ?? "";
      mouse.stored = { ...mouse.stored, ...shown(entry.values), target, id: answer.id, version: answer.version, url: answer.url };
      if (entry.values.test_at) Object.assign(mouse.stored, { at: entry.values.test_at, gap_min: entry.values.gap_between_trials_min === "" ? null : entry.values.gap_between_trials_min });
      if (entry.values.estrous_stage !== undefined) mouse.stored.estrous_stage = entry.values.estrous_stage;
      if ("exclusion_criterion" in entry.values) mouse.stored.exclusion = entry.values.exclusion_criterion;
      if (isAsTyped(mouse, entry.values)) forgetTyped(mouse);
    } else if ((state === "undone" || state === "discarded") && mouse.own.key === key) {
      delete mouse.own.key;
      if (state === "undone") mouse.stored = null;
    } else if (state === "undone" && mouse.stored) mouse.stored.version = answer?.version ?? mouse.stored.version;
    else if (state === "discarded" && corrections.has(key)) mouse.stored = corrections.get(key).before.stored;
  }

  // Not when somebody types the next correction meanwhile.
  function isAsTyped(mouse, values) {
    const times = day.timesOf(mouse);
    return day.TIMES.every((name) => orEmpty(times[name].value) === values[name]);
  }

  // Told by the server: what another tablet stored. What waits here is newer.
  function takeStored({ tests, planned }) {
    const { waiting, held } = labdb.outbox.status();
    const underway = new Set([...waiting, ...held].flatMap(({ entry }) => [entry.key, entry.of]));
    for (const mouse of day.mice) {
      const isBusy = underway.has(mouse.own.key) || underway.has(mouse.own.planKey) || [...corrections].some(([key, one]) => one.mouse === mouse && underway.has(key));
      if (isBusy) continue;
      const test = tests[mouse.code] ?? null;
      if (mouse.own.key && !test) delete mouse.own.key; // deleted elsewhere
      mouse.stored = test;
      if (planned[mouse.code]) mouse.planned = planned[mouse.code];
      changed(mouse);
    }
  }

  // What was entered before a reload and still waits.
  function takeUpWaiting() {
    const { waiting, held } = labdb.outbox.status();
    for (const { entry, state, answer } of [...waiting, ...held]) {
      const { values, key, of } = entry;
      const mouse = day.mice.find(({ own, stored }) => [own.key, own.planKey].some((one) => one && (one === key || one === of)) || (stored && entry.record === day.record && entry.id === stored.id));
      if (!mouse) continue;
      if (entry.record === day.planned_record && values && mouse.planned) Object.assign(mouse.planned, { state: values.state, reason: values.state_reason });
      if (state !== "waiting") mouse.trouble = sentencesOf(answer);
    }
  }

  takeUpWaiting();
  labdb.siSend = { giveUp, heard: () => heard, restore, stageOf, storeTest, takeStored };
})();
