// What other tablets saved of the same round, asked for while somebody looks at this one.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const ASK_MS = 15_000;

  // take(said, asked): the answer, and when it was asked for (performance.now()); what was done here since is newer.
  labdb.watchOthers = (address, take) => {
    async function ask() {
      if (document.hidden || !navigator.onLine) return;
      const asked = performance.now();
      try {
        const answer = await fetch(address, { cache: "no-store", headers: { Accept: "application/json" } });
        if (answer.ok) take(await answer.json(), asked);
      } catch { /* no network: what is known here has to do */ }
    }
    setInterval(ask, ASK_MS);
    for (const name of ["online", "focus"]) window.addEventListener(name, ask);
    document.addEventListener("visibilitychange", ask);
    window.addEventListener("pageshow", (event) => { if (event.persisted) ask(); });
  };
})();
