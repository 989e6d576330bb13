// A day of SI tests as this device knows it: kept here, so that a reload, a dead tab or a lost network lose nothing.
//
// A mouse of the day is what the server said of it (code, target, stored, ...) and `own`, what happened here: t1, t2 (ms
// by the lab clock, start of the trials), isOut, texts (times as typed), stage, target, targetReason, notes, exclusion,
// isRepeat (why), version (of the stored test when it was typed over), sent (values of an entry that is not stored yet),
// key (of that entry in the outbox), planKey (of the one about its place). A test needs the times of both trials: until
// they are there it is a draft on this device.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const element = document.getElementById("si-day");
  if (!element) return;
  const { storage } = labdb;
  const day = JSON.parse(element.textContent);
  const PREFIX = "labdb-si ";
  const KEPT = `${PREFIX}${day.study} ${day.cohort} ${day.test_number}`; // whatever the day: a new plan loses no draft
  const FORGET_MS = 14 * 86_400_000;
  const TIMES = ["iz_absent_s", "corner_absent_s", "iz_present_s", "corner_present_s"];
  const NEEDED = ["iz_absent_s", "iz_present_s"];
  const LENGTH_MS = day.trial_s * 1000;

  const nowMs = () => labdb.clock.now().getTime();

  function load() {
    const kept = JSON.parse(storage((place) => place.getItem(KEPT)) ?? "{}").mice ?? {};
    for (const mouse of day.mice) mouse.own = kept[mouse.code] ?? {};
  }

  function save() {
    const kept = Object.fromEntries(day.mice.filter((mouse) => Object.keys(mouse.own).length).map((mouse) => [mouse.code, mouse.own]));
    storage((place) => place.setItem(KEPT, JSON.stringify({ at: Date.now(), mice: kept })));
  }

  function forgetOldDays() {
    storage((place) => {
      const names = Array.from({ length: place.length }, (_none, at) => place.key(at)).filter((name) => name.startsWith(PREFIX) && name !== KEPT);
      for (const name of names) if (!(JSON.parse(place.getItem(name)).at > Date.now() - FORGET_MS)) place.removeItem(name);
    });
  }

  // ---- the trials ----

  // idle, absent (trial 1 runs), between, present (trial 2 runs), over, out
  function phase(mouse, now = nowMs()) {
    const { t1, t2, isOut } = mouse.own;
    if (isOut) return "out";
    if (t1 === undefined) return "idle";
    if (t2 !== undefined) return now < t2 + LENGTH_MS ? "present" : "over";
    return now < t1 + LENGTH_MS ? "absent" : "between";
  }

  const endOf = (mouse) => (mouse.own.t2 ?? mouse.own.t1) + LENGTH_MS;
  const startOf = (mouse) => mouse.own.t1 ?? (mouse.stored?.at && !mouse.own.isRepeat ? Date.parse(mouse.stored.at) : undefined);
  const inTest = (mouse, now) => ["absent", "between", "present", "over"].includes(phase(mouse, now));

  function gapMin(mouse) {
    const { t1, t2 } = mouse.own;
    if (t1 === undefined || t2 === undefined) return mouse.own.isRepeat ? null : (mouse.stored?.gap_min ?? null);
    return Math.max(0, Math.round((t2 - t1 - LENGTH_MS) / 600) / 100);
  }

  const secondsOf = (clock) => clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0) * (clock.length < 6 ? 60 : 1);

  // Hours after lights on, by the lab's clock.
  function lightHour(ms) {
    const s = secondsOf(labdb.clock.time(ms)) - secondsOf(day.lights_on);
    return Math.round((((s + 86_400) % 86_400) / 3600) * 100) / 100;
  }

  // The instant of a clock time on the day of the tests.
  function instantOf(clock) {
    const now = nowMs();
    const days = Math.round((Date.parse(day.date) - Date.parse(labdb.clock.day(now))) / 86_400_000);
    return Math.floor(now / 1000) * 1000 + (secondsOf(clock) - secondsOf(labdb.clock.time(now))) * 1000 + days * 86_400_000;
  }

  // ---- the times ----

  function textOf(mouse, name) {
    const typed = mouse.own.texts?.[name];
    if (typed !== undefined) return typed;
    const stored = mouse.own.isRepeat ? null : mouse.stored?.[name];
    return stored === null || stored === undefined ? "" : String(stored);
  }

  // { value } or { problem }; value is null where nothing was typed.
  function readTime(text) {
    const said = text.trim().replace(/\s*s$/, "");
    if (!said) return { value: null };
    if (/^-/.test(said)) return { problem: `${said} s is less than nothing; enter 0 to ${day.trial_s} s.` };
    if (!/^\d+([.,]\d*)?$/.test(said)) return { problem: `${said} is not a number of seconds; enter digits, such as 41.5.` };
    if (/^\d{1,3},\d{3}$/.test(said)) return { problem: `${said} can be ${said.replace(",", ".")} or ${said.replace(",", "")}; write it with a point.` };
    const value = Number(said.replace(",", "."));
    if (value > day.trial_s) return { problem: `${said} s is longer than the trial (${day.trial_s} s); enter 0 to ${day.trial_s}.` };
    return { value };
  }

  const timesOf = (mouse) => Object.fromEntries(TIMES.map((name) => [name, readTime(textOf(mouse, name))]));

  // What is wrong with the times of a trial, in words; both zones of one trial cannot last longer than it.
  function problemOf(mouse, trial) {
    const times = timesOf(mouse);
    const both = [times[`iz_${trial}_s`], times[`corner_${trial}_s`]];
    const said = both.find((one) => one.problem)?.problem;
    if (said) return said;
    const sum = both.reduce((total, one) => total + (one.value ?? 0), 0);
    return sum > day.trial_s + 1e-9 ? `Zone and corners together are ${Math.round(100 * sum) / 100} s, longer than the trial (${day.trial_s} s).` : "";
  }

  function isWhole(mouse) {
    const times = timesOf(mouse);
    return NEEDED.every((name) => times[name].value !== null && times[name].value !== undefined) && !problemOf(mouse, "absent") && !problemOf(mouse, "present");
  }

  const isTyped = (mouse) => Boolean(mouse.own.texts) && TIMES.some((name) => textOf(mouse, name).trim());

  // ---- the rows ----

  const targetOf = (mouse) => mouse.own.target ?? (mouse.own.isRepeat ? mouse.target : mouse.stored?.target || mouse.target);
  const isTested = (mouse) => Boolean((mouse.own.key || mouse.stored) && !mouse.own.isRepeat);

  // died, trouble, excluded, done, skipped, stopped, running, draft, left
  function stateOf(mouse, now = nowMs()) {
    if (mouse.trouble) return "trouble";
    if (isTested(mouse)) return mouse.stored?.exclusion || mouse.own.exclusion ? "excluded" : "done";
    if (mouse.died) return "died";
    if (inTest(mouse, now)) return "running";
    if (isTyped(mouse) || phase(mouse, now) === "out") return "draft";
    if (mouse.planned && mouse.planned.state !== "planned") return mouse.planned.state;
    return "left";
  }

  // How often a target was used that day, a mouse's own test aside.
  function usesOf(code, besides = null) {
    const base = day.targets.find((one) => one.code === code)?.used ?? 0;
    return base + day.mice.filter((mouse) => mouse !== besides && (isTested(mouse) || mouse.own.t2 !== undefined) && targetOf(mouse) === code).length;
  }

  labdb.siDay = {
    ...day, TIMES, endOf, gapMin, inTest, instantOf, isTested, isTyped, isWhole, lightHour, nowMs, phase, problemOf, save, startOf,
    stateOf, targetOf, textOf, timesOf, usesOf,
  };
  forgetOldDays();
  load();
})();
