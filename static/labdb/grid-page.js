// The page of the grid: typed, checked by the server while one types, saved all or none, and kept here until it is.
(() => {
  "use strict";
  const { readHeader, counted } = window.labdb.gridText;
  const { isStored, isToSave, isBlank, sentRow, takeTheirs, settle, conflictsOf } = window.labdb.gridRows;
  const { post, retrier } = window.labdb.gridServer;
  const view = window.labdb.gridView;
  const drafts = window.labdb.gridDraft;
  const { byId } = view;
  const CHECK_MS = 400;
  const KEEP_MS = 250;
  const WHOLE_ROW = "__all__";

  function start(grid) {
    const columns = grid.columns;
    const columnOf = (name) => columns.find((column) => column.name === name);
    const labelOf = (name) => columnOf(name)?.label ?? name.replaceAll("_", " ");
    const defaults = Object.fromEntries(columns.filter((column) => column.default).map((column) => [column.name, column.default]));
    const chosen = grid.has_chosen_columns ? null : drafts.chosen(grid.record);
    const isShown = ({ name, is_shown, is_needed }) => is_needed || (chosen ? chosen.includes(name) : is_shown);
    const shown = new Set(columns.filter(isShown).map((column) => column.name));
    const state = { sheet: null, reading: {}, asked: [], pending: null, isSaving: false, checks: 0, changes: 0, checked: "", isKept: true, said: "", isLeft: false };
    let checking = null;
    let keeping = null;

    // --- rows -------------------------------------------------------------------------------------------------
    const rows = () => state.sheet.rows().map(({ cells, about }) => ({ cells: { ...about.rest, ...cells }, about }));
    const toSave = () => rows().map((row, y) => ({ row, number: y + 1 })).filter(({ row }) => isToSave(row));
    const textOf = (row) => JSON.stringify(Object.entries(row.cells).sort()); // in one order, whichever columns are seen
    const blank = (number) => Array.from({ length: number }, () => ({ cells: {}, about: {} }));

    function build(all) {
      state.sheet?.destroy();
      const visible = columns.filter((column) => shown.has(column.name));
      all.forEach((row) => {
        const hidden = Object.entries(row.cells).filter(([name]) => !shown.has(name));
        row.about.rest = Object.fromEntries(hidden);
      });
      state.sheet = window.labdb.makeSheet({
        element: byId("grid"), columns: visible, rows: all.length ? all : blank(1), study: grid.study, may_add: grid.may_add,
        onChange: changed, onSelect: () => state.sheet && view.tellCell(state.sheet, rows(), columns), onPaste: pasted, onSave: save,
        onLeave: () => byId("grid-save").focus(),
      });
      changed();
    }

    function show(names) {
      const hidden = names.filter((name) => columnOf(name) && !shown.has(name));
      if (!hidden.length) return;
      const all = rows();
      hidden.forEach((name) => shown.add(name));
      build(all);
      view.columnMenu(columns, shown, toggleColumn);
    }

    function toggleColumn(name, isShown) {
      const all = rows();
      if (isShown) shown.add(name);
      else shown.delete(name);
      build(all);
      drafts.setChosen(grid.record, [...shown]);
    }

    // --- what happens after every change ----------------------------------------------------------------------
    function changed() {
      if (!state.sheet) return;
      const all = rows();
      if (!state.pending) state.said = "";
      for (const row of all) {
        const text = textOf(row);
        if (row.about.said && row.about.text !== text) delete row.about.said;
        row.about.text = text;
        for (const [name, conflict] of conflictsOf(row)) if (row.cells[name] !== conflict.mine && conflict.mine !== undefined) delete row.about.conflicts[name];
        if (!isStored(row) && isToSave(row) && !row.about.defaults) row.about.defaults = { ...defaults }; // the hour that was shown when it was typed
      }
      clearTimeout(keeping);
      keeping = setTimeout(keep, KEEP_MS);
      state.changes += 1;
      checkSoon();
      refresh();
    }

    function checkSoon(wait = CHECK_MS) {
      clearTimeout(checking);
      checking = setTimeout(check, wait);
      state.checked = "";
    }

    function refresh() {
      const all = rows();
      view.paint(state.sheet, all, defaults);
      const found = view.listProblems(all, labelOf, { go, choose });
      view.tellCell(state.sheet, all, columns);
      const number = all.filter(isToSave).length;
      byId("grid-save").textContent = number ? `Save ${counted(number, "row", "rows")}` : "Save";
      byId("grid-save").setAttribute("aria-disabled", state.isSaving); // a disabled button would lose the focus
      byId("grid-state").textContent = stateWords(number, found);
    }

    function stateWords(number, found) {
      if (state.isSaving) return "Saving …";
      if (state.said) return state.said;
      if (!number) return grid.rows.length ? "Nothing was changed." : "Nothing was typed yet.";
      if (found.conflicts) return "Choose between theirs and yours; nothing is stored before.";
      if (found.errors) return "Nothing is stored before this is right.";
      if (found.warnings && !byId("grid-reason").value.trim()) return "With a reason it can be saved.";
      const kept = state.isKept ? "" : " This device keeps no copy: save soon.";
      return ({ done: "No errors; not stored yet.", failed: "Not checked: the server gives no answer." }[state.checked] ?? "Checking …") + kept;
    }

    function go(y, name) {
      if (name !== WHOLE_ROW) show([name]);
      state.sheet.select(y, name === WHOLE_ROW ? state.sheet.names[0] : name);
    }

    function choose(y, name, theirs) {
      const { about } = state.sheet.rows()[y];
      delete about.conflicts[name];
      if (theirs !== null) put(y, { [name]: theirs });
      changed();
    }

    // Texts that the server knows go into the cells, seen or hidden.
    function put(y, texts) {
      const about = state.sheet.aboutOf(y);
      state.sheet.correct(Object.entries(texts).map(([name, text]) => ({ y, name, text })));
      for (const [name, text] of Object.entries(texts)) if (!shown.has(name)) (about.rest ??= {})[name] = text;
    }

    // --- paste ------------------------------------------------------------------------------------------------
    function pasted(block, place) {
      view.notice("paste", "");
      const header = readHeader(block, columns, grid.left_out);
      const refusal = header ? refusedHeader(header) : refusedWidth(block, place);
      if (refusal) {
        view.notice("paste", refusal, { look: "danger" });
        return;
      }
      if (header) pasteNamed(block, header, place);
      else pasteRows(state.sheet.repeated(block), place);
      checkSoon(0);
    }

    function pasteRows(block, place) {
      const room = grid.may_add ? block.length : state.sheet.count() - place.y;
      if (block.length > room) view.notice("paste", `The block has ${block.length} rows, and ${room} fit; you may change rows, not add them. Nothing was pasted.`, { look: "danger" });
      else state.sheet.putBlock(place.x, place.y, block);
    }

    function refusedWidth(block, place) {
      const names = state.sheet.names.slice(place.x);
      const extra = block[0].length - names.length;
      if (extra <= 0) return "";
      const lost = block[0].slice(names.length).map((text, at) => `column ${names.length + at + 1} (${text || "empty"} in its first row)`);
      return `The block has ${counted(block[0].length, "column", "columns")}, and ${names.length} fit from ${labelOf(names[0])} on: ${lost.join(", ")} would be lost. Nothing was pasted. Start further left, show more columns, or copy the block with its row of column names.`;
    }

    function refusedHeader({ unknown, twice, unnamed }) {
      if (unknown.length) return `The first row names columns, and ${unknown.join(", ")} ${unknown.length > 1 ? "are no fields" : "is no field"} of ${grid.title}. Nothing was pasted. Rename it, or leave that column out. Known are: ${columns.map((column) => column.label).join(", ")}.`;
      if (twice.length) return `Two columns of the block stand for ${labelOf(twice[0])}. Nothing was pasted. Keep one of the two.`;
      if (unnamed.length) return `Column ${unnamed[0] + 1} of the block has no name in the first row. Nothing was pasted. Name it, or leave it out.`;
      return "";
    }

    // Columns go where their names say; what lies between them keeps what it has.
    function pasteNamed(block, { fields, leftOut }, place) {
      show(fields.filter(Boolean));
      const names = state.sheet.names;
      const places = fields.map((name) => names.indexOf(name));
      const used = places.filter((x) => x !== -1);
      const [first, last] = [Math.min(...used), Math.max(...used)];
      const now = state.sheet.rows();
      const texts = block.slice(1).map((row, down) => names.slice(first, last + 1).map((name, at) => {
        const from = places.indexOf(first + at);
        return from === -1 ? now[place.y + down]?.cells[name] ?? "" : row[from];
      }));
      state.sheet.select(place.y, names[first]);
      pasteRows(texts, { x: first, y: place.y });
      if (leftOut.length) view.notice("paste", `Left out, the database fills them: ${leftOut.join(", ")}.`, { look: "info" });
    }

    // --- the server -------------------------------------------------------------------------------------------
    const bodyOf = (sent) => ({ rows: sent.map(({ row, number }) => sentRow(row, number)), reading: state.reading, reason: byId("grid-reason").value.trim() });

    async function check() {
      const sent = toSave();
      if (!sent.length || state.isSaving || state.pending) return;
      const own = (state.checks += 1);
      const { status, answer } = await post(grid.check_url, bodyOf(sent));
      if (own !== state.checks) return; // something was typed or sent since
      state.checked = status === 200 ? "done" : "failed";
      if (status === 200) answered(sent, answer);
      else refused(status, answer);
      if (status === 0) recheck.later();
      else recheck.reset();
      refresh();
    }

    // Take what the server says of rows: sentences, and what others changed meanwhile.
    function answered(sent, answer) {
      view.notice("server", (answer.sentences ?? []).join(" "), { look: "danger" });
      for (const { row, number } of sent) {
        const said = answer.rows?.[number] ?? null;
        if (row.about.text === textOf(row)) row.about.said = said;
        const theirs = answer.theirs?.[number];
        const y = rows().findIndex((one) => one.about === row.about);
        if (theirs && y !== -1) {
          const now = rows()[y];
          put(y, takeTheirs(now, theirs));
          for (const [name, conflict] of conflictsOf(now)) conflict.mine = now.cells[name];
        }
        show(Object.keys({ ...said?.errors, ...said?.warnings, ...row.about.meanwhile, ...row.about.conflicts })); // nothing is saved over unseen
      }
      state.asked = answer.questions ?? [];
      view.askQuestions(grid.questions, state.asked, state.reading, (name, value) => { state.reading[name] = value; changed(); });
    }

    function refused(status, answer) {
      if (status === 401) signedOut();
      else if (status !== 0) view.notice("server", (answer.sentences ?? [`The server answered ${status}.`]).join(" "), { look: "danger" });
    }

    function signedOut() {
      keep();
      const url = `/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
      view.notice("server", "You are signed out. What was typed is kept on this device and comes back here when you have signed in.", { look: "danger", link: { text: "Sign in", url, act: () => { state.isLeft = true; } } });
    }

    const retry = retrier(() => send());
    const recheck = retrier(() => check());

    function save() {
      if (state.isSaving) return;
      state.sheet.leaveEditor();
      state.said = "";
      if (!state.pending) {
        const sent = toSave();
        if (!sent.length || sent.some(({ row }) => conflictsOf(row).length)) { refresh(); byId("grid-problems").querySelector("button")?.focus(); return; }
        for (const { row, number } of sent) row.about.sent = { number, cells: { ...row.cells } };
        state.pending = { key: drafts.newId(), ...bodyOf(sent) };
      }
      send();
    }

    async function send() {
      if (!state.pending || state.isSaving) return;
      state.isSaving = true;
      state.checks += 1;
      keep(); // with its key: should the answer be lost, the same rows are sent again and stored once
      refresh();
      const changes = state.changes;
      const { status, answer } = await post(grid.save_url, state.pending);
      state.isSaving = false;
      if (status === 0) {
        state.said = `No answer from the server: ${counted(state.pending.rows.length, "row is", "rows are")} kept on this device and saved once it answers.`;
        retry.later();
      } else if (status === 401) {
        state.said = "";
        signedOut();
      } else {
        finish(status, answer);
        state.checked = status === 200 ? "done" : "failed";
        if (changes !== state.changes) checkSoon(); // what was typed while it was sent
      }
      refresh();
      keep();
    }

    function finish(status, answer) {
      const sent = rows().map((row) => ({ row, number: row.about.sent?.number })).filter((one) => one.number !== undefined);
      retry.reset();
      state.pending = null;
      if (status === 200 && answer.state === "stored") stored(sent, answer.stored);
      else {
        sent.forEach(({ row }) => { delete row.about.sent; });
        state.said = "";
        if (status === 200) answered(sent, answer);
        else refused(status, answer);
        if (answer.state === "conflict") view.notice("conflict", "Someone else changed rows meanwhile: what they stored is marked below. Nothing of yours is stored yet; look, then save again.", { look: "warning" });
        if (answer.state === "needs_reason") byId("grid-reason").focus();
      }
    }

    function stored(sent, answers) {
      for (const { row, number } of sent) {
        const y = rows().findIndex((one) => one.about === row.about);
        if (answers[number]) put(y, settle(rows()[y], answers[number]));
      }
      state.sheet.forgetHistory();
      ["restored", "server", "conflict"].forEach((kind) => view.notice(kind, ""));
      byId("grid-reason").value = "";
      const at = new Date().toTimeString().slice(0, 5);
      state.said = toSave().length ? "" : `${counted(sent.length, grid.what, grid.title)} stored at ${at}.`;
    }

    // --- kept on this device ----------------------------------------------------------------------------------
    function keep() {
      clearTimeout(keeping);
      if (state.isLeft) return;
      const kept = rows().filter((row) => isToSave(row) || (!isStored(row) && !isBlank(row)));
      if (!kept.some(isToSave) && !state.pending) { drafts.forget(); return; }
      const about = ({ id, version, name, base, given, defaults: own, sent }) => ({ id, version, name, base, given, defaults: own, sent });
      state.isKept = drafts.keep({
        at: Date.now(), reading: state.reading, reason: byId("grid-reason").value, pending: state.pending, shown: [...shown],
        rows: kept.map((row) => ({ cells: row.cells, about: about(row.about) })),
      });
    }

    function restored(draft, all) {
      draft.shown.filter(columnOf).forEach((name) => shown.add(name));
      const byKey = new Map(all.filter(isStored).map((row) => [row.about.id, row]));
      const fresh = [];
      for (const row of draft.rows) {
        const same = byKey.get(row.about.id);
        if (same) Object.assign(same, row);
        else fresh.push(row);
      }
      state.reading = draft.reading ?? {};
      byId("grid-reason").value = draft.reason ?? "";
      state.pending = draft.pending ?? null;
      const number = draft.rows.filter(isToSave).length;
      const at = new Date(draft.at).toTimeString().slice(0, 5);
      view.notice("restored", `${counted(number, "unsaved row", "unsaved rows")} of ${at} restored.`, { look: "info", buttons: [["Keep", () => {}], ["Discard", discard]] });
      return [...all.filter(isStored), ...fresh, ...all.filter((row) => !isStored(row)).slice(fresh.length)];
    }

    function discard() {
      state.isLeft = true;
      drafts.forget();
      location.reload();
    }

    // --- tools ------------------------------------------------------------------------------------------------
    async function fill(resource, name) {
      if (!name) return;
      const address = new URL(grid.fill_url, location.href);
      address.searchParams.set("group", resource);
      address.searchParams.set("name", name);
      let members = null;
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        members = answer.ok ? (await answer.json()).rows : null;
      } catch { /* said below */ }
      if (!members) { view.notice("server", `The rows of ${name} could not be fetched; choose it again.`, { look: "danger" }); return; }
      const all = rows().filter((row) => !isBlank(row));
      const [field] = Object.keys(members[0] ?? {});
      const has = new Set(all.map((row) => row.cells[field]));
      const made = members.filter((cells) => !has.has(cells[field])).map((cells) => ({ cells: { ...cells }, about: { given: { ...cells } } }));
      if (!members.length) view.notice("server", `Nobody lives in ${name}.`, { look: "info" });
      build([...all, ...made, ...(all.length + made.length ? [] : blank(grid.empty_rows))]);
      const first = columns.find((column) => shown.has(column.name) && column.name !== field && column.is_needed) ?? columns.find((column) => shown.has(column.name));
      state.sheet.select(all.length && made.length ? all.length : 0, first.name);
    }

    function wire() {
      byId("grid-save").addEventListener("click", save);
      byId("grid-undo").addEventListener("click", () => state.sheet.undo());
      byId("grid-redo").addEventListener("click", () => state.sheet.redo());
      const keepsCells = ["grid-undo", "grid-redo", "grid-fill-down", "grid-remove"];
      keepsCells.forEach((id) => byId(id).addEventListener("mousedown", (event) => { event.preventDefault(); event.stopPropagation(); }));
      byId("grid-fill-down").addEventListener("click", () => state.sheet.fillDown());
      byId("grid-remove").addEventListener("click", () => state.sheet.removeRows());
      view.closeByItself(byId("grid-columns"));
      byId("grid-reason").addEventListener("input", () => { refresh(); keep(); });
      byId("grid-group")?.addEventListener("change", (event) => fill(event.target.selectedOptions[0].dataset.group, event.target.value));
      const time = byId("grid-time");
      if (time) {
        time.value = (defaults[time.dataset.column] ?? "").replace(" ", "T");
        time.addEventListener("change", () => {
          defaults[time.dataset.column] = time.value.replace("T", " ");
          rows().filter((row) => !isStored(row) && row.about.defaults).forEach((row) => { row.about.defaults[time.dataset.column] = defaults[time.dataset.column]; });
          rows().forEach((row) => { delete row.about.said; });
          changed();
        });
      }
      window.addEventListener("beforeunload", (event) => { if (!state.isLeft && toSave().length) event.preventDefault(); });
      window.addEventListener("pagehide", keep);
      document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
      view.columnMenu(columns, shown, toggleColumn);
    }

    async function open() {
      const stored_ = grid.rows.map(({ id, version, name, cells }) => ({ cells: { ...cells }, about: { id, version, name, base: { ...cells } } }));
      const draft = await drafts.recall();
      const all = [...stored_, ...blank(grid.empty_rows)];
      build(draft ? restored(draft, all) : all);
      wire();
      if (state.pending) send();
      else if (!draft && grid.fill) {
        const chosen = byId("grid-group").querySelector(`option[data-group="${grid.fill.resource}"][value="${CSS.escape(grid.fill.name)}"]`);
        chosen.selected = true;
        fill(grid.fill.resource, grid.fill.name);
      }
      document.body.dataset.grid = "ready";
    }
    open();
  }

  const content = document.getElementById("grid-content");
  if (content) start(JSON.parse(content.textContent));
})();
