// Entries of the bench on their way to the server: kept on this device until each is answered, sent in order, stored once.
//
//   const key = labdb.outbox.send({ record: "weighings", values: { mouse: "M07", body_mass_g: "24.3" }, label: "M07 24.3 g" });
//   document.addEventListener("labdb:entry", (event) => { event.detail.key, .state, .entry, .answer });
//
// `action` is add where none is said, or an act of the server's own; what an entry has as `kept` stays on this device.
// States: waiting, stored, undone, discarded, or held until a person decides: refused, needs_reason, conflict, forbidden.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const address = document.querySelector("[data-bench-entries]")?.dataset.benchEntries;
  if (!address) return;
  const OWNER = document.body.dataset.user;
  const ALL = "labdb-outbox ";
  const MINE = `${ALL}${OWNER} `;
  const AT_ONCE = 20;
  const LIMIT_MS = 20_000;
  const LONGEST_WAIT_MS = 30_000;
  const WAITING = "waiting";
  const queue = new Map(); // slot -> { slot, state, tries, entry, answer }; the slots are in the order of entry
  const stored = new Map(); // key -> { entry, answer } of what this page sent
  const underway = new Set(); // slots that a request holds just now
  let trouble = ""; // "", network, signed-out, server
  let isKept = true;
  let failures = 0;
  let timer = null;
  let isSending = false;
  let lastSlot = 0;

  // ---- what is kept on this device ----

  function keep(item) {
    queue.set(item.slot, item);
    try {
      localStorage.setItem(MINE + item.slot, JSON.stringify(item));
    } catch {
      isKept = false; // full or forbidden: the page says so, and keeps it as long as it is open
    }
  }

  function drop(item) {
    queue.delete(item.slot);
    try {
      localStorage.removeItem(MINE + item.slot);
    } catch { /* then it was never kept */ }
  }

  function load() {
    try {
      for (let at = 0; at < localStorage.length; at += 1) {
        const name = localStorage.key(at);
        if (name.startsWith(MINE)) queue.set(name.slice(MINE.length), JSON.parse(localStorage.getItem(name)));
      }
    } catch {
      isKept = false;
    }
  }

  // What other accounts left on this device: it waits until they sign in.
  function ofOthers() {
    const counts = {};
    try {
      for (let at = 0; at < localStorage.length; at += 1) {
        const name = localStorage.key(at);
        if (!name.startsWith(ALL) || name.startsWith(MINE)) continue;
        const owner = name.slice(ALL.length).split(" ")[0];
        counts[owner] = (counts[owner] ?? 0) + 1;
      }
    } catch { /* as above */ }
    return counts;
  }

  function newSlot() {
    lastSlot = Math.max(lastSlot + 1, Date.now(), ...[...queue.keys()].map((slot) => Number(slot.split("-")[0]) + 1));
    return `${String(lastSlot).padStart(15, "0")}-${newKey().slice(0, 8)}`;
  }

  // Not crypto.randomUUID: a laboratory's own network often has no TLS, and there it is missing.
  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  const inOrder = () => [...queue.values()].sort((one, other) => (one.slot < other.slot ? -1 : 1));
  const itemOf = (key) => inOrder().find((item) => item.entry.key === key && item.entry.action !== "undo");
  const isHeld = (item) => item.state !== WAITING;

  // ---- telling ----

  function tell(state, entry, answer = null) {
    document.dispatchEvent(new CustomEvent("labdb:entry", { detail: { key: entry.key, state, entry, answer } }));
    tellAll();
  }

  function status() {
    const items = inOrder();
    return { waiting: items.filter((item) => !isHeld(item)), held: items.filter(isHeld), trouble, isKept, ofOthers: ofOthers() };
  }

  function tellAll() {
    document.dispatchEvent(new CustomEvent("labdb:outbox", { detail: status() }));
  }

  // ---- sending ----

  // What corrects or takes back an entry that is held waits for it.
  function due() {
    const held = new Set(inOrder().filter(isHeld).map((item) => item.entry.key));
    return inOrder().filter((item) => !isHeld(item) && !held.has(item.entry.of) && !(item.entry.action === "undo" && held.has(item.entry.key)));
  }

  async function pump() {
    if (isSending) return;
    isSending = true;
    clearTimeout(timer);
    try {
      while (due().length && (await sendSome(due().slice(0, failures ? 1 : AT_ONCE)))) { /* until all are answered */ }
    } finally {
      isSending = false;
    }
    if (trouble && due().length) timer = setTimeout(pump, Math.min(1_000 * 2 ** Math.min(failures - 1, 5), LONGEST_WAIT_MS));
  }

  // Return whether the server answered; what it answered is settled then.
  async function sendSome(items) {
    for (const item of items) {
      keep({ ...item, tries: item.tries + 1 }); // from now on it may be stored, whatever becomes of the answer
      underway.add(item.slot);
    }
    let answer, said;
    try {
      const body = JSON.stringify({ entries: items.map((item) => ({ ...item.entry, label: undefined, kept: undefined })) });
      const headers = { "Content-Type": "application/json", "X-CSRFToken": labdb.csrfToken(), Accept: "application/json" };
      answer = await fetch(address, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(LIMIT_MS) });
      said = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
    } catch {
      return failed("network");
    } finally {
      items.forEach((item) => underway.delete(item.slot));
    }
    if (answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect") return failed("signed-out");
    if (answer.status === 400 && said) return refuse(items, said.__all__);
    if (!answer.ok || !said) return failed("server");
    failures = 0;
    trouble = "";
    labdb.clock?.told(said.now);
    items.forEach((item, at) => settle(queue.get(item.slot) ?? item, said.answers[at]));
    return true;
  }

  function failed(why) {
    failures += 1;
    trouble = why;
    tellAll();
    return false;
  }

  // The request as a whole could not be read: alone, each entry learns whether it is the one.
  function refuse(items, sentences) {
    if (items.length > 1) {
      failures += 1;
      return true;
    }
    failures = 0;
    settle(items[0], { status: "refused", errors: { __all__: sentences } });
    return true;
  }

  function settle(item, answer) {
    if (answer.status === "stored") {
      drop(item);
      stored.set(item.entry.key, { entry: item.entry, answer });
      tell(answer.undone ? "undone" : "stored", item.entry, answer);
    } else {
      keep({ ...item, state: answer.status, answer });
      tell(answer.status, item.entry, answer);
    }
  }

  // ---- what pages call ----

  // Keep an entry and send it; the key names it from now on. `label` is what lists call it.
  function send(entry) {
    const whole = { action: "add", ...entry, key: newKey(), at: (labdb.clock?.now() ?? new Date()).toISOString() };
    const person = labdb.bench?.token?.();
    if (person) whole.person = person;
    return enqueue(whole);
  }

  function enqueue(entry) {
    keep({ slot: newSlot(), state: WAITING, tries: 0, entry, answer: null });
    tell(WAITING, entry);
    pump();
    return entry.key;
  }

  // Put other values in place of those of an entry, wherever it is: here, under way, or stored. Returns the key to follow.
  function correct(key, values, { reason = "", version, label } = {}) {
    const item = itemOf(key);
    if (item && !underway.has(item.slot) && (isHeld(item) || !item.tries)) {
      const entry = { ...item.entry, values: { ...item.entry.values, ...values } };
      if (reason) entry.reason = reason;
      if (version !== undefined) { entry.version = version; delete entry.of; entry.id = item.answer?.id ?? entry.id; }
      if (label) entry.label = label;
      keep({ ...item, state: WAITING, entry, answer: null });
      tell(WAITING, entry);
      pump();
      return key;
    }
    const before = item?.entry ?? stored.get(key)?.entry;
    if (!before) throw new Error(`no entry ${key} is known here`);
    return send({ record: before.record, action: "change", of: before.of ?? key, values, reason, label: label ?? before.label });
  }

  // Take an entry back: here if it never left, else at the server.
  function undo(key) {
    const item = itemOf(key);
    if (item && !item.tries && !underway.has(item.slot)) {
      drop(item);
      tell("undone", item.entry);
      return;
    }
    const before = item?.entry ?? stored.get(key)?.entry ?? {};
    if (item && isHeld(item)) {
      discard(key);
      return;
    }
    enqueue({ action: "undo", key, label: `take back ${before.label ?? "the entry"}`, record: before.record, at: (labdb.clock?.now() ?? new Date()).toISOString() });
  }

  // Forget an entry that is held; what was to follow it goes with it.
  function discard(key) {
    for (const item of inOrder()) {
      if (item.entry.key === key || item.entry.of === key) {
        drop(item);
        tell("discarded", item.entry);
      }
    }
    pump();
  }

  labdb.outbox = { send, correct, undo, discard, status, retry: pump, answerOf: (key) => stored.get(key)?.answer ?? null };

  load();
  window.addEventListener("storage", (event) => { // another tab sent some, or entered more
    if (event.key && !event.key.startsWith(MINE)) return;
    queue.clear();
    load();
    tellAll();
  });
  for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, () => pump());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pump(); });
  document.addEventListener("DOMContentLoaded", () => { tellAll(); pump(); });
})();
