// A box drawn as a grid of cells that mouse, finger and keys choose from: labdb.boxGrid(root, options).
window.labdb ??= {};
(() => {
  "use strict";
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const letter = (row) => String.fromCharCode(65 + row);
  const nameOf = (row, column) => `${letter(row)}${column + 1}`;

  // All positions of a box, row by row.
  labdb.positionsOf = ({ rows, columns }) => Array.from({ length: rows * columns }, (_none, at) => nameOf(Math.floor(at / columns), at % columns));

  // What a cell says in words, for screen readers and the pointer that rests: what it shows, in that order, and more.
  function words(position, cell) {
    if (cell.hidden) return `${position}, occupied: a tube of a study that you do not see`;
    const tube = cell.tube;
    if (!tube) return `${position}, free`;
    const facts = [`${tube.region} ${tube.code} of ${tube.study}`, tube.excluded, tube.is_used_up ? tube.left : ""];
    return `${position}, ${facts.filter(Boolean).join(", ")}`;
  }

  // options: label, isMany (several can be selected), onCell(position, event), onReach(position), onRange(positions),
  // onOpen(tube), paint(position, held) -> {className, lines, words, isSelected}.
  labdb.boxGrid = (root, options) => {
    let state = null;
    let cells = new Map(); // position -> {tube} or {hidden}
    let at = "A1"; // where the keys are
    const elements = new Map();

    function fill(next) {
      const isResized = !state || state.rows !== next.rows || state.columns !== next.columns || state.code !== next.code;
      state = next;
      cells = new Map();
      for (const tube of next.tubes) if (tube.position) cells.set(tube.position, { tube });
      for (const position of next.hidden) cells.set(position, { hidden: true });
      if (isResized) build();
      for (const position of elements.keys()) draw(position);
    }

    function build() {
      root.replaceChildren();
      elements.clear();
      const table = labdb.make("table", { className: "box-grid" });
      table.setAttribute("role", "grid");
      table.setAttribute("aria-label", options.label(state));
      if (options.isMany) table.setAttribute("aria-multiselectable", "true");
      const head = labdb.make("tr", {}, labdb.make("td", { className: "box-corner" }));
      for (let column = 0; column < state.columns; column += 1) head.append(labdb.make("th", { scope: "col", textContent: column + 1 }));
      table.append(labdb.make("thead", {}, head));
      const body = labdb.make("tbody");
      for (let row = 0; row < state.rows; row += 1) {
        const line = labdb.make("tr", {}, labdb.make("th", { scope: "row", textContent: letter(row) }));
        for (let column = 0; column < state.columns; column += 1) line.append(cell(nameOf(row, column)));
        body.append(line);
      }
      table.append(body);
      root.append(table);
      if (!elements.has(at)) at = "A1";
      elements.get(at).tabIndex = 0;
    }

    function cell(position) {
      const one = labdb.make("td", { tabIndex: -1, dataset: { position } });
      one.setAttribute("role", "gridcell");
      elements.set(position, one);
      return one;
    }

    // The page paints what is selected or scanned by classes of its own; the rest follows from the box.
    function draw(position) {
      const one = elements.get(position);
      const held = cells.get(position) ?? {};
      const tube = held.tube;
      const shown = options.paint?.(position, held) ?? {};
      one.className = ["box-cell", shown.className ?? ""].join(" ").trim();
      one.dataset.held = held.hidden ? "hidden" : tube ? "tube" : "free";
      if (tube) one.dataset.color = tube.color;
      else delete one.dataset.color;
      one.dataset.state = tube?.excluded ? "excluded" : tube?.is_used_up ? "used-up" : "";
      const lines = shown.lines ?? (held.hidden ? ["occupied"] : tube ? [tube.region, tube.code] : []);
      const sign = tube?.excluded ? "✕" : tube?.is_used_up ? "∅" : "";
      one.replaceChildren(
        ...lines.flatMap((text, number) => [labdb.make("span", { className: number ? "box-code" : "box-region", textContent: text }), " "]),
        ...(sign && !shown.lines ? [labdb.make("span", { className: "box-sign", textContent: sign, ariaHidden: "true" })] : []),
      );
      one.title = shown.words ?? words(position, held);
      one.setAttribute("aria-label", one.title);
      if (options.isMany || shown.isSelected !== undefined) one.setAttribute("aria-selected", String(Boolean(shown.isSelected)));
    }

    function goTo(position, isFocused = true) {
      if (!elements.has(position)) return;
      elements.get(at).tabIndex = -1;
      at = position;
      elements.get(at).tabIndex = 0;
      if (isFocused) elements.get(at).focus();
    }

    function between(one, other) {
      const [from, to] = [one, other].map((position) => [position.charCodeAt(0) - 65, Number(position.slice(1)) - 1]);
      const found = [];
      for (let row = Math.min(from[0], to[0]); row <= Math.max(from[0], to[0]); row += 1) {
        for (let column = Math.min(from[1], to[1]); column <= Math.max(from[1], to[1]); column += 1) found.push(nameOf(row, column));
      }
      return found;
    }

    root.addEventListener("keydown", (event) => {
      const position = event.target.dataset?.position;
      if (!position) return;
      const step = STEPS[event.key];
      if (step) {
        const next = `${String.fromCharCode(position.charCodeAt(0) + step[0])}${Number(position.slice(1)) + step[1]}`;
        if (elements.has(next)) {
          goTo(next);
          if (event.shiftKey && options.isMany) options.onReach(next);
        }
      } else if (event.key === " ") {
        options.onCell(position, { ctrlKey: true });
      } else if (event.key === "Enter") {
        options.onCell(position, event);
      } else return;
      event.preventDefault();
    });

    // A rectangle is drawn with the button held; a finger that moves scrolls the page instead.
    let from = null;
    let drawn = null;
    root.addEventListener("pointerdown", (event) => {
      const position = event.target.closest("[data-position]")?.dataset.position;
      if (!position || event.button !== 0 || event.pointerType === "touch") return;
      from = position;
      drawn = null;
    });
    root.addEventListener("pointerover", (event) => {
      const position = event.target.closest("[data-position]")?.dataset.position;
      if (!from || !position || !options.onRange || (position === from && !drawn)) return;
      drawn = position;
      options.onRange(between(from, position));
    });
    document.addEventListener("pointerup", () => { from = null; });
    root.addEventListener("click", (event) => {
      const position = event.target.closest("[data-position]")?.dataset.position;
      if (!position) return;
      const wasDrawn = drawn;
      drawn = null;
      if (wasDrawn) return;
      goTo(position);
      options.onCell(position, event);
    });

    root.addEventListener("dblclick", (event) => {
      const { tube } = cells.get(event.target.closest("[data-position]")?.dataset.position) ?? {};
      if (tube && options.onOpen) options.onOpen(tube);
    });

    return {
      fill,
      goTo,
      between,
      redraw: () => { for (const position of elements.keys()) draw(position); },
      positions: () => [...elements.keys()],
      held: (position) => cells.get(position) ?? {},
      get at() { return at; },
    };
  };

  // Where tubes come to lie from a free cell on: in their own shape where all of that is free, else one after the other.
  labdb.layOut = (tubes, start, state, isFree) => {
    const order = [...tubes].sort((one, other) => labdb.placeOrder(one.position, other.position));
    const shaped = order.every((tube) => tube.position && tube.box === order[0].box);
    if (shaped) {
      const [top, left] = [Math.min(...order.map((tube) => tube.position.charCodeAt(0))), Math.min(...order.map((tube) => Number(tube.position.slice(1))))];
      const moved = order.map((tube) => {
        const row = tube.position.charCodeAt(0) - top + start.charCodeAt(0) - 65;
        const column = Number(tube.position.slice(1)) - left + Number(start.slice(1)) - 1;
        return row < state.rows && column < state.columns ? nameOf(row, column) : null;
      });
      if (moved.every((position) => position && isFree(position))) return order.map((tube, number) => [tube, moved[number]]);
    }
    const free = labdb.positionsOf(state).filter((position) => labdb.placeOrder(position, start) >= 0 && isFree(position));
    return free.length < order.length ? null : order.map((tube, number) => [tube, free[number]]);
  };

  labdb.placeOrder = (one, other) => {
    if (!one || !other) return (one ? 0 : 1) - (other ? 0 : 1);
    return one.charCodeAt(0) - other.charCodeAt(0) || Number(one.slice(1)) - Number(other.slice(1));
  };

  // What a scanner reads, as names are compared: no blanks, capitals; of an address, the id of the record behind it.
  labdb.readScan = (text) => {
    const name = text.replace(/\s+/g, "");
    const address = /^https?:\/\/.*\/tissue-samples\/(\d+)\/?$/i.exec(name);
    return { name: name.toUpperCase(), id: address ? Number(address[1]) : null };
  };
  labdb.isScanOf = (tube, scan) => (scan.id === null ? [tube.code, tube.label].some((name) => name.toUpperCase() === scan.name) : tube.id === scan.id);
})();
