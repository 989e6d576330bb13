// A day of dissections as this device knows it: mice, what is stored or on its way of each, the day's protocol, positions.
//
// A mouse has `dissection` ({ at, minutes, id, version, key }), `samples` (as stored, with `key` of their entry in the
// outbox where this page made them), `not_taken`, and `drafts`: by column, what was chosen before the tube was frozen.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const element = document.getElementById("dissection-sheet");
  if (!element) return;
  const { storage } = labdb;
  const sheet = JSON.parse(element.textContent);
  const KEPT = `labdb-dissection ${sheet.study}`;
  const MINUTE_MS = 60_000;
  const HOUR_MS = 60 * MINUTE_MS;
  const LETTERS = "bcdefghijklmnopqrstuvwxyz";
  const JOINTS = /^[-_.+]+|[-_.+]+$/g;
  const OF_TISSUE = ["hemisphere", "punch_mm", "punch_count", "bregma_from_mm", "bregma_to_mm"];
  const boxes = new Map(sheet.boxes.map((box) => [box.code, { ...box, taken: sheet.taken[box.code] ?? null }])); // null until it was asked for
  const protocol = keptProtocol() ?? structuredClone(sheet.protocol);
  for (const mouse of sheet.mice) mouse.drafts = new Map();

  // ---- the protocol of the day ----

  function keptProtocol() {
    const kept = JSON.parse(storage((place) => place.getItem(KEPT)) ?? "null");
    return kept?.day === sheet.day ? kept.protocol : null;
  }

  function takeProtocol(next) {
    Object.assign(protocol, next);
    for (const mouse of sheet.mice) mouse.drafts.clear();
    storage((place) => place.setItem(KEPT, JSON.stringify({ day: sheet.day, protocol })));
  }

  const isAlone = (column) => protocol.columns.filter((one) => one.region === column.region).length === 1;
  const nameOf = (column) => (isAlone(column) ? column.region : `${column.region} ${column.hemisphere}`.trim());
  const keyOf = (column) => `${column.region} ${column.hemisphere}`;

  // A tube of a region that the protocol does not have is shown in a column of its own.
  function showAllTubes() {
    for (const sample of sheet.mice.flatMap((mouse) => mouse.samples)) {
      const hasColumn = protocol.columns.some((column) => column.region === sample.region && (isAlone(column) || column.hemisphere === sample.hemisphere));
      if (!hasColumn) protocol.columns.push({ region: sample.region, box: sample.box, ...Object.fromEntries(OF_TISSUE.map((name) => [name, sample[name]])) });
    }
  }

  // ---- what became of a region ----

  const sampleOf = (mouse, column) => mouse.samples.find((one) => one.region === column.region && (isAlone(column) || one.hemisphere === column.hemisphere));
  const lostOf = (mouse, column) => mouse.not_taken.find((one) => one.region === column.region);
  const isOpen = (mouse, column) => !sampleOf(mouse, column) && !lostOf(mouse, column);
  const draftOf = (mouse, column) => mouse.drafts.get(keyOf(column)) ?? {};
  const setDraft = (mouse, column, values) => mouse.drafts.set(keyOf(column), { ...draftOf(mouse, column), ...values });

  // Side and punches of a tube: as stored, as chosen for it, else as the protocol says.
  function tissueOf(mouse, column) {
    const from = sampleOf(mouse, column) ?? { ...column, ...draftOf(mouse, column) };
    return Object.fromEntries(OF_TISSUE.map((name) => [name, from[name] ?? ""]));
  }

  // died, trouble, done, begun, skipped, left
  function stateOf(mouse) {
    if (mouse.trouble) return "trouble";
    if (mouse.dissection) return protocol.columns.length && protocol.columns.every((column) => !isOpen(mouse, column)) ? "done" : "begun";
    if (mouse.died && mouse.died < sheet.day) return "died";
    return mouse.skipped ? "skipped" : "left";
  }

  // ---- codes, as labdb/tissue/sample_codes.py makes them ----

  function codeOf(mouse, column) {
    const sample = sampleOf(mouse, column);
    if (sample) return sample.code;
    const parts = { mouse: mouse.code, region: column.region, hemisphere: tissueOf(mouse, column).hemisphere };
    const plain = sheet.code_pattern.replace(/\{(\w+)\}/g, (_whole, name) => parts[name]).replace(JOINTS, "");
    const taken = new Set([...sheet.codes, ...sheet.mice.flatMap((one) => one.samples.map(({ code }) => code)), ...codesBefore(mouse, column)]);
    if (!taken.has(plain)) return plain;
    const more = [...LETTERS, ...Array.from({ length: taken.size }, (_none, at) => String(at + 27))];
    return `${plain}-${more.find((one) => !taken.has(`${plain}-${one}`))}`;
  }

  // Those that columns further left of the same mouse will have.
  function codesBefore(mouse, column) {
    const at = protocol.columns.indexOf(column);
    return protocol.columns.slice(0, at).filter((one) => one.region === column.region && !sampleOf(mouse, one)).map((one) => codeOf(mouse, one));
  }

  function forgetCode(code) {
    sheet.codes = sheet.codes.filter((one) => one !== code);
  }

  // ---- times ----

  const nowMs = () => labdb.clock.now().getTime();
  const minutesFrom = (mouse, at) => Math.round((10 * (at - Date.parse(mouse.dissection.at))) / MINUTE_MS) / 10;
  const minutesOf = (mouse, sample) => (sample.frozen_at && mouse.dissection?.at ? minutesFrom(mouse, Date.parse(sample.frozen_at)) : null);

  function lastMinutes(mouse) {
    const all = mouse.samples.map((sample) => minutesOf(mouse, sample)).filter((one) => one !== null);
    return all.length ? Math.max(...all) : null;
  }

  const hoursSince = (mouse, at) => (at ? ((mouse.dissection?.at ? Date.parse(mouse.dissection.at) : nowMs()) - Date.parse(at)) / HOUR_MS : null);

  // Hours after lights on, by the lab's clock.
  function lightHour(ms) {
    const seconds = (clock) => clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0) * (clock.length < 6 ? 60 : 1);
    return ((seconds(labdb.clock.time(ms)) - seconds(sheet.lights_on) + 86_400) % 86_400) / 3600;
  }

  // ---- positions ----

  async function askBox(code) {
    const box = boxes.get(code);
    if (!box) return null;
    try {
      const answer = await fetch(sheet.positions_url.replace("/0/", `/${box.id}/`), { cache: "no-store", headers: { Accept: "application/json" } });
      if (answer.ok) box.taken = (await answer.json()).taken;
    } catch { /* no network: what is known has to do */ }
    return box;
  }

  // Positions of a box that hold something, or will: stored, on this page, or chosen here for another tube.
  function takenIn(code, besides = null) {
    const taken = { ...boxes.get(code)?.taken };
    for (const mouse of sheet.mice) {
      for (const sample of mouse.samples) if (sample !== besides && sample.box === code && sample.position) taken[sample.position] = `${sheet.study}-${sample.code}`;
    }
    return taken;
  }

  // Where each tube that is still to come goes: as chosen, else the next free position, by mice and then by regions.
  function offers() {
    const chosen = sheet.mice.flatMap((mouse) => [...mouse.drafts.values()]).filter((draft) => draft.position);
    const free = new Map(boxesUsed().map((code) => [code, freeIn(code, chosen)]));
    const offered = new Map(); // mouse -> column -> { box, position }
    for (const mouse of sheet.mice.filter((one) => stateOf(one) !== "died")) {
      const own = new Map();
      for (const column of protocol.columns.filter((one) => isOpen(mouse, one))) {
        const { box, position } = draftOf(mouse, column);
        own.set(column, position ? { box, position } : { box: column.box, position: free.get(column.box)?.shift() ?? "" });
      }
      offered.set(mouse, own);
    }
    return offered;
  }

  const boxesUsed = () => [...new Set(protocol.columns.map((column) => column.box))].filter((code) => boxes.has(code));

  function freeIn(code, chosen) {
    const box = boxes.get(code);
    const taken = { ...takenIn(code), ...Object.fromEntries(chosen.filter((draft) => draft.box === code).map((draft) => [draft.position, true])) };
    return box.taken ? labdb.positionsOf(box).filter((position) => !taken[position]) : [];
  }

  function placeOf(mouse, column) {
    const { box, position } = sampleOf(mouse, column) ?? offers().get(mouse)?.get(column) ?? {};
    return position ? { box, position } : { box: "", position: "" };
  }

  function freePosition(code, position) {
    const taken = boxes.get(code)?.taken;
    if (taken) delete taken[position];
  }

  labdb.dissect = {
    ...sheet, OF_TISSUE, askBox, boxes, boxesUsed, codeOf, draftOf, forgetCode, freePosition, hoursSince, isOpen, keyOf, lastMinutes, lightHour, lostOf,
    minutesFrom, minutesOf, nameOf, nowMs, placeOf, protocol, sampleOf, setDraft, showAllTubes, stateOf, takenIn, takeProtocol, tissueOf,
  };
  showAllTubes();
})();
