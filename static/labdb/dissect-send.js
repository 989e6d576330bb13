// What a day of dissections sends: the death, tubes and what was not taken, corrections, and how each is taken back.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.dissect;
  if (!day) return;
  const { records } = day;
  const byKey = new Map(); // key of an entry -> { mouse, thing, before }; thing: what it is of, before: what a correction changed
  const HELD = ["refused", "needs_reason", "conflict", "forbidden"];

  const sentencesOf = (answer) => Object.values(answer.errors).flat().join(" ");
  const orEmpty = (value) => value ?? "";
  const iso = (ms) => new Date(ms).toISOString();
  const without = (all, one) => all.splice(all.indexOf(one), all.includes(one) ? 1 : 0);

  function changed(mouse) {
    document.dispatchEvent(new CustomEvent("labdb:dissect-mouse", { detail: mouse }));
  }

  function touched(mouse) {
    mouse.touched = performance.now();
    changed(mouse);
  }

  // Correct what this page entered by its key, wherever it is; what others entered by its row, in the version that was seen.
  function correct(mouse, thing, record, values, label) {
    const before = Object.fromEntries(Object.keys(values).map((name) => [name, thing[name]]));
    let key = null;
    if (thing.key) {
      try {
        key = labdb.outbox.correct(thing.key, values, { label });
      } catch { /* another life of this page sent it */ }
    }
    key ??= labdb.outbox.send({ record, action: "change", id: thing.id, version: thing.version, values, label });
    const isAmended = key === thing.key;
    if (!isAmended) byKey.set(key, { mouse, thing, before });
    thing.key ??= key;
    delete thing.trouble;
    return { key, before, isAmended };
  }

  // ---- the death ----

  function start(mouse) {
    const now = day.nowMs();
    const { anesthesia, death_method } = day.protocol;
    const label = `${mouse.code} begun`;
    const values = { study: day.study, mouse_id: mouse.id, performed_at: iso(now), order_of_day: mouse.order, anesthesia, death_method };
    const key = labdb.outbox.send({ record: records.dissection, label, values });
    mouse.dissection = { at: iso(now), minutes: null, key, by: labdb.bench.name() };
    byKey.set(key, { mouse, thing: mouse.dissection });
    const deathKey = day.may_end && !mouse.died ? sendDeath(mouse, labdb.clock.day(now)) : null;
    labdb.outbox.offerUndo(key, `${mouse.code} begun at ${labdb.clock.time(now)}`, () => takeBackStart(mouse, deathKey));
    touched(mouse);
  }

  function sendDeath(mouse, died) {
    const values = { death_date: died, death_reason: day.death_reason };
    const key = labdb.outbox.send({ record: records.mouse, action: "change", id: mouse.id, version: mouse.version, values, label: `${mouse.code} died`, reason: day.death_reason });
    mouse.died = died;
    byKey.set(key, { mouse, thing: mouse, before: { died: "" } });
    return key;
  }

  function takeBackStart(mouse, deathKey) {
    if (deathKey) {
      labdb.outbox.undo(deathKey);
      mouse.died = "";
    }
    labdb.outbox.undo(mouse.dissection.key);
    mouse.dissection = null;
    touched(mouse);
  }

  // The dissection says when its last tube was frozen.
  function tellLast(mouse) {
    const minutes = day.lastMinutes(mouse);
    if (!mouse.dissection || minutes === mouse.dissection.minutes) return;
    correct(mouse, mouse.dissection, records.dissection, { minutes_to_freeze: orEmpty(minutes) }, `${mouse.code} last frozen after ${minutes ?? "?"} min`);
    mouse.dissection.minutes = minutes;
  }

  // ---- tubes ----

  function freeze(mouse, column) {
    const now = day.nowMs();
    const place = day.placeOf(mouse, column);
    const tissue = day.tissueOf(mouse, column);
    const sample = { code: day.codeOf(mouse, column), region: column.region, ...tissue, ...place, frozen_at: iso(now) };
    const label = `${sample.code} frozen${place.position ? `, ${place.box} ${place.position}` : ""}`;
    const values = { ...sample, study: day.study, mouse_id: mouse.id, dissection: mouse.code, thaws: 0 };
    sample.key = labdb.outbox.send({ record: records.sample, label, values });
    byKey.set(sample.key, { mouse, thing: sample });
    mouse.samples.push(sample);
    tellLast(mouse);
    labdb.outbox.offerUndo(sample.key, `Saved ${label}, ${day.minutesOf(mouse, sample)} min`, () => takeBackTube(mouse, sample));
    touched(mouse);
    return sample;
  }

  function takeBackTube(mouse, sample) {
    labdb.outbox.undo(sample.key);
    forgetTube(mouse, sample);
    tellLast(mouse);
    touched(mouse);
  }

  function forgetTube(mouse, sample) {
    without(mouse.samples, sample);
    day.forgetCode(sample.code);
    day.freePosition(sample.box, sample.position);
  }

  function correctTube(mouse, sample, values) {
    const label = `${sample.code} corrected`;
    if ("position" in values) day.freePosition(sample.box, sample.position);
    const { key, before, isAmended } = correct(mouse, sample, records.sample, values, label);
    Object.assign(sample, values);
    delete mouse.trouble;
    tellLast(mouse);
    labdb.outbox.offerUndo(key, `Saved ${label}`, () => {
      if (isAmended) labdb.outbox.correct(key, before, { label: `${sample.code} as before` });
      else labdb.outbox.undo(key);
      Object.assign(sample, before);
      tellLast(mouse);
      touched(mouse);
    });
    touched(mouse);
  }

  // ---- what was not taken ----

  function giveUp(mouse, column, reason) {
    const label = `${mouse.code} ${column.region} not taken: ${reason}`;
    const values = { study: day.study, mouse_id: mouse.id, region: column.region, reason };
    const lost = { region: column.region, reason, key: labdb.outbox.send({ record: records.not_taken, label, values }) };
    byKey.set(lost.key, { mouse, thing: lost });
    mouse.not_taken.push(lost);
    labdb.outbox.offerUndo(lost.key, label, () => takeBackLost(mouse, lost));
    touched(mouse);
  }

  function takeBackLost(mouse, lost) {
    labdb.outbox.undo(lost.key);
    without(mouse.not_taken, lost);
    touched(mouse);
  }

  // ---- what the server says ----

  document.addEventListener("labdb:entry", ({ detail: { key, state, entry, answer } }) => {
    const sent = byKey.get(key);
    if (!sent || entry.action === "undo" && state === "waiting") return;
    const { mouse, thing, before } = sent;
    mouse.touched = performance.now();
    if (HELD.includes(state)) thing.trouble = mouse.trouble = sentencesOf(answer);
    else if (state !== "waiting" || entry.action !== "undo") { delete thing.trouble; delete mouse.trouble; }
    if (answer?.version) Object.assign(thing, { version: answer.version }, thing === mouse ? {} : { id: answer.id, url: answer.url });
    if (state === "discarded") discarded(mouse, thing, before);
    changed(mouse);
  });

  function discarded(mouse, thing, before) {
    if (before) Object.assign(thing, before);
    else if (thing === mouse.dissection) mouse.dissection = null;
    else if (mouse.samples.includes(thing)) forgetTube(mouse, thing);
    else without(mouse.not_taken, thing);
  }

  // ---- what waited before a reload ----

  function takeUpWaiting() {
    const { waiting, held } = labdb.outbox.status();
    for (const { entry, state, answer } of [...waiting, ...held]) {
      const mouse = entry.values && mouseOf(entry);
      if (!mouse) continue;
      const thing = entry.action === "add" ? added(mouse, entry) : amended(mouse, entry);
      if (!thing) continue;
      byKey.set(entry.key, { mouse, thing, ...(entry.action === "add" ? {} : { before: {} }) });
      if (state !== "waiting") thing.trouble = mouse.trouble = sentencesOf(answer);
    }
  }

  const mouseOf = (entry) => day.mice.find((one) => one.id === entry.values.mouse_id)
    ?? (entry.record === records.mouse ? day.mice.find((one) => one.id === entry.id) : null)
    ?? day.mice.find((one) => thingsOf(one).some((thing) => isOf(entry, thing)));
  const thingsOf = (mouse) => [mouse.dissection, ...mouse.samples, ...mouse.not_taken].filter(Boolean);
  const isOf = (entry, thing) => (entry.of ? thing.key === entry.of : thing.id !== undefined && thing.id === entry.id && entry.record === recordOf(thing));
  const recordOf = (thing) => ("code" in thing ? records.sample : "reason" in thing ? records.not_taken : records.dissection);

  function added(mouse, { record, key, values }) {
    if (record === records.dissection) mouse.dissection ??= { at: values.performed_at, minutes: values.minutes_to_freeze ?? null, key };
    else if (record === records.sample) mouse.samples.push({ ...values, key });
    else if (record === records.not_taken) mouse.not_taken.push({ ...values, key });
    else return null;
    return thingsOf(mouse).find((one) => one.key === key);
  }

  function amended(mouse, entry) {
    const { record, values } = entry;
    if (record === records.mouse) {
      mouse.died = values.death_date;
      return mouse;
    }
    const thing = thingsOf(mouse).find((one) => isOf(entry, one));
    if (thing) Object.assign(thing, recordOf(thing) === records.dissection ? { minutes: values.minutes_to_freeze } : values, { key: thing.key ?? entry.key });
    return thing ?? null;
  }

  // ---- what other tablets stored ----

  function takeStored(stored, asked) {
    for (const mouse of labdb.untouchedSince(day.mice, asked, (key) => byKey.get(key)?.mouse)) {
      const theirs = stored[mouse.id];
      if (!theirs) continue;
      const keyOf = (one) => thingsOf(mouse).find((thing) => thing.id === one.id && recordOf(thing) === recordOf(one))?.key;
      for (const one of [theirs.dissection, ...theirs.samples, ...theirs.not_taken].filter(Boolean)) one.key = keyOf(one);
      Object.assign(mouse, theirs);
      changed(mouse);
    }
  }

  takeUpWaiting();
  labdb.dissectSend = { correctTube, freeze, giveUp, start, takeBackLost, takeBackTube, takeStored };
})();
