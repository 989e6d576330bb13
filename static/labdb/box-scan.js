// A scan session of one box: each scan is matched and laid in the next position; what differs is decided, and sent at the end.
(() => {
  "use strict";
  const page = document.querySelector("[data-scan]");
  if (!page) return;
  const part = (name) => page.querySelector(`[data-scan="${name}"]`);
  const dialog = document.querySelector("[data-scan-dialog]");
  const KEPT = `labdb-scan ${document.body.dataset.user} ${page.dataset.code}`;
  const FLASH = { good: "saved", note: "alert", wrong: "wrong" };
  const CHOICES = {
    elsewhere: [["left", "Leave as recorded"], ["moved", "Record where it was found"]],
    missing: [["left", "Leave as recorded"], ["missing", "Record as not found"]],
    foreign: [["left", "Leave: it goes back"], ["moved", "Record it in this box"]],
  };
  const fresh = () => ({ next: null, scans: [], empty: [], unknown: [], twice: [], strangers: [], decisions: {}, waiting: [] });
  let state = JSON.parse(document.getElementById("box-state").textContent);
  let session = fresh();
  let isOwnPreferred = false; // of two tubes with one code, that of this box

  const grid = labdb.boxGrid(part("grid"), {
    label: (box) => `Box ${box.code}, scan session`,
    onCell: (position) => { session.next = position; show(); part("scanned").focus(); },
    paint,
  });
  const way = labdb.boxSend({ page, onWay: () => say("The check is kept on this device, and on its way.", "note"), onStored: stored, onHeld: heldBack });
  const isUntouched = () => !(session.scans.length || session.empty.length || session.unknown.length || session.waiting.length);
  const compared = () => labdb.compareBox(state, session.scans, new Map(session.strangers.map((tube) => [tube.id, tube])));
  const known = (id) => state.tubes.find((tube) => tube.id === id) ?? session.strangers.find((tube) => tube.id === id);
  const nameOf = (tube) => `${tube.code} of ${tube.study}`;
  const scanAt = (position) => session.scans.find((scan) => scan.position === position);
  const isWaiting = (position) => Boolean(grid.held(position).tube) && !scanAt(position) && !session.empty.includes(position);

  function paint(position, held) {
    const scan = scanAt(position);
    const isNext = session.next === position;
    const classes = [isNext && "scan-next"];
    const words = [position];
    let lines;
    if (scan) {
      const tube = known(scan.id);
      const isHere = tube?.box === state.code;
      const kind = isHere && tube.position === position ? "good" : isHere ? "elsewhere" : "foreign";
      classes.push(`scan-${kind}`);
      lines = [{ good: "✓", elsewhere: `≠ ${tube.position}`, foreign: "foreign" }[kind], tube.code];
      const named = nameOf(tube);
      words.push({ good: `${named}, in its place`, elsewhere: `recorded in ${tube.position}: ${named}`, foreign: `foreign: ${named}` }[kind]);
    } else if (session.empty.includes(position)) {
      classes.push("scan-empty");
      lines = ["empty", held.tube?.code ?? ""];
      words.push(held.tube ? `empty, ${nameOf(held.tube)} is recorded` : "empty");
    } else words.push(held.hidden ? "a tube of a study that you do not see" : held.tube ? `${held.tube.region} ${nameOf(held.tube)} is waited for` : "recorded as free");
    if (isNext) words.push("scanned next");
    return { className: classes.filter(Boolean).join(" "), lines, words: words.join(", "), isSelected: isNext };
  }

  // Kept in the tab's own device: a reload or a flat battery loses no scan.
  function keep() { labdb.storage((store) => store.setItem(KEPT, JSON.stringify(session))); }
  function restore() {
    const kept = labdb.storage((store) => JSON.parse(store.getItem(KEPT) ?? "null"));
    if (!kept?.scans) return;
    session = { ...fresh(), ...kept };
    session.scans = session.scans.filter((scan) => known(scan.id));
    if (session.scans.length || session.unknown.length) say(`${session.scans.length} scans of before are kept on this device.`, "note", false);
  }

  function say(sentence, kind, isHeard = true) {
    labdb.put(part("says"), sentence);
    part("says").dataset.kind = kind;
    if (isHeard) labdb.sound(FLASH[kind]);
  }

  function advance() { session.next = labdb.nextToScan(grid.positions(), session.next ?? grid.positions().at(-1), isWaiting); }

  function changed() {
    keep();
    show();
  }

  // --- one scan ---
  function read(text) {
    const scan = labdb.readScan(text);
    const here = state.tubes.filter((tube) => labdb.isScanOf(tube, scan));
    const isBare = here.some((tube) => scan.id === null && tube.code.toUpperCase() === scan.name);
    if (here.length === 1 && (isOwnPreferred || !(isBare && here[0].is_twin))) return lay(here[0]);
    if (here.length > 1) return ask(here, text);
    return look(text);
  }

  // One after the other: a scanner is faster than an answer, and the next tube waits for its position.
  let queue = Promise.resolve();
  const inTurn = (act) => { queue = queue.then(act); };

  async function look(text) {
    let answer = null;
    try {
      const response = await fetch(`${page.dataset.found}?${new URLSearchParams({ code: text })}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
      if (response.ok) answer = await response.json();
    } catch { /* as below */ }
    if (!answer) {
      session.waiting.push({ text, position: session.next });
      say(`${text} is not of this box, and the network is away: it is looked up when it is back.`, "note");
      advance();
      return changed();
    }
    const { tubes } = answer;
    if (tubes.length > 1) return ask(tubes, text);
    if (tubes.length === 1) return lay(tubes[0]);
    if (!session.unknown.includes(text)) session.unknown.push(text);
    say(answer.sentence, "wrong");
    changed();
  }

  function ask(tubes, text) {
    say(`Several studies have a tube ${text}. Which one is it?`, "note");
    let answered = null;
    const isAnswered = new Promise((resolve) => { answered = resolve; });
    const place = (tube) => (tube.box ? `${tube.box} ${tube.position}` : "no place recorded");
    part("which").replaceChildren(...tubes.map((tube) => labdb.button(`${tube.label} (${place(tube)})`, () => {
      isOwnPreferred ||= tubes.length > 1 && part("prefer").checked && tube.box === state.code;
      part("ask").hidden = true;
      lay(tube);
      part("scanned").focus();
      answered();
    })));
    part("ask").hidden = false;
    part("which").firstElementChild.focus();
    return isAnswered;
  }

  function lay(tube) {
    const before = session.scans.find((scan) => scan.id === tube.id);
    if (before) {
      if (!session.twice.includes(tube.label)) session.twice.push(tube.label);
      say(`${tube.label} was scanned already, in ${before.position}. Take that back if it stands here.`, "wrong");
      return changed();
    }
    if (!known(tube.id)) session.strangers.push(tube);
    const isAnywhere = part("anywhere").checked && tube.box === state.code && tube.position;
    const position = isAnywhere ? tube.position : session.next ?? firstFree();
    if (!position || grid.held(position).hidden || scanAt(position)) return say("Every position is taken; choose the position first.", "wrong");
    session.scans.push({ id: tube.id, position });
    session.empty = session.empty.filter((one) => one !== position);
    session.next = position;
    advance();
    if (tube.box !== state.code) say(`${tube.label} is not of this box: recorded in ${tube.box ? `${tube.box} ${tube.position}` : "no box"}. Laid in ${position}.`, "wrong");
    else if (tube.position === position) say(`${tube.label} is in its place, ${position}.`, "good");
    else say(`${tube.label} is in ${position}, recorded in ${tube.position || "no position"}.`, "note");
    changed();
  }

  const firstFree = () => grid.positions().find((position) => !scanAt(position) && !grid.held(position).hidden);

  function nothingThere() {
    const position = session.next;
    if (!position) return say("Choose the position that is empty first.", "wrong");
    if (!session.empty.includes(position)) session.empty.push(position);
    say(`${position} is empty.`, "note");
    advance();
    changed();
  }

  function takeBack() {
    const last = session.scans.pop();
    if (!last) return say("Nothing was scanned yet.", "wrong");
    session.next = last.position;
    say(`${known(last.id).label} is taken back; ${last.position} is scanned next.`, "note");
    changed();
  }

  // --- what it says ---
  function show() {
    session.next ??= labdb.nextToScan(grid.positions(), grid.positions().at(-1), isWaiting);
    grid.redraw();
    const rows = compared();
    const isDone = session.next === null || !grid.positions().some(isWaiting);
    const counts = { "in-place": rows.inPlace, elsewhere: rows.elsewhere, missing: rows.missing, foreign: rows.foreign, unknown: session.unknown, twice: session.twice };
    for (const [name, list] of Object.entries(counts)) labdb.put(part(name), String(list.length));
    labdb.put(part("missing-word"), isDone ? "missing" : "not scanned yet");
    labdb.put(part("next"), session.next && !isDone ? `Next: ${session.next}${grid.held(session.next).tube ? ` (${grid.held(session.next).tube.label})` : ""}` : isDone ? "Every position was looked at." : "");
    part("elsewhere-rows").replaceChildren(...rows.elsewhere.map((row) => line(row, "elsewhere", `${row.tube.label} is in ${row.position}, recorded in ${row.tube.position || "no position"}${row.exchangedWith ? `: exchanged with ${row.exchangedWith.label}` : ""}`)));
    part("missing-rows").replaceChildren(...(isDone || session.scans.length ? rows.missing : []).filter((row) => isDone || session.empty.includes(row.tube.position)).map((row) => line(row, "missing", `${row.tube.label} is not in ${row.tube.position || "the box"}`)));
    part("foreign-rows").replaceChildren(...rows.foreign.map((row) => line(row, "foreign", `${row.tube.label} is in ${row.position}, recorded in ${row.tube.box ? `${row.tube.box} ${row.tube.position}` : "no box"}`)));
    part("unknown-rows").replaceChildren(...session.unknown.map((text) => labdb.make("li", {}, labdb.make("span", { textContent: `${text} is no tube of yours` }), labdb.button("Leave out", () => { session.unknown = session.unknown.filter((one) => one !== text); changed(); }))));
    const passed = labdb.passedOver(state, session.scans);
    part("passed").hidden = !passed;
    if (passed) labdb.put(part("passed-words"), `The last ${passed.scans.length} scans are each one position early. Was ${passed.position} empty?`);
    part("waiting").hidden = !session.waiting.length;
    labdb.put(part("waiting"), `${session.waiting.length} scans wait for the network.`);
    for (const name of ["elsewhere", "missing", "foreign", "unknown"]) part(`${name}-head`).hidden = !part(`${name}-rows`).childElementCount;
    part("all-right").hidden = !(isDone && state.tubes.length && rows.inPlace.length === state.tubes.length && !rows.foreign.length && !session.unknown.length);
    const held = way.held();
    part("held").hidden = !held || held.state === "needs_reason" || isUntouched();
    if (held) labdb.put(part("held-words"), `The check before this one was not stored. ${way.sentences(held)}`);
    part("store").disabled = !(session.scans.length || session.empty.length) || session.waiting.length > 0;
  }

  function line(row, kind, words) {
    const select = labdb.make("select", { className: "form-select" });
    select.setAttribute("aria-label", `What to record of ${row.tube.label}`);
    for (const [value, text] of CHOICES[kind]) select.append(labdb.make("option", { value, textContent: text, selected: (session.decisions[row.tube.id] ?? "left") === value }));
    select.addEventListener("change", () => {
      session.decisions[row.tube.id] = select.value;
      // An exchange is recorded for both, or the two would lie in one position.
      if (row.exchangedWith) session.decisions[row.exchangedWith.id] = select.value;
      changed();
    });
    return labdb.make("li", {}, labdb.make("span", { textContent: words }), select);
  }

  for (const one of page.querySelectorAll("[data-all]")) {
    one.addEventListener("click", () => {
      for (const { tube } of compared()[one.dataset.all]) session.decisions[tube.id] = CHOICES[one.dataset.all][1][0];
      changed();
    });
  }

  // --- the end ---
  async function store() {
    const nLeft = grid.positions().filter(isWaiting).length;
    const words = `${nLeft} ${nLeft === 1 ? "position was" : "positions were"} not looked at: what is recorded there is stored as missing.`;
    if (nLeft && !(await labdb.askInDialog(dialog, { title: "Store it all the same?", words, yes: "Store the check", no: "Go on scanning" }))) return part("scanned").focus();
    const rows = compared();
    const differing = new Set([...rows.elsewhere, ...rows.missing, ...rows.foreign].map(({ tube }) => String(tube.id)));
    const sent = { ...session, notes: part("notes").value };
    session = fresh();
    keep();
    part("notes").value = "";
    way.send({
      digest: state.digest, unknown: sent.unknown, notes: sent.notes.trim(),
      decisions: Object.fromEntries(Object.entries(sent.decisions).filter(([id]) => differing.has(id))),
      scanned: sent.scans.map((scan) => ({ sample: scan.id, position: scan.position })),
    }, sent);
    show();
    part("scanned").focus();
  }

  async function readBox() {
    try {
      const response = await fetch(page.dataset.stored, { cache: "no-store", headers: { Accept: "application/json" } });
      if (response.ok) state = await response.json();
    } catch { /* no network: what was known of the box has to do */ }
    grid.fill(state);
    show();
  }

  async function stored(answer) {
    await readBox();
    part("stored").hidden = false;
    part("stored-link").href = answer.url;
    labdb.put(part("stored-link"), answer.name);
    say("The check is stored.", "good");
  }

  // What was not stored is gone on with, unless the next check has begun: then it waits for a tap.
  async function heldBack() {
    await readBox();
    const item = way.held();
    if (!item || dialog.open) return;
    if (item.state === "needs_reason") return askReason(item);
    if (isUntouched()) takeUp(item);
    else say("The check before this one was not stored.", "wrong");
  }

  async function askReason(item) {
    const reason = await labdb.askInDialog(dialog, { title: "Is that right?", words: way.sentences(item), yes: "It is right", no: "Look again", needsReason: true });
    if (reason) way.withReason(item, reason);
    else if (isUntouched()) takeUp(item);
  }

  async function takeUp(item) {
    const words = `${session.scans.length} scans of now are forgotten for those of the check that was not stored.`;
    if (!isUntouched() && !(await labdb.askInDialog(dialog, { title: "Take them up?", words, yes: "Take them up", no: "Keep those of now" }))) return;
    const sentences = way.sentences(item);
    session = { ...fresh(), ...way.takeBack(item) };
    part("notes").value = session.notes ?? "";
    say(sentences, "wrong");
    changed();
  }

  async function lookAgain() {
    const waiting = session.waiting.splice(0);
    for (const { text, position } of waiting) {
      session.next = position ?? session.next;
      await look(text);
    }
    changed();
  }

  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = part("scanned").value.trim();
    part("scanned").value = "";
    if (!part("ask").hidden) return say("Say first which tube the last scan was.", "wrong");
    part("stored").hidden = true;
    if (text) inTurn(() => read(text));
    part("scanned").focus();
  });
  // A scanner types wherever the focus is: what is typed over the grid goes to the one input.
  page.addEventListener("keydown", (event) => {
    const isText = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isText && event.target.closest("[data-position], button")) part("scanned").focus();
  });
  part("empty").addEventListener("click", () => { inTurn(nothingThere); part("scanned").focus(); });
  part("undo").addEventListener("click", () => { inTurn(takeBack); part("scanned").focus(); });
  part("passed-yes").addEventListener("click", () => {
    const passed = labdb.passedOver(state, session.scans);
    if (!passed) return;
    for (const scan of passed.scans) scan.position = known(scan.id).position;
    session.empty.push(passed.position);
    session.next = passed.scans.at(-1).position;
    advance();
    say(`${passed.position} is empty; the scans after it stand one position further.`, "good");
    changed();
    part("scanned").focus();
  });
  part("anew").addEventListener("click", async () => {
    if (!isUntouched() && !(await labdb.askInDialog(dialog, { title: "Begin anew?", words: "Every scan of this session is forgotten.", yes: "Forget them", no: "Keep them" }))) return;
    session = fresh();
    keep();
    show();
    say("", "");
  });
  part("store").addEventListener("click", store);
  part("take-up").addEventListener("click", () => { const item = way.held(); if (item) takeUp(item); });
  document.addEventListener("labdb:outbox", show);
  window.addEventListener("online", lookAgain);

  grid.fill(state);
  restore();
  show();
  if (way.held()) heldBack();
  else if (way.isUnderWay()) say("A check of this box is kept on this device, and on its way.", "note", false);
  part("scanned").focus();
})();
