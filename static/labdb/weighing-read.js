// What a balance or a scanner typed: a mass, or a mouse of the round.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const MASS = /^(?:[a-z]{1,2}[ ,]+)*\+?\s*(\d{1,5}(?:[.,]\d{1,4})?)\s*(g|kg|mg)?$/i; // 24.3 · 24,3 g · S S 24.30 g · ST,+0024.3 g
  const UNSTABLE = /^(?:s\s+d\s|us,)/i; // as Mettler Toledo and A&D say that the pan still moves

  // A code, a mark, a label (S1-M07), or the address of a mouse's page, as on a cage card.
  function mouseOf(text, mice, study) {
    const last = /^https?:\/\//i.test(text) ? decodeURIComponent(text.split(/[?#]/)[0].replace(/\/+$/, "").split("/").pop()) : text;
    const wanted = last.toLowerCase();
    const named = (mouse) => [mouse.code, `${study}-${mouse.code}`, ...mouse.marks].some((name) => name.toLowerCase() === wanted);
    return mice.filter(named);
  }

  // Returns one of { mass, text }, { mouse }, { either: { mass, mouse } }, { problem }.
  labdb.readBalance = (typed, mice, study) => {
    const text = typed.trim().replace(/\s+/g, " ");
    if (!text) return { problem: "Nothing was typed; weigh the mouse, or skip it." };
    if (UNSTABLE.test(text)) return { problem: "The balance was not at rest; wait for it and send again." };
    const found = mouseOf(text, mice, study);
    if (found.length > 1) return { problem: `${text} is ${found.map((mouse) => mouse.code).join(" and ")}; tap the one it is.` };
    const read = MASS.exec(text);
    if (read && (read[2] ?? "g").toLowerCase() !== "g") return { problem: `${text} is not in grams; set the balance to g.` };
    const mass = read ? Number(read[1].replace(",", ".")) : NaN;
    const mayBeMass = read && !/^0\d/.test(read[1]); // 0412 is a mark
    if (found.length && mayBeMass) return { either: { mass, mouse: found[0] } };
    if (found.length) return { mouse: found[0] };
    if (read) return { mass };
    return { problem: `${text} is neither a mass nor a mouse of this round; scan a code of the list, or type the mass in grams.` };
  };
})();
