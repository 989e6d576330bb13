// The spreadsheet itself: jspreadsheet with cells of plain text, our own editor, and our own paste, for its paste drops
// what does not fit. Each row keeps what is known of it (`about`) through undo, redo and removal.
window.labdb = window.labdb || {};
(() => {
  "use strict";
  const { readBlock, writeBlock } = window.labdb.gridText;
  const WIDTHS = [["date and time", 150], ["date", 105], ["whole number", 90], ["number", 110], ["yes or no", 80]];
  const widthOf = (column) => (column.name === "notes" ? 260 : WIDTHS.find(([kind]) => column.kind.startsWith(kind))?.[1] ?? 130);

  // The library writes one inline handler, which the page's policy refuses; it only keeps a handle from being selected.
  function withoutInlineHandlers(act) {
    const own = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function set(name, value) {
      if (name !== "onselectstart") own.call(this, name, value);
    };
    try {
      return act();
    } finally {
      Element.prototype.setAttribute = own;
    }
  }

  // Names and choices are offered while one types; any other text stays, and the server says what it thinks of it.
  function offerNames(input, column, study) {
    if (!column.keys_url && !column.options.length) return;
    const list = document.createElement("datalist");
    list.id = "grid-options";
    document.getElementById(list.id)?.remove();
    document.body.append(list);
    input.setAttribute("list", list.id);
    const show = (options) => list.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
    show(column.options);
    if (!column.keys_url) return;
    let waiting;
    const ask = async () => {
      const address = new URL(column.keys_url, window.location.href);
      const parts = column.several ? input.value.split(";") : [input.value];
      const before = parts.slice(0, -1).map((part) => `${part.trim()}; `).join("");
      address.searchParams.set("q", parts.at(-1).trim());
      if (study) address.searchParams.set("study", study);
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        if (answer.ok && input.isConnected) show((await answer.json()).found.map((one) => [before + one.value, one.text]));
      } catch {
        // the name can still be typed
      }
    };
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 200); });
    ask();
  }

  const editorOf = (column, study, stay) => ({
    openEditor(cell, value, x, y, sheet, options, event) {
      const input = document.createElement("input");
      const isTyped = event?.type === "keydown" && (event.key === "Process" || (event.key.length === 1 && event.key !== " "));
      input.value = isTyped ? "" : value;
      input.autocomplete = "off";
      input.spellcheck = false;
      input.setAttribute("aria-label", column.label);
      if (column.is_number) input.inputMode = "decimal";
      cell.classList.add("editor");
      cell.replaceChildren(input);
      input.onblur = () => sheet.closeEditor(cell, true);
      offerNames(input, column, study);
      input.focus();
      if (!isTyped) input.select();
    },
    closeEditor(cell) {
      const input = cell.querySelector("input");
      input.onblur = null;
      queueMicrotask(stay);
      return input.value.trim();
    },
    updateCell(cell, value) {
      cell.textContent = value;
      return value;
    },
  });

  // options: element, columns, rows [{cells, about}], study, and what to tell: onChange, onSelect, onPaste(block, place), onSave, onLeave.
  function makeSheet(options) {
    const { element, columns } = options;
    const names = columns.map((column) => column.name);
    const about = new WeakMap();
    const told = () => options.onChange();
    // The keys go on to the grid when an editor is closed, unless somebody went elsewhere.
    const stay = () => { if (document.activeElement === document.body) element.focus({ preventScroll: true }); };
    const textsOf = (cells) => names.map((name) => cells[name] ?? "");
    element.replaceChildren();
    const sheet = withoutInlineHandlers(() => window.jspreadsheet(element, {
      worksheets: [{
        data: options.rows.map((row) => textsOf(row.cells)),
        columns: columns.map((column) => ({
          type: editorOf(column, options.study, stay), title: column.label + (column.is_needed ? " *" : ""), width: widthOf(column),
          align: column.is_number ? "right" : "left",
        })),
        minDimensions: [names.length, 1],
        allowInsertColumn: false, allowDeleteColumn: false, allowRenameColumn: false, allowDeleteRow: false, allowInsertRow: options.may_add,
        columnSorting: false, columnDrag: false, rowDrag: false, rowResize: false, allowComments: false,
        tableOverflow: true, tableWidth: "100%", parseFormulas: false,
      }],
      parseFormulas: false, autoIncrement: false, about: false, allowExport: false, contextMenu: () => false,
      oncopy: () => writeBlock(chosenTexts()),
      onafterchanges: told, oninsertrow: told, ondeleterow: told, onundo: told, onredo: told,
      onselection: () => options.onSelect(),
    }))[0];
    window.jspreadsheet.current = null; // a grid that was just made takes no keys before somebody goes into it
    options.rows.forEach((row, y) => about.set(sheet.rows[y].element, row.about));
    columns.forEach((column, x) => { sheet.headers[x].title = [column.kind, column.help].filter(Boolean).join(". "); });

    const isCurrent = () => window.jspreadsheet.current === sheet;
    const count = () => sheet.options.data.length;
    function aboutOf(y) {
      const row = sheet.rows[y].element;
      if (!about.has(row)) about.set(row, {});
      return about.get(row);
    }

    function chosen() {
      const [x1, y1, x2, y2] = (sheet.selectedCell ?? [0, 0, 0, 0]).map(Number);
      return { x1: Math.min(x1, x2), y1: Math.min(y1, y2), x2: Math.max(x1, x2), y2: Math.max(y1, y2) };
    }
    function chosenTexts() {
      const { x1, y1, x2, y2 } = chosen();
      return sheet.options.data.slice(y1, y2 + 1).map((row) => row.slice(x1, x2 + 1));
    }
    const cellsFrom = (x, y, block) => block.flatMap((row, down) => row.map((value, right) => ({ x: x + right, y: y + down, value })));

    function setCells(cells) {
      const missing = Math.max(...cells.map((cell) => cell.y)) + 1 - count();
      if (missing > 0) sheet.insertRow(missing);
      sheet.setValue(cells, null, true);
    }

    // A block that the chosen cells hold several times fills them, as in a spreadsheet.
    function repeated(block) {
      const { x1, y1, x2, y2 } = chosen();
      const [wide, high] = [x2 - x1 + 1, y2 - y1 + 1];
      const across = wide % block[0].length === 0 ? wide / block[0].length : 1;
      const down = high % block.length === 0 ? high / block.length : 1;
      const rows = block.map((row) => Array(across).fill(row).flat());
      return Array(down).fill(rows).flat();
    }

    function paste(event) {
      if (!isCurrent() || sheet.edition || !sheet.selectedCell) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const { x1, y1 } = chosen();
      options.onPaste(readBlock(event.clipboardData.getData("text/plain")), { x: x1, y: y1 });
    }

    function putBlock(x, y, rows) {
      setCells(cellsFrom(x, y, rows));
      sheet.updateSelectionFromCoords(x, y, x + rows[0].length - 1, y + rows.length - 1);
    }

    function fillDown() {
      const { x1, y1, x2, y2 } = chosen();
      const from = y1 === y2 ? Math.max(0, y1 - 1) : y1; // of one row: from the row above
      const first = sheet.options.data[from].slice(x1, x2 + 1);
      if (y2 > from) setCells(cellsFrom(x1, from + 1, Array(y2 - from).fill(first)));
    }

    function removeRows() {
      const { y1, y2 } = chosen();
      sheet.options.allowInsertRow = sheet.options.allowDeleteRow = true;
      if (y2 - y1 + 1 === count()) sheet.insertRow(1);
      sheet.deleteRow(y1, y2 - y1 + 1);
      sheet.options.allowInsertRow = options.may_add;
      sheet.options.allowDeleteRow = false;
      select(Math.min(y1, count() - 1), names[chosen().x1]);
    }

    function select(y, name) {
      const x = Math.max(0, names.indexOf(name));
      window.jspreadsheet.current = sheet;
      sheet.updateSelectionFromCoords(x, y, x, y);
      element.focus({ preventScroll: true });
      sheet.records[y][x].element.scrollIntoView({ block: "nearest", inline: "nearest" });
    }

    function leave() {
      if (sheet.edition) sheet.closeEditor(sheet.edition[0], true);
      if (isCurrent()) { sheet.resetSelection(true); window.jspreadsheet.current = null; }
    }

    // Tab runs on into the next row; the library would hold it at the end of each.
    function step(by) {
      const { x1, y1 } = chosen();
      const [x, y] = x1 + by < 0 ? [names.length - 1, y1 - 1] : x1 + by >= names.length ? [0, y1 + 1] : [x1 + by, y1];
      if (y >= count() && options.may_add) sheet.insertRow(1);
      if (y >= 0 && y < count()) select(y, names[x]);
    }

    function keydown(event) {
      if (!isCurrent()) return;
      const control = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      if (control && key === "s") { leaveEditor(); options.onSave(); }
      else if (event.key === "Tab") { leaveEditor(); step(event.shiftKey ? -1 : 1); }
      else if (sheet.edition) return;
      else if (event.key === "Escape") { leave(); options.onLeave(); }
      else if (control && key === "d") fillDown();
      else if (event.key === "Delete" || event.key === "Backspace") {
        const { x1, y1 } = chosen();
        setCells(cellsFrom(x1, y1, chosenTexts().map((row) => row.map(() => ""))));
      } else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    const leaveEditor = () => { if (sheet.edition) sheet.closeEditor(sheet.edition[0], true); };

    // On a tablet the second touch of a cell opens it.
    let touched = null;
    const touch = (event) => {
      const cell = event.pointerType === "mouse" ? null : event.target.closest("td[data-x][data-y]");
      if (cell && cell === touched && !sheet.edition) sheet.openEditor(cell, false, event);
      touched = cell;
    };
    const focused = (event) => {
      if (event.target === element && !(isCurrent() && sheet.selectedCell)) select(0, names[0]);
      else if (!element.contains(event.target)) leave();
    };
    const listeners = [[document, "paste", paste], [document, "keydown", keydown], [document, "focusin", focused], [element, "pointerup", touch]];
    listeners.forEach(([target, kind, act]) => target.addEventListener(kind, act, true));

    return {
      names, count, aboutOf, chosen, select, leave, repeated, putBlock, fillDown, removeRows, leaveEditor,
      rows: () => sheet.options.data.map((texts, y) => ({ cells: Object.fromEntries(names.map((name, x) => [name, texts[x] ?? ""])), about: aboutOf(y) })),
      cellOf: (y, name) => sheet.records[y]?.[names.indexOf(name)]?.element,
      rowOf: (y) => sheet.rows[y].element,
      undo: () => sheet.undo(),
      redo: () => sheet.redo(),
      // What the server says stands in the cells is no act of the person: it is not undone.
      correct(cells) {
        sheet.ignoreHistory = true;
        sheet.parent.ignoreEvents = true;
        const known = cells.map(({ y, name, text }) => ({ x: names.indexOf(name), y, value: text }));
        const other = known.filter(({ x, y, value }) => x !== -1 && sheet.options.data[y][x] !== value);
        if (other.length) sheet.setValue(other, null, true);
        sheet.parent.ignoreEvents = false;
        sheet.ignoreHistory = false;
      },
      forgetHistory() { sheet.history = []; sheet.historyIndex = -1; },
      destroy() {
        leave();
        listeners.forEach(([target, kind, act]) => target.removeEventListener(kind, act, true));
        window.jspreadsheet.destroy(element);
      },
    };
  }

  window.labdb.makeSheet = makeSheet;
})();
