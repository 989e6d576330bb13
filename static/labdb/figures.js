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
    },
  };

  const BRIGHTER = [["#0072B2", "#2A8CD6"]]; // the one color of the palette too dim on dark

  function specificationOf(figure, dark) {
    let text = document.getElementById(figure.dataset.figure).textContent;
    if (dark) for (const [color, brighter] of BRIGHTER) text = text.replaceAll(color, brighter);
    const specification = JSON.parse(text);
    if (dark) specification.config = window.vega.mergeConfig({}, specification.config, DARK);
    return specification;
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

  async function draw(figure) {
    const plot = figure.querySelector(".figure-plot");
    try {
      await loadVega();
      const dark = document.documentElement.dataset.bsTheme === "dark";
      const before = views.get(plot);
      const view = await window.vegaEmbed(plot, specificationOf(figure, dark), {
        mode: "vega-lite",
        ast: true, // expressions are interpreted: the page's policy forbids making code from text
        actions: false, // the links above the figure give the files, drawn as for a paper
        renderer: "svg",
        tooltip: { theme: dark ? "dark" : "light" },
      });
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
  document.addEventListener("htmx:afterSettle", (event) => {
    forgetRemoved();
    drawAll(event.detail.elt);
  });
})();
