// Draws every <figure data-figure="id of its specification">. Vega is fetched only by pages that hold a figure.
(() => {
  "use strict";
  const SOURCES = ["vega", "vegaLite", "vegaEmbed"].map((name) => document.currentScript.dataset[name]);
  const views = new Map(); // plot element -> what vega-embed returned, to free it before it is drawn anew
  let vegaReady = null;

  // The named styles of analysis/figures/theme.py, for a dark page.
  const DARK = {
    axis: { domainColor: "#8a97a8", gridColor: "#3b3d40", labelColor: "#c8d3e1", tickColor: "#8a97a8", titleColor: "#dce1e7" },
    legend: { labelColor: "#c8d3e1", titleColor: "#dce1e7" },
    title: { color: "#dce1e7", subtitleColor: "#9ba9be" },
    style: {
      reference: { color: "#9ba9be" },
      median: { color: "#f4f6fa" },
      annotation: { color: "#c8d3e1" },
      quiet: { color: "#9ba9be" },
      "null-point": { color: "#c8d3e1" },
      ellipse: { color: "#f4f6fa" },
    },
  };

  const BRIGHTER = [["#0072B2", "#2A8CD6"], ["#008662", "#00A87B"]]; // the colors too dim on dark
  const NARROWEST = 0.62; // of the width on paper; a panel narrower than that says nothing
  const WIDEST = 1.5;

  function specificationOf(figure, dark) {
    let text = document.getElementById(figure.dataset.figure).textContent;
    if (dark) for (const [color, brighter] of BRIGHTER) text = text.replaceAll(color, brighter);
    const specification = JSON.parse(text);
    if (dark) specification.config = window.vega.mergeConfig({}, specification.config, DARK);
    return specification;
  }

  // A figure is drawn as wide as there is room, its letters as large as ever: with wider or narrower panels, and where
  // these would say nothing, with fewer in a row.
  async function fitted(specification, room, options) {
    const count = specification.concat?.length ?? 1;
    const isUneven = (columns) => columns > Math.ceil(count / Math.ceil(count / columns)); // as many rows have room for fewer
    for (let columns = Math.min(specification.columns ?? count, count); ; columns -= 1) {
      if (columns < specification.columns && isUneven(columns)) continue;
      const trial = structuredClone(specification);
      if (trial.concat) trial.columns = columns;
      const isWideEnough = stretch(trial, columns, (await drawnWidth(trial, options)) - room);
      if (columns === 1 || (isWideEnough && (await drawnWidth(trial, options)) < room + 2)) return trial;
    }
  }

  function stretch(specification, columns, excess) {
    const panels = specification.concat ?? specification.vconcat ?? specification.hconcat ?? [specification];
    const stretching = panels.filter((panel) => panel.width >= 140); // narrower ones hold text
    if (!stretching.length) return true;
    const widths = stretching.map((panel) => panel.width);
    const rowWidth = specification.hconcat ? widths.reduce((sum, width) => sum + width) : columns * Math.max(...widths);
    const needed = 1 - excess / rowWidth;
    const narrowest = columns > 1 ? NARROWEST : NARROWEST / 2; // nothing else can give way
    const keepsAspect = specification.name === "keeps_aspect";
    const factor = Math.min(Math.max(needed, narrowest), keepsAspect ? 1 : WIDEST);
    for (const panel of stretching) {
      panel.width = Math.floor(panel.width * factor);
      if (keepsAspect) panel.height = Math.floor(panel.height * factor);
    }
    return needed >= NARROWEST;
  }

  async function drawnWidth(specification, options) {
    const embedded = await window.vegaEmbed(document.createElement("div"), specification, options);
    const width = Number(embedded.view.container().querySelector("svg").getAttribute("width"));
    embedded.finalize();
    return width;
  }

  function load(source) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${source} could not be loaded`));
      document.head.append(script);
    });
  }

  function loadVega() {
    // One after the other: each file takes the one before it from the window.
    vegaReady ??= SOURCES.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
    return vegaReady;
  }

  function roomOf(figure) {
    const body = figure.querySelector(".figure-plot").parentElement;
    const style = getComputedStyle(body);
    return body.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  }

  async function draw(figure) {
    const plot = figure.querySelector(".figure-plot");
    try {
      await loadVega();
      const dark = document.documentElement.dataset.bsTheme === "dark";
      const before = views.get(plot);
      const options = {
        mode: "vega-lite",
        ast: true, // expressions are interpreted: the page's policy forbids making code from text
        actions: false, // the links above the figure give the files, drawn as for a paper
        renderer: "svg",
        tooltip: { theme: dark ? "dark" : "light" },
      };
      const room = roomOf(figure);
      const specification = await fitted(specificationOf(figure, dark), room, options);
      specification.description ??= plot.getAttribute("aria-label"); // Vega names what it draws by this, or takes the name away
      const view = await window.vegaEmbed(plot, specification, options);
      figure.dataset.room = room;
      before?.finalize();
      views.set(plot, view);
      figure.dataset.drawn = dark ? "dark" : "light";
    } catch (error) {
      plot.textContent = `This figure could not be drawn: ${error.message}.`;
      figure.dataset.drawn = "failed";
    }
  }

  function drawAll(root) {
    if (root.matches?.("[data-figure]")) draw(root);
    root.querySelectorAll("[data-figure]").forEach(draw);
  }

  function forgetRemoved() {
    for (const [plot, view] of views) {
      if (!plot.isConnected) {
        view.finalize();
        views.delete(plot);
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("labdb:theme", () => drawAll(document));
  document.addEventListener("labdb:redraw", (event) => draw(event.target)); // its specification was changed

  let turning; // a tablet is turned, a window drawn wider
  window.addEventListener("resize", () => {
    clearTimeout(turning);
    turning = setTimeout(() => {
      for (const figure of document.querySelectorAll("[data-room]")) {
        if (Math.abs(roomOf(figure) - figure.dataset.room) > 8) draw(figure);
      }
    }, 250);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    forgetRemoved();
    drawAll(event.detail.elt);
  });
})();
