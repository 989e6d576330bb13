// What a round of animals on the table has in common, whatever is done to them: the turn, the count, the device that
// types wherever the hand was last, and what other tablets saved of the same round.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const ASK_MS = 15_000;

  // The first of `all` behind `current`, around the end, that is left to do; null when none is.
  labdb.nextLeft = (all, current, isLeft) => {
    const after = current ? all.indexOf(current) + 1 : 0;
    return [...all.slice(after), ...all.slice(0, after)].find(isLeft) ?? null;
  };

  labdb.showProgress = (bar, done, of) => {
    bar.max = Math.max(of, 1);
    bar.value = done;
  };

  // A balance or a scanner is a keyboard: what it types goes into `input`, but for what is typed elsewhere on purpose.
  labdb.typeInto = (input) => {
    document.addEventListener("keydown", (event) => {
      const isElsewhere = !event.target.closest("dialog, input, textarea, select");
      if (isElsewhere && event.key.length === 1 && !event.ctrlKey && !event.metaKey && event.key !== " ") input.focus();
    });
    for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => input.focus());
  };

  // Those of `all` of which nothing waits here and nothing was done since `asked`: what others saved of them is newer.
  // `subjectOf(key)` says what an entry of this page is of.
  labdb.untouchedSince = (all, asked, subjectOf) => {
    const { waiting, held } = labdb.outbox.status();
    const ours = new Set([...waiting, ...held].map(({ entry }) => subjectOf(entry.key) ?? subjectOf(entry.of)));
    return all.filter((one) => !ours.has(one) && !(one.touched >= asked));
  };

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
