// What was scanned in a box, held against what is recorded there; pure, so that it is right without a network.
window.labdb ??= {};
(() => {
  "use strict";

  // tubes: of the box and strangers found by the server, by id. scans: [{id, position}]. Returns lists of rows for people.
  labdb.compareBox = (state, scans, strangers) => {
    const recorded = new Map(state.tubes.map((tube) => [tube.id, tube]));
    const rows = { inPlace: [], elsewhere: [], missing: [], foreign: [] };
    const found = new Map(scans.map((scan) => [scan.id, scan.position]));
    for (const [id, position] of found) {
      const tube = recorded.get(id);
      if (!tube) rows.foreign.push({ tube: strangers.get(id), position });
      else if (tube.position === position) rows.inPlace.push({ tube, position });
      else rows.elsewhere.push({ tube, position });
    }
    for (const tube of state.tubes) if (!found.has(tube.id)) rows.missing.push({ tube, position: "" });
    for (const list of Object.values(rows)) list.sort((one, other) => labdb.placeOrder(one.position || one.tube.position, other.position || other.tube.position));
    // Two tubes that stand in each other's positions are one slip, and are named as such.
    const at = new Map([...found].map(([id, position]) => [position, id]));
    for (const row of rows.elsewhere) {
      const other = recorded.get(at.get(row.tube.position));
      if (other && other.id !== row.tube.id && other.position === row.position) row.exchangedWith = other;
    }
    return rows;
  };

  // Scans of which each is one recorded position early, two or more up to the last: then one position was passed over.
  labdb.passedOver = (state, scans) => {
    const order = state.tubes.map((tube) => tube.position).filter(Boolean).sort(labdb.placeOrder);
    const recorded = new Map(state.tubes.map((tube) => [tube.id, tube.position]));
    const early = [];
    for (const scan of [...scans].reverse()) {
      const at = order.indexOf(scan.position);
      if (at < 0 || order[at + 1] !== recorded.get(scan.id)) break;
      early.unshift(scan);
    }
    return early.length < 2 ? null : { position: early[0].position, scans: early };
  };

  // The position that is scanned next: the first after this one where a tube is recorded that nobody looked for yet.
  labdb.nextToScan = (positions, from, isWaiting) => {
    const start = positions.indexOf(from);
    const order = [...positions.slice(start + 1), ...positions.slice(0, start + 1)];
    return order.find(isWaiting) ?? null;
  };
})();
