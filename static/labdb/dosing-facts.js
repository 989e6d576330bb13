// What is known of a dose without asking anybody: its volume, whether its mass is old, and what a scanner read.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const HOUR_MS = 3_600_000;
  const ALMOST = 1e-9; // 10 ml/kg of 25.5 g are 25.5 steps, and computers say 25.499999

  // The server rounds the same (labdb/treatment/dose_findings.py).
  labdb.doseVolume = (dose, stepMl) => {
    if (!dose.ml_per_kg || !dose.mass) return null;
    const steps = Math.max(Math.floor((dose.ml_per_kg * dose.mass.g) / 1000 / stepMl + 0.5 + ALMOST), 1);
    return Number((steps * stepMl).toFixed(4));
  };

  labdb.massAgeH = (dose, now) => (dose.mass ? (now - Date.parse(dose.mass.at)) / HOUR_MS : null);

  // Returns one of { dose }: another mouse; { checked }: the right syringe; { mass }; { problem }.
  labdb.readDose = (typed, { doses, study, current }) => {
    const text = typed.trim().replace(/\s+/g, " ");
    if (!text) return { problem: "Nothing was typed; scan the syringe's code." };
    const ofSyringe = doses.filter((dose) => dose.syringe && dose.syringe.toLowerCase() === text.toLowerCase());
    if (ofSyringe.length) return readSyringe(text, ofSyringe, doses, current);
    const read = labdb.readBalance(text, miceOf(doses), study);
    if (read.mouse) return { dose: nextOf(read.mouse, doses) };
    if (read.mass !== undefined) return { mass: read.mass };
    if (read.either) return { problem: `${text} is a mouse and a mass; tap the mouse in the list, or type the mass as ${text}.0 g.` };
    if (read.problem.includes("neither")) return { problem: unknown(text, current) };
    return read;
  };

  function readSyringe(text, ofSyringe, doses, current) {
    if (!current) return { dose: ofSyringe.find((dose) => dose.stored.status === "planned") ?? ofSyringe[0] };
    if (ofSyringe.includes(current)) return { checked: true };
    const own = ofSyringe.find((dose) => dose.mouse.id === current.mouse.id);
    if (own) return { problem: `${text} is a syringe of ${current.mouse.code}, but not of this hour; it gets ${current.syringe} now.` };
    return { problem: `Stop: ${text} is the syringe of ${ofSyringe[0].mouse.code}. ${current.mouse.code} gets ${current.syringe || "none that is known"}. If you hold ${ofSyringe[0].mouse.code}, scan the mouse first.` };
  }

  function unknown(text, current) {
    const wanted = current ? ` ${current.mouse.code} gets ${current.syringe || "a syringe without a code"}.` : "";
    return `${text} is no syringe and no mouse of this round.${wanted}`;
  }

  function miceOf(doses) {
    return [...new Map(doses.map((dose) => [dose.mouse.id, dose.mouse])).values()];
  }

  function nextOf(mouse, doses) {
    const own = doses.filter((dose) => dose.mouse.id === mouse.id);
    return own.find((dose) => dose.stored.status === "planned") ?? own[0];
  }
})();
