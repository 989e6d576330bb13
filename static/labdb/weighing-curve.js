// The body mass of one mouse over its weighings, small, with its baseline and the limit of the protocol.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const EDGE = 6;
  const SPACE = "http://www.w3.org/2000/svg";

  function part(name, attributes) {
    const element = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // points: [instant, g] by time, the last of today where it was weighed.
  labdb.drawCurve = (svg, points, baselineG, limitG) => {
    svg.replaceChildren();
    svg.toggleAttribute("hidden", points.length < 2);
    if (points.length < 2) return;
    const { width, height } = svg.getBoundingClientRect();
    const times = points.map(([at]) => Date.parse(at));
    const masses = points.map(([, mass]) => mass);
    const lines = [baselineG, limitG].filter((mass) => mass);
    const [low, high] = [Math.min(...masses, ...lines) - 0.3, Math.max(...masses, ...lines) + 0.3];
    const x = (time) => EDGE + ((time - times[0]) / Math.max(times.at(-1) - times[0], 1)) * (width - 2 * EDGE);
    const y = (mass) => height - EDGE - ((mass - low) / (high - low)) * (height - 2 * EDGE);
    if (baselineG) svg.append(part("line", { class: "curve-baseline", x1: 0, x2: width, y1: y(baselineG), y2: y(baselineG) }));
    if (limitG) svg.append(part("line", { class: "curve-limit", x1: 0, x2: width, y1: y(limitG), y2: y(limitG) }));
    svg.append(part("polyline", { class: "curve-line", points: times.map((time, at) => `${x(time).toFixed(1)},${y(masses[at]).toFixed(1)}`).join(" ") }));
    svg.append(part("circle", { class: "curve-last", cx: x(times.at(-1)), cy: y(masses.at(-1)), r: 4 }));
    svg.setAttribute("aria-label", `Body mass over ${points.length} weighings, from ${masses[0]} g to ${masses.at(-1)} g`);
  };
})();
