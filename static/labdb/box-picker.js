// The small picture of a box: a free position is chosen by a tap, a taken one says which tube it holds.
//
//   labdb.boxPicker({ box: { code, n_rows, n_columns, taken: { A1: "S1-M01-PFC" } }, chosen: "A2", choose: (position) => {} })
//
// returns the element; `labdb.positionsOf(box)` lists all positions, row by row. The page includes tissue/box_picker.html.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const FIRST_ROW = "A".charCodeAt(0);

  const rowOf = (number) => String.fromCharCode(FIRST_ROW + number);

  labdb.positionsOf = ({ n_rows: rows, n_columns: columns }) =>
    Array.from({ length: rows * columns }, (_none, at) => `${rowOf(Math.floor(at / columns))}${(at % columns) + 1}`);

  labdb.boxPicker = ({ box, chosen = "", choose }) => {
    const picker = document.getElementById("box-picker").content.firstElementChild.cloneNode(true);
    const grid = picker.querySelector("[data-box-grid]");
    const says = picker.querySelector("[data-box-says]");
    const buttons = new Map();
    picker.querySelector("[data-box-name]").textContent = `Box ${box.code}`;
    grid.ariaLabel = `Positions of box ${box.code}`;
    grid.style.gridTemplateColumns = `1.5rem repeat(${box.n_columns}, minmax(2.75rem, 3.5rem))`;

    function mark(position) {
      for (const [one, button] of buttons) button.setAttribute("aria-pressed", String(one === position));
    }

    function tapped(position) {
      const tube = box.taken[position];
      if (tube) {
        says.textContent = `${position} holds ${tube}; choose a free position.`;
        return;
      }
      mark(position);
      says.textContent = `${position} is chosen.`;
      choose(position);
    }

    function cell(position) {
      const tube = box.taken[position];
      const button = labdb.button(tube ? "" : position, () => tapped(position), { ariaLabel: tube ? `${position} holds ${tube}` : `${position} free`, title: tube ?? "" });
      button.dataset.state = tube ? "taken" : position === chosen ? "offered" : "free";
      buttons.set(position, button);
      return button;
    }

    const edge = (text) => labdb.make("span", { className: "box-picker-edge", textContent: text, ariaHidden: "true" });
    grid.append(edge(""), ...Array.from({ length: box.n_columns }, (_none, at) => edge(String(at + 1))));
    labdb.positionsOf(box).forEach((position, at) => {
      if (at % box.n_columns === 0) grid.append(edge(position[0]));
      grid.append(cell(position));
    });
    mark(chosen);
    return picker;
  };
})();
