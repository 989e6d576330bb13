// Blocks of cells as the clipboard has them, read and written; nothing is dropped without a word.
window.labdb = window.labdb || {};
(() => {
  "use strict";

  // A quoted cell ends at a quote before a tab, a line end or the end of the block; any other quote is a letter.
  function quotedCell(text, from) {
    for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
      if (text[at + 1] === '"') at += 1;
      else if (at + 1 === text.length || "\t\r\n".includes(text[at + 1])) return at + 1;
      else return -1;
    }
    return -1;
  }

  function readBlock(text) {
    const rows = [[]];
    let at = 0;
    while (at <= text.length) {
      const quoted = text[at] === '"' ? quotedCell(text, at) : -1;
      let end = quoted;
      if (quoted === -1) for (end = at; end < text.length && !"\t\r\n".includes(text[end]); end += 1);
      const cell = quoted === -1 ? text.slice(at, end) : text.slice(at + 1, end - 1).replaceAll('""', '"');
      rows.at(-1).push(cell.trim());
      if (end >= text.length) break;
      if (text[end] !== "\t") {
        rows.push([]);
        if (text[end] === "\r" && text[end + 1] === "\n") end += 1;
      }
      at = end + 1;
    }
    return trimmed(rows);
  }

  // What is empty at the right and below says nothing; rows become equally long.
  function trimmed(rows) {
    while (rows.length > 1 && rows.at(-1).every((cell) => !cell)) rows.pop();
    const width = Math.max(1, ...rows.map((row) => row.findLastIndex((cell) => cell) + 1));
    return rows.map((row) => Array.from({ length: width }, (_, at) => row[at] ?? ""));
  }

  function writeBlock(rows) {
    const cell = (text) => (/[\t\r\n]|^"/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return rows.map((row) => row.map(cell).join("\t")).join("\r\n");
  }

  const letters = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

  // A first row that names columns: the field of each column, "" where it needs no place; null where the row is no header.
  function readHeader(rows, columns, leftOut) {
    if (rows.length < 2) return null;
    const fieldOf = (text) => columns.find((column) => column.called.includes(letters(text)))?.name;
    const named = rows[0].filter(Boolean);
    const known = named.filter(fieldOf);
    if (!known.length || 2 * known.length < named.length) return null;
    const unknown = named.filter((text) => !fieldOf(text) && !leftOut.includes(letters(text)));
    const fields = rows[0].map((text) => fieldOf(text) ?? "");
    const twice = fields.filter((name, at) => name && fields.indexOf(name) !== at);
    const unnamed = rows[0].map((text, at) => (text ? -1 : at)).filter((at) => at !== -1 && rows.some((row) => row[at]));
    return { fields, unknown, twice, unnamed, leftOut: named.filter((text) => !fieldOf(text)) };
  }

  const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

  window.labdb.gridText = { readBlock, writeBlock, readHeader, counted };
})();
