// A box of which one free position is chosen, drawn as the page of a box draws it (box-grid.js, box.css).
//
//   labdb.boxPicker({ box: { code, rows, columns, taken: { A1: "S1-M01-PFC" } }, chosen: "A2", choose: (position) => {} })
//
// returns the element; a taken position says which tube it holds.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});

  labdb.boxPicker = ({ box, chosen, choose }) => {
    const drawn = labdb.make("div", { className: "box-scroll" });
    const says = labdb.make("p", { className: "box-says", role: "status" });
    let current = chosen;

    const grid = labdb.boxGrid(drawn, {
      label: ({ code }) => `Positions of box ${code}`,
      onCell: tapped,
      paint: (position, { tube }) => ({
        className: position === current ? "box-chosen" : position === chosen && !tube ? "box-planned" : "",
        isSelected: position === current,
        lines: [tube ? "●" : position],
        words: tube ? `${position} holds ${tube.label}` : `${position} free`,
      }),
    });

    function tapped(position) {
      const { tube } = grid.held(position);
      if (tube) {
        labdb.put(says, `${position} holds ${tube.label}; choose a free position.`);
        return;
      }
      current = position;
      labdb.put(says, `${position} is chosen.`);
      grid.redraw();
      choose(position);
    }

    const tubes = Object.entries(box.taken).map(([position, label]) => ({ position, label, color: "none" }));
    grid.fill({ ...box, tubes, hidden: [] });
    grid.goTo(chosen, false);
    return labdb.make("section", { className: "box-picker" }, labdb.make("p", { className: "box-picker-name", textContent: `Box ${box.code}` }), drawn, says);
  };
})();
