// What the outbox holds, in sight: a chip with its state, a list to correct or discard what was refused, the undo bar.
(() => {
  "use strict";
  const labdb = window.labdb ?? {};
  const chip = document.querySelector("[data-outbox-chip]");
  const dialog = document.querySelector("[data-outbox-list]");
  if (!labdb.outbox || !chip || !dialog) return;
  const UNDO_S = 10;
  const WHY = {
    network: "no network",
    "signed-out": "signed out",
    server: "the server does not answer",
  };
  const WORDS = {
    waiting: "waiting",
    refused: "refused",
    needs_reason: "needs a reason",
    conflict: "changed by someone else",
    forbidden: "not allowed",
  };

  function make(tag, words = {}, ...children) {
    const element = Object.assign(document.createElement(tag), words);
    element.append(...children);
    return element;
  }

  const sentencesOf = (answer) => Object.entries(answer?.errors ?? {}).flatMap(([name, some]) => some.map((one) => [name, one]));
  const titleOf = (entry) => entry.label || `${entry.action} in ${entry.record}`;

  // ---- the chip ----

  function showChip({ waiting, held, trouble, isKept, ofOthers }) {
    const [label, kind] = wordsOf(waiting, held, trouble);
    chip.textContent = label;
    chip.dataset.kind = kind;
    const notes = [];
    if (!isKept) notes.push("This browser keeps nothing: leave the page open until all is saved.");
    for (const [owner, count] of Object.entries(ofOthers)) notes.push(`${count} of ${owner} ${count > 1 ? "wait" : "waits"} on this device; sign in as ${owner} to send ${count > 1 ? "them" : "it"}.`);
    if (trouble === "signed-out" && waiting.length) notes.push("Sign in again; what was entered is sent then.");
    const note = document.querySelector("[data-outbox-note]");
    note.hidden = !notes.length;
    if (note.dataset.words === notes.join(" ")) return;
    note.dataset.words = notes.join(" ");
    note.replaceChildren(notes.join(" "));
    if (trouble === "signed-out") {
      const next = encodeURIComponent(location.pathname + location.search);
      note.append(" ", make("a", { href: `${chip.dataset.login}?next=${next}`, textContent: "Sign in" }));
    }
  }

  function wordsOf(waiting, held, trouble) {
    if (held.length) {
      const first = sentencesOf(held[0].answer)[0]?.[1] ?? WORDS[held[0].state];
      return [`${held.length} ${held.length > 1 ? "need you" : WORDS[held[0].state]}: ${first}`, "held"];
    }
    if (trouble && waiting.length) return [`${waiting.length} waiting: ${WHY[trouble]}`, "waiting"];
    if (waiting.length) return [`saving ${waiting.length} …`, "saving"];
    return ["all saved", "saved"];
  }

  // ---- the list ----

  function showList({ waiting, held }) {
    if (!dialog.open || dialog.contains(document.activeElement) && document.activeElement.matches("input")) return;
    const rows = [...held.map(heldRow), ...waiting.map(waitingRow)];
    dialog.querySelector("[data-outbox-rows]").replaceChildren(...(rows.length ? rows : [make("p", { className: "m-0", textContent: "Everything entered here is saved." })]));
  }

  function waitingRow({ entry }) {
    return make("section", { className: "outbox-row" }, make("strong", { textContent: titleOf(entry) }), " ", make("span", { className: "text-secondary", textContent: "waiting" }));
  }

  function heldRow(item) {
    const { entry, state, answer } = item;
    const form = make("form", { className: "outbox-row" }, make("strong", { textContent: titleOf(entry) }), " ", make("span", { className: "badge bg-red-lt", textContent: WORDS[state] }));
    for (const [name, sentence] of sentencesOf(answer)) form.append(make("div", { textContent: name === "__all__" ? sentence : `${name}: ${sentence}` }));
    for (const [name, theirs] of Object.entries(answer?.theirs ?? {})) {
      form.append(make("div", { textContent: `${name}: theirs is ${theirs || "empty"}, yours ${entry.values?.[name] ?? "as it was"}` }));
    }
    const fields = state === "refused" ? fieldsOf(item) : state === "needs_reason" ? [["reason", "", "Reason"]] : [];
    for (const [name, value, label] of fields) {
      const id = `outbox-${item.slot}-${name}`;
      form.append(make("label", { className: "form-label mt-2", htmlFor: id, textContent: label }), make("input", { className: "form-control", id, name, value, autocomplete: "off" }));
    }
    form.append(buttonsOf(item, fields.length > 0));
    form.addEventListener("submit", (event) => { event.preventDefault(); sendAgain(item, Object.fromEntries(new FormData(form))); });
    return form;
  }

  // The fields that are wrong, or where the whole is, all that were entered.
  function fieldsOf({ entry, answer }) {
    const wrong = Object.keys(answer?.errors ?? {}).filter((name) => name in (entry.values ?? {}));
    const names = wrong.length ? wrong : Object.keys(entry.values ?? {}).filter((name) => typeof entry.values[name] !== "object");
    return ["add", "change"].includes(entry.action) ? names.map((name) => [name, String(entry.values[name] ?? ""), name.replaceAll("_", " ")]) : [];
  }

  function buttonsOf(item, hasFields) {
    const row = make("div", { className: "d-flex gap-2 mt-2 flex-wrap" });
    const isOurs = item.state === "conflict" && item.answer?.version;
    if (item.entry.page && item.entry.page !== location.pathname) row.append(make("a", { className: "btn btn-primary", href: item.entry.page, textContent: "Look at it on its page" }));
    if (hasFields || isOurs) row.append(make("button", { type: "submit", className: "btn btn-primary", textContent: isOurs ? "Keep mine" : "Send again" }));
    const discard = make("button", { type: "button", className: "btn", textContent: isOurs ? "Take theirs" : "Discard" });
    discard.addEventListener("click", () => { labdb.outbox.discard(item.entry.key); showList(labdb.outbox.status()); });
    row.append(discard);
    return row;
  }

  function sendAgain(item, values) {
    document.activeElement?.blur(); // or the list would take it for being typed in
    if (item.state === "needs_reason") labdb.outbox.correct(item.entry.key, {}, { reason: values.reason });
    else if (item.state === "conflict") labdb.outbox.correct(item.entry.key, {}, { version: item.answer.version });
    else labdb.outbox.correct(item.entry.key, values);
  }

  chip.addEventListener("click", () => {
    dialog.showModal();
    dialog.querySelector("[data-outbox-close]").focus();
    showList(labdb.outbox.status());
    labdb.outbox.retry();
  });
  dialog.querySelector("[data-outbox-close]").addEventListener("click", () => dialog.close());
  document.addEventListener("labdb:outbox", (event) => { showChip(event.detail); showList(event.detail); });

  // ---- the undo bar ----

  const bar = document.querySelector("[data-undo-bar]");
  const words = bar.querySelector("[data-undo-words]");
  const button = bar.querySelector("button");
  let offered = null; // { key, act, until }
  let counting = null;

  function hide() {
    clearInterval(counting);
    offered = null;
    bar.hidden = true;
  }

  function count() {
    if (!offered) return; // a tick that was due already when it was hidden
    const left = Math.ceil((offered.until - performance.now()) / 1000);
    if (left <= 0) hide();
    else button.textContent = `Undo (${left} s)`;
  }

  // Offer to take the last entry back, for ten seconds; a page that has more to do then brings its own `act`.
  labdb.outbox.offerUndo = (key, sentence, act = () => labdb.outbox.undo(key)) => {
    clearInterval(counting);
    offered = { key, act, until: performance.now() + UNDO_S * 1000 };
    words.textContent = sentence;
    bar.hidden = false;
    count();
    counting = setInterval(count, 250);
  };
  labdb.outbox.hideUndo = hide;
  button.addEventListener("click", () => {
    const { act } = offered;
    hide();
    act();
  });
  document.addEventListener("labdb:entry", (event) => {
    if (offered?.key === event.detail.key && ["refused", "needs_reason", "conflict", "forbidden", "discarded"].includes(event.detail.state)) hide();
  });
})();
