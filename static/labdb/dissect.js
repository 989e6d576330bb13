// A day of dissections: the mouse on the table with its regions, the sheet of all mice, and what a scanner reads.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.dissect;
  if (!day) return;
  const { make, put, dissectSend, dissectMenu } = labdb;
  const find = (name) => document.querySelector(`[data-dissect="${name}"]`);
  const WORDS = { died: "died", trouble: "look here", done: "✓", begun: "begun", skipped: "skipped", left: "" };
  const TICK_MS = 500;
  const rows = new Map(); // mouse -> { row, button, cells, state }
  const cards = { of: null, all: [] }; // the regions of the mouse on the table
  let current = null;

  const hours = (value) => (value === null ? "—" : value < 48 ? `${value.toFixed(1)} h` : `${(value / 24).toFixed(1)} days`);
  const cellWords = (mouse, column) => {
    const sample = day.sampleOf(mouse, column);
    if (sample) {
      const minutes = day.minutesOf(mouse, sample);
      return [sample.trouble ? "trouble" : "frozen", minutes === null ? "✓" : `${minutes.toFixed(1)} min`];
    }
    const lost = day.lostOf(mouse, column);
    return lost ? [lost.trouble ? "trouble" : "lost", "not taken"] : ["open", ""];
  };

  // ---- the sheet ----

  function drawHead() {
    find("head").replaceChildren(...["No.", "Mouse", ...day.protocol.columns.map(day.nameOf), ""].map((words, at) => make("th", { scope: "col", textContent: words, className: at === 0 ? "number" : "" })));
    put(find("protocol-words"), protocolWords());
    for (const link of document.querySelectorAll("[data-dissect-link]")) link.search = searchOf(link);
    day.mice.forEach(makeRow);
  }

  // Paper and labels are made by the server, which does not know what was chosen here for the day.
  function searchOf(link) {
    const search = new URLSearchParams(link.search);
    if (day.protocol.columns.length) search.set("columns", day.protocol.columns.map(({ region, hemisphere }) => `${region}:${hemisphere ?? ""}`).join("/"));
    return search.toString();
  }

  function protocolWords() {
    const { anesthesia, death_method: method } = day.protocol;
    const boxes = day.boxesUsed();
    return [anesthesia && `anesthesia: ${anesthesia}`, method, boxes.length && `box ${boxes.join(", ")}`].filter(Boolean).join("; ") || "No protocol yet";
  }

  function makeRow(mouse) {
    const button = labdb.button("", () => select(mouse), { className: "dissect-pick" });
    const state = make("td", { className: "dissect-state" });
    const cells = day.protocol.columns.map(() => make("td", { className: "dissect-cell" }));
    const row = make("tr", {}, make("td", { className: "number", textContent: String(mouse.order) }), make("th", { scope: "row" }, button), ...cells, state);
    row.addEventListener("click", (event) => { if (!event.target.closest("button")) select(mouse); });
    rows.get(mouse)?.row.remove();
    rows.set(mouse, { row, button, cells, state });
    find("list").append(row);
    drawRow(mouse);
  }

  function drawRow(mouse) {
    const { row, button, cells, state } = rows.get(mouse);
    row.dataset.state = day.stateOf(mouse);
    row.dataset.current = mouse === current ? "yes" : "";
    button.setAttribute("aria-current", String(mouse === current));
    put(button, mouse.code);
    put(state, [WORDS[day.stateOf(mouse)], lastWords(mouse), mouse.excluded ? "excluded" : ""].filter(Boolean).join(" "));
    day.protocol.columns.forEach((column, at) => {
      const [kind, words] = cellWords(mouse, column);
      cells[at].dataset.state = kind;
      put(cells[at], words);
    });
  }

  function lastWords(mouse) {
    const last = day.lastMinutes(mouse) ?? mouse.dissection?.minutes ?? null;
    return last === null || day.stateOf(mouse) !== "done" ? "" : `within ${last.toFixed(1)} min`;
  }

  function drawCount() {
    const all = day.mice.filter((mouse) => day.stateOf(mouse) !== "died");
    const done = all.filter((mouse) => day.stateOf(mouse) === "done").length;
    const tubes = day.mice.reduce((sum, mouse) => sum + mouse.samples.length, 0);
    put(find("count"), `${done} of ${all.length} mice, ${tubes} tube${tubes === 1 ? "" : "s"}`);
    labdb.showProgress(find("progress"), done, all.length);
  }

  // ---- the mouse on the table ----

  function select(mouse) {
    const before = current;
    current = mouse;
    for (const one of [before, mouse]) if (one) drawRow(one);
    find("now").hidden = !mouse;
    find("end").hidden = Boolean(mouse);
    say("");
    if (mouse) {
      rows.get(mouse).row.scrollIntoView({ block: "nearest" });
      showCurrent();
    } else showEnd();
  }

  function showEnd() {
    const left = day.mice.filter((mouse) => ["left", "skipped", "begun"].includes(day.stateOf(mouse)));
    put(find("end"), left.length ? `Left are ${left.map((mouse) => mouse.code).join(", ")}. Tap one to go on with it.` : "All mice of the sheet are done.");
  }

  function showCurrent() {
    const mouse = current;
    put(find("code"), mouse.code);
    put(find("place"), [mouse.place, ...mouse.marks.filter((mark) => mark !== mouse.code)].filter(Boolean).join(" · "));
    const warnings = [mouse.trouble, mouse.warning, mouse.excluded ? "The mouse is excluded." : ""].filter(Boolean);
    find("warning").hidden = !warnings.length;
    put(find("warning"), warnings.join(" "));
    const begun = mouse.dissection;
    find("start").hidden = Boolean(begun) || !day.may_enter;
    put(find("start"), `Start ${mouse.code}`);
    find("skip").hidden = Boolean(begun) || !day.may_enter;
    put(find("begun"), begun ? begunWords(begun) : "");
    drawRegions();
    tick();
  }

  const begunWords = (begun) => [begun.at ? `Died ${labdb.clock.time(Date.parse(begun.at))}` : "Dissected", begun.by ? `by ${begun.by}` : ""].filter(Boolean).join(" ");

  // Written in place: a button that is replaced under a finger is not tapped.
  function drawRegions() {
    if (cards.of !== current) {
      cards.of = current;
      cards.all = day.protocol.columns.map((column) => regionCard(current, column));
      find("regions").replaceChildren(...cards.all.map(({ card }) => card));
    }
    for (const one of cards.all) drawCard(one);
  }

  function regionCard(mouse, column) {
    const name = day.nameOf(column);
    const menu = () => dissectMenu.region(mouse, column, () => follow(mouse), () => given(mouse));
    const tap = labdb.button("", () => (day.isOpen(mouse, column) ? freeze(mouse, column) : menu()), { className: "btn dissect-tap" });
    const more = labdb.button("", menu, { className: "btn dissect-more", disabled: !day.may_enter });
    const [said, facts] = [make("span"), make("span")];
    tap.append(make("strong", { textContent: name }), " ", said);
    more.append(make("span", { className: "visually-hidden", textContent: `${name}: side, punches, position, not taken: ` }), facts);
    return { mouse, column, tap, said, facts, card: make("div", { className: "dissect-region", role: "group", ariaLabel: name }, tap, more) };
  }

  function drawCard({ mouse, column, tap, said, facts }) {
    const [kind, words] = cellWords(mouse, column);
    tap.dataset.state = kind;
    tap.disabled = !day.may_enter || (kind === "open" && !mouse.dissection);
    put(said, kind === "open" ? "tap when frozen" : words);
    put(facts, kind === "lost" ? day.lostOf(mouse, column).reason : tubeWords(mouse, column));
  }

  function tubeWords(mouse, column) {
    const { position, box } = day.placeOf(mouse, column);
    return [day.codeOf(mouse, column), position ? `${box} ${position}` : "no position", tissueWords(mouse, column)].filter(Boolean).join(" · ");
  }

  function tissueWords(mouse, column) {
    const { hemisphere, punch_mm: mm, punch_count: count } = day.tissueOf(mouse, column);
    return [{ L: "left", R: "right", B: "both sides" }[hemisphere] ?? "", mm ? `${mm} mm` : "", count ? `× ${count}` : ""].filter(Boolean).join(" ");
  }

  function tick() {
    const mouse = current;
    if (!mouse) return;
    const at = mouse.dissection?.at ? Date.parse(mouse.dissection.at) : null;
    const isRunning = at !== null && day.stateOf(mouse) === "begun" && labdb.clock.day(at) === labdb.clock.day(labdb.clock.now());
    find("minutes").hidden = !mouse.dissection;
    const last = day.lastMinutes(mouse) ?? mouse.dissection?.minutes ?? null;
    put(find("minutes"), isRunning ? `${day.minutesFrom(mouse, day.nowMs()).toFixed(1)} min since death` : last === null ? "" : `frozen within ${last.toFixed(1)} min`);
    put(find("dosed"), hours(day.hoursSince(mouse, mouse.dosed_at)));
    put(find("tested"), hours(day.hoursSince(mouse, mouse.tested_at)));
    put(find("hour"), `hour ${day.lightHour(at ?? day.nowMs()).toFixed(1)}`);
  }

  // ---- taps ----

  function start() {
    if (!current || current.dissection) return;
    if (!day.protocol.anesthesia || !day.protocol.death_method || !day.protocol.columns.length) { dissectMenu.protocol(drawAll); return; }
    dissectSend.start(current);
    labdb.sound("saved");
  }

  function freeze(mouse, column) {
    dissectSend.freeze(mouse, column);
    labdb.sound("saved");
    given(mouse);
  }

  // The last region of a mouse: the next one comes.
  function given(mouse) {
    follow(mouse);
    if (mouse === current && day.stateOf(mouse) === "done") next();
  }

  function next() {
    select(labdb.nextLeft(day.mice, current, (mouse) => ["left", "begun"].includes(day.stateOf(mouse))));
  }

  function skip() {
    if (current) current.skipped = true;
    next();
  }

  function follow(mouse) {
    drawRow(mouse);
    drawCount();
    if (mouse === current) showCurrent();
  }

  // ---- what is scanned: a mouse, or the tube of a region that was just frozen ----

  function scanned(text) {
    const wanted = text.trim().toLowerCase();
    const isCalled = (code) => [code, `${day.study}-${code}`].some((name) => name.toLowerCase() === wanted);
    const read = labdb.readBalance(text, day.mice, day.study);
    if (read.mouse ?? read.either?.mouse) { select(read.mouse ?? read.either.mouse); return; }
    for (const mouse of day.mice) {
      const column = day.protocol.columns.find((one) => isCalled(day.codeOf(mouse, one)));
      if (column) { tubeScanned(mouse, column); return; }
    }
    wrong(`${text.trim() || "Nothing"} is no mouse and no tube of this sheet.`);
  }

  function tubeScanned(mouse, column) {
    select(mouse);
    if (!day.isOpen(mouse, column)) wrong(`${day.codeOf(mouse, column)} is ${cellWords(mouse, column)[1]} already.`);
    else if (!mouse.dissection) wrong(`${mouse.code} is not begun; tap Start first.`);
    else freeze(mouse, column);
  }

  function say(sentence) {
    put(find("says"), sentence);
  }

  function wrong(sentence) {
    say(sentence);
    labdb.sound("wrong");
  }

  // ---- the page ----

  function drawAll() {
    day.showAllTubes();
    cards.of = null;
    drawHead();
    drawCount();
    if (current) showCurrent();
    else if (day.may_enter) next();
    else select(day.mice[0] ?? null);
  }

  function sayOtherDay() {
    const today = labdb.clock.day(labdb.clock.now());
    const isOther = day.may_enter && day.day !== today;
    find("other-day").hidden = !isOther;
    put(find("other-day"), isOther ? `This sheet is of the ${day.day}; today is the ${today}. Reload the page.` : "");
  }

  document.addEventListener("labdb:dissect-mouse", ({ detail: mouse }) => {
    follow(mouse);
    if (mouse.trouble && mouse === current) labdb.sound("wrong");
  });
  find("start").addEventListener("click", start);
  find("skip").addEventListener("click", skip);
  find("protocol")?.addEventListener("click", () => dissectMenu.protocol(drawAll));
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { value } = find("scan");
    find("scan").value = "";
    scanned(value);
  });
  labdb.typeInto(find("scan"));
  labdb.watchOthers(day.stored_url, ({ day: of, mice }, asked) => {
    if (of !== day.day) return;
    dissectSend.takeStored(mice, asked);
    sayOtherDay();
  });
  drawAll();
  sayOtherDay();
  setInterval(tick, TICK_MS);
  Promise.all(day.boxesUsed().map(day.askBox)).then(() => { if (current) showCurrent(); });
  if (day.may_enter && day.mice.length && !(day.protocol.columns.length && day.protocol.anesthesia)) dissectMenu.protocol(drawAll);
})();
