// A day of defeat as this device knows it: kept here, so that sleep, reload or a lost network lose nothing.
//
// A tile is a cage of the day: what the server said of it (mouse, aggressor, stored, ...) and `own`, what happened here:
// start (ms by the lab clock), taps, swaps, stop, wound, key (of its entry in the outbox), isAsked, isMoved.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const element = document.getElementById("rack");
  if (!element) return;
  const { storage } = labdb;
  const rack = JSON.parse(element.textContent);
  const PREFIX = "labdb-rack ";
  const KEPT = `${PREFIX}${rack.study} ${rack.course} ${rack.day}`;
  const SEEN = `${KEPT} seen`;
  const FORGET_MS = 14 * 86_400_000;
  const SLEPT_MS = 10_000; // a page that heard nothing for so long may not have seen an end
  const BOUNCE_MS = 250; // a glove touches twice
  const LONGEST_S = 3600; // of physical contact: the record takes no more

  const nowMs = () => labdb.clock.now().getTime();

  function load() {
    const kept = JSON.parse(storage((place) => place.getItem(KEPT)) ?? "{}");
    for (const tile of rack.tiles) tile.own = kept[tile.mouse] ?? { taps: [] };
  }

  function save() {
    const kept = Object.fromEntries(rack.tiles.filter((tile) => Object.keys(tile.own).length > 1 || tile.own.taps.length).map((tile) => [tile.mouse, tile.own]));
    storage((place) => place.setItem(KEPT, JSON.stringify(kept)));
  }

  function forgetOldDays() {
    storage((place) => {
      const names = Array.from({ length: place.length }, (_none, at) => place.key(at)).filter((name) => name.startsWith(PREFIX) && name.endsWith(" seen"));
      for (const name of names.filter((one) => Number(place.getItem(one)) < Date.now() - FORGET_MS)) {
        place.removeItem(name);
        place.removeItem(name.slice(0, -" seen".length));
      }
    });
  }

  // When this page last looked at the clock, in this life or the one before.
  let seen = Number(storage((place) => place.getItem(SEEN)) ?? 0) || nowMs();

  function look() {
    const before = seen;
    seen = nowMs();
    if (Math.floor(before / 1000) !== Math.floor(seen / 1000)) storage((place) => place.setItem(SEEN, String(seen)));
    return before;
  }

  const endOf = (tile) => tile.own.stop?.at ?? tile.own.start + rack.bout_s * 1000;
  const aggressorOf = (tile) => tile.own.aggressor ?? tile.aggressor;

  // stored, sent, asked, idle, scheduled, running or over
  function phase(tile, now = nowMs()) {
    if (tile.stored) return "stored";
    if (tile.own.key) return "sent";
    if (tile.own.isAsked) return "asked";
    if (tile.own.start === undefined) return "idle";
    if (tile.own.start > now) return "scheduled";
    return now < endOf(tile) ? "running" : "over";
  }

  function start(tile, at = nowMs()) {
    tile.own.start = at;
    save();
  }

  // Start all that have not started, one after the other; behind those that wait already.
  function startAll() {
    const now = nowMs();
    const waiting = rack.tiles.filter((tile) => phase(tile, now) === "scheduled").map((tile) => tile.own.start + rack.stagger_s * 1000);
    const first = Math.max(now, ...waiting);
    rack.tiles.filter((tile) => phase(tile, now) === "idle").forEach((tile, at) => { tile.own.start = first + at * rack.stagger_s * 1000; });
    save();
  }

  function hold() {
    for (const tile of rack.tiles) if (phase(tile) === "scheduled") delete tile.own.start;
    save();
  }

  function attack(tile) {
    const now = nowMs();
    if (phase(tile, now) !== "running" || now - (tile.own.taps.at(-1) ?? 0) < BOUNCE_MS) return false;
    tile.own.taps.push(now);
    save();
    return true;
  }

  function fewer(tile) {
    tile.own.taps.pop();
    save();
  }

  // Another aggressor: before the start it is only another plan; in mid-bout the bout begins anew with it.
  function swap(tile, aggressor, reason) {
    const own = tile.own;
    const before = aggressorOf(tile);
    (own.swaps ??= []).push({ from: before, reason });
    if (phase(tile) === "running") {
      const s = Math.round((nowMs() - own.start) / 1000);
      (own.notes ??= []).push(`${before} first: ${s} s, ${own.taps.length} attacks.`);
      own.start = nowMs();
      own.taps = [];
    }
    own.aggressor = aggressor;
    save();
  }

  function stop(tile, reason) {
    tile.own.stop = { at: nowMs(), reason };
    delete tile.own.isAsked;
    save();
  }

  // It never happened, or not so: as if the tile had not been touched.
  function reset(tile) {
    tile.own = { taps: [] };
    save();
  }

  // Whether the end passed while nobody could see it.
  const endedUnseen = (tile, lastSeen, now = nowMs()) => now - lastSeen > SLEPT_MS && !tile.own.stop && now - endOf(tile) > SLEPT_MS / 2;

  const tenths = (ms) => Math.round(ms / 100) / 10;

  // What is stored of a bout: all that the plan knew, and what was tapped.
  function valuesOf(tile) {
    const own = tile.own;
    const notes = [...(own.notes ?? []), ...(own.stop?.reason ? [`Stopped early: ${own.stop.reason}.`] : [])];
    const physical_s = Math.min(tenths(endOf(tile) - own.start), LONGEST_S);
    const swaps = own.swaps ?? [];
    return {
      study: rack.study,
      mouse: tile.mouse,
      course: rack.course,
      day: rack.day,
      performed_at: new Date(own.start).toISOString(),
      aggressor: aggressorOf(tile),
      physical_s,
      attack_latency_s: own.taps.length ? Math.min(tenths(own.taps[0] - own.start), physical_s) : "",
      attacks: own.taps.length,
      wound_score: own.wound ?? "",
      substituted: swaps.length > 0,
      substitution_reason: swaps.map((one) => `${one.from}: ${one.reason}`).join("; ").slice(0, 200),
      stopped_early: Boolean(own.stop?.reason),
      sensory_contact_h: rack.sensory_contact_h ?? "",
      cage: tile.cage,
      notes: notes.join(" "),
    };
  }

  // Who can step in for a mouse: free today, not met, hard ones first.
  function candidates(tile) {
    const busy = new Set(rack.tiles.map(aggressorOf));
    const free = [...rack.free, ...rack.tiles.filter((one) => one.own.aggressor && !busy.has(one.aggressor)).map((one) => ({ code: one.aggressor, hardness: one.hardness }))];
    return free.filter((one) => !busy.has(one.code) && !(one.code in tile.met) && !(tile.own.swaps ?? []).some((swapped) => swapped.from === one.code));
  }

  // What comes next, the soonest first: [{ at, tile, isStart }].
  function coming(now = nowMs()) {
    const events = rack.tiles.flatMap((tile) => {
      const is = phase(tile, now);
      if (is === "scheduled") return [{ at: tile.own.start, tile, isStart: true }];
      return is === "running" ? [{ at: endOf(tile), tile, isStart: false }] : [];
    });
    return events.sort((one, other) => one.at - other.at);
  }

  labdb.rack = { ...rack, aggressorOf, attack, candidates, coming, endOf, endedUnseen, fewer, hold, look, nowMs, phase, reset, save, start, startAll, stop, swap, valuesOf };
  forgetOldDays();
  load();
})();
