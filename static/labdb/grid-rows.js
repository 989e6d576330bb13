// What a row of the grid is: new or stored, filled or not, changed or not; and how an answer of the server changes it.
// A row is {cells: {field: text}, about}; of a stored row `about` has id, version and the texts that were seen (base).
window.labdb = window.labdb || {};
(() => {
  "use strict";

  const isStored = (row) => row.about.id !== undefined;
  const changedNames = (row) => Object.keys(row.about.base ?? {}).filter((name) => name in row.cells && row.cells[name] !== row.about.base[name]);

  // A new row counts once something was typed into it besides what the grid had put there (the mouse of a cohort).
  const isFilled = (row) => Object.entries(row.cells).some(([name, text]) => text && text !== row.about.given?.[name]);
  const isToSave = (row) => (isStored(row) ? changedNames(row).length > 0 : isFilled(row));
  const isBlank = (row) => !isStored(row) && Object.values(row.cells).every((text) => !text);

  function sentRow(row, number) {
    if (isStored(row)) {
      const cells = Object.fromEntries(changedNames(row).map((name) => [name, row.cells[name]]));
      return { number, id: row.about.id, version: row.about.version, cells };
    }
    const cells = {};
    for (const name of new Set([...Object.keys(row.about.defaults ?? {}), ...Object.keys(row.cells)])) {
      const text = row.cells[name] || row.about.defaults?.[name];
      if (text) cells[name] = text;
    }
    return { number, cells };
  }

  // Take over what somebody else changed; a cell that both changed becomes a conflict, and the person chooses.
  // Returns the texts that the cells then have.
  function takeTheirs(row, theirs) {
    const about = row.about;
    const mine = changedNames(row);
    const texts = {};
    about.conflicts = about.conflicts ?? {};
    about.meanwhile = about.meanwhile ?? {};
    for (const [name, text] of Object.entries(theirs.cells)) {
      const seen = about.base[name];
      if (text === seen) continue;
      about.base[name] = text;
      if (mine.includes(name) && row.cells[name] !== text) about.conflicts[name] = { theirs: text, who: theirs.who, at: theirs.at };
      else {
        texts[name] = text;
        if (!mine.includes(name)) about.meanwhile[name] = { before: seen, who: theirs.who, at: theirs.at };
      }
    }
    about.version = theirs.version;
    return texts;
  }

  // A row was stored: what was sent is now what is seen, what was typed since stays typed.
  function settle(row, stored) {
    const { sent, base } = row.about;
    const texts = {};
    for (const [name, text] of Object.entries(stored.cells)) {
      const before = sent?.cells[name] ?? base?.[name] ?? "";
      if ((row.cells[name] ?? "") === before) texts[name] = text;
    }
    Object.assign(row.about, { id: stored.id, version: stored.version, name: stored.name, base: { ...stored.cells }, isSaved: true });
    for (const name of ["sent", "said", "conflicts", "meanwhile", "given", "defaults"]) delete row.about[name];
    return texts;
  }

  const conflictsOf = (row) => Object.entries(row.about.conflicts ?? {});

  window.labdb.gridRows = { isStored, changedNames, isToSave, isBlank, sentRow, takeTheirs, settle, conflictsOf };
})();
