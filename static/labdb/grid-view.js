// What stands around the grid: sentences in the cells, the list of problems, conflicts to choose, questions, notices.
window.labdb = window.labdb || {};
(() => {
  "use strict";
  const { conflictsOf, changedNames, isStored } = window.labdb.gridRows;
  const WHOLE_ROW = "__all__";
  const MOST_SHOWN = 100;
  const byId = (id) => document.getElementById(id);

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function button(text, act, className = "btn btn-sm") {
    const made = element("button", className, text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  const shownText = (text) => text || "nothing";
  const meanwhileSentence = ({ before, who, at }) => `Changed by ${who || "someone"} at ${at}; it was ${shownText(before)}.`;
  const conflictSentence = ({ theirs, who, at }, mine) => `${who || "Someone"} changed it at ${at}: theirs ${shownText(theirs)}, yours ${shownText(mine)}.`;

  // All that is to be said of a row: [{name, grade, sentence}].
  function saidOf(row) {
    const said = [];
    for (const [name, conflict] of conflictsOf(row)) said.push({ name, grade: "conflict", sentence: conflictSentence(conflict, row.cells[name]) });
    for (const grade of ["errors", "warnings", "notes"]) {
      for (const [name, sentences] of Object.entries(row.about.said?.[grade] ?? {})) {
        sentences.forEach((sentence) => said.push({ name, grade: grade.slice(0, -1), sentence }));
      }
    }
    for (const [name, one] of Object.entries(row.about.meanwhile ?? {})) said.push({ name, grade: "note", sentence: meanwhileSentence(one) });
    return said;
  }

  function paint(sheet, rows, defaults) {
    rows.forEach((row, y) => {
      const said = saidOf(row);
      const changed = isStored(row) ? changedNames(row) : [];
      sheet.rowOf(y).classList.toggle("grid-saved", Boolean(row.about.isSaved) && !changed.length);
      sheet.rowOf(y).classList.toggle("grid-row-error", said.some((one) => one.name === WHOLE_ROW));
      for (const name of sheet.names) {
        const cell = sheet.cellOf(y, name);
        const own = said.filter((one) => one.name === name);
        for (const grade of ["conflict", "error", "warning", "note"]) cell.classList.toggle(`grid-${grade}`, own.some((one) => one.grade === grade));
        cell.classList.toggle("grid-changed", changed.includes(name));
        cell.toggleAttribute("aria-invalid", own.some((one) => one.grade === "error" || one.grade === "conflict"));
        cell.title = own.map((one) => one.sentence).join("\n");
        const text = isStored(row) ? "" : row.about.defaults?.[name] ?? defaults[name] ?? "";
        if (text) cell.dataset.default = text;
        else delete cell.dataset.default;
      }
    });
  }

  // The list below: every sentence with its place, and where both changed a cell, both values to choose from.
  function listProblems(rows, labelOf, act) {
    const problems = rows.flatMap((row, y) => saidOf(row).filter((one) => one.grade !== "note").map((one) => ({ ...one, row, y })));
    const items = problems.slice(0, MOST_SHOWN).map(({ row, y, name, grade, sentence }) => {
      const item = element("li", `list-group-item grid-problem grid-problem-${grade}`);
      const place = name === WHOLE_ROW ? `Row ${y + 1}` : `Row ${y + 1}, ${labelOf(name)}`;
      item.append(button(place, () => act.go(y, name), "btn btn-link p-0"), element("span", "", sentence));
      if (grade === "conflict") {
        const { theirs } = row.about.conflicts[name];
        const pair = element("span", "grid-choice");
        pair.append(button(`Take theirs: ${shownText(theirs)}`, () => act.choose(y, name, theirs)), button(`Keep yours: ${shownText(row.cells[name])}`, () => act.choose(y, name, null)));
        item.append(pair);
      }
      return item;
    });
    if (problems.length > MOST_SHOWN) items.push(element("li", "list-group-item text-secondary", `and ${problems.length - MOST_SHOWN} more`));
    byId("grid-problem-list").replaceChildren(...items);
    byId("grid-problems").hidden = !problems.length;
    const count = (grade) => problems.filter((one) => one.grade === grade).length;
    const words = [["conflict", "cell was changed by someone else too", "cells were changed by someone else too"], ["error", "error", "errors"], ["warning", "warning", "warnings"]]
      .map(([grade, one, many]) => count(grade) && window.labdb.gridText.counted(count(grade), one, many)).filter(Boolean).join(", ");
    if (byId("grid-problems-title").textContent !== words) byId("grid-problems-title").textContent = words; // a screen reader reads every change
    byId("grid-reason-card").hidden = !count("warning");
    return { conflicts: count("conflict"), errors: count("error"), warnings: count("warning") };
  }

  // What is open is asked above the grid; an answer stays, and can be changed.
  function askQuestions(questions, asked, reading, answered) {
    const names = Object.keys(questions).filter((name) => asked.includes(name) || reading[name]);
    const box = byId("grid-questions");
    box.hidden = !names.length;
    box.querySelector(".card-body").replaceChildren(...names.map((name) => {
      const entry = element("div", "entry");
      const label = element("label", "form-label", questions[name].text);
      const select = element("select", "form-select");
      label.htmlFor = select.id = `grid-question-${name}`;
      select.append(new Option("not known", ""), ...questions[name].answers.map(([value, words]) => new Option(words, value)));
      select.value = reading[name] ?? "";
      select.addEventListener("change", () => answered(name, select.value));
      entry.append(label, select);
      return entry;
    }));
  }

  // One notice of a kind at a time; buttons act and close it.
  function notice(kind, sentence, { look = "warning", buttons = [], link = null } = {}) {
    byId(`grid-notice-${kind}`)?.remove();
    if (!sentence) return;
    const box = element("div", `alert alert-${look} grid-notice`, "");
    box.id = `grid-notice-${kind}`;
    box.setAttribute("role", look === "danger" ? "alert" : "status");
    box.append(element("span", "", sentence));
    if (link) {
      const anchor = element("a", "btn btn-sm", link.text);
      anchor.href = link.url;
      if (link.act) anchor.addEventListener("click", link.act);
      box.append(anchor);
    }
    for (const [text, act] of [...buttons, ...(link || buttons.length ? [] : [["Close", () => {}]])]) box.append(button(text, () => { box.remove(); act(); }));
    byId("grid-notices").append(box);
  }

  function columnMenu(columns, shown, changed) {
    const offered = columns.filter((column) => !column.is_needed);
    byId("grid-columns").hidden = !offered.length;
    byId("grid-columns").querySelector(".card-body").replaceChildren(...offered.map((column) => {
      const label = element("label", "form-check");
      const box = element("input", "form-check-input");
      box.type = "checkbox";
      box.checked = shown.has(column.name);
      box.addEventListener("change", () => changed(column.name, box.checked));
      label.append(box, element("span", "form-check-label", column.label));
      label.title = column.help;
      return label;
    }));
  }

  // A menu over the grid closes by a click beside it and by Escape.
  function closeByItself(menu) {
    document.addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.open = false; }, true);
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }

  function tellCell(sheet, rows, columns) {
    const { x1, y1, x2, y2 } = sheet.chosen();
    const column = columns.find((one) => one.name === sheet.names[x1]);
    const row = rows[y1];
    if (!column || !row) return;
    const said = saidOf(row).filter((one) => one.name === column.name || one.name === WHOLE_ROW);
    const isOne = x1 === x2 && y1 === y2;
    const place = isOne ? `Row ${y1 + 1}, ${column.label}` : `${y2 - y1 + 1} × ${x2 - x1 + 1} cells`;
    const line = byId("grid-cell");
    const sentences = said.length ? said.map((one) => one.sentence).join(" ") : isOne ? [column.kind, column.help].filter(Boolean).join(". ") : "";
    line.replaceChildren(element("strong", "", place), document.createTextNode(" "), element("span", said.some((one) => one.grade === "error") ? "text-danger" : "", sentences));
  }

  window.labdb.gridView = { paint, listProblems, askQuestions, notice, columnMenu, closeByItself, tellCell, byId };
})();
