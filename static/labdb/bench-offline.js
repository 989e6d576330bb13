// Keeps this page of the bench for a reload without a network, as it stands after the last entry that was stored.
(() => {
  "use strict";
  const { benchWorker: worker, benchScope: scope } = document.querySelector("[data-bench-worker]")?.dataset ?? {};
  const KEPT = "labdb-bench"; // as in bench-worker.js
  const PAUSE_MS = 1_500;
  const labdb = window.labdb ?? {};
  if (!worker || !navigator.serviceWorker || !window.caches) return; // a browser has them over https and on this machine
  let waiting = null;

  // The page anew, and what it is made of: the first time, it was loaded before anybody could keep it.
  async function keep() {
    try {
      const kept = await caches.open(KEPT);
      const parts = [...document.querySelectorAll("script[src], link[rel=stylesheet], link[rel=icon]")].map((part) => part.src || part.href);
      const known = new Set((await kept.keys()).map((request) => request.url));
      await kept.addAll(parts.filter((part) => !known.has(part)));
      const answer = await fetch(location.href);
      if (answer.ok && !answer.redirected) await kept.put(location.href, answer); // a sign-in page is not kept for it
    } catch { /* the network is away: what is kept stays */ }
  }

  document.addEventListener("labdb:entry", ({ detail: { state } }) => {
    if (state !== "stored" && state !== "undone") return;
    clearTimeout(waiting);
    waiting = setTimeout(keep, PAUSE_MS);
  });
  document.addEventListener("labdb:person", keep);
  navigator.serviceWorker.register(worker, { scope }).then(keep, () => { /* forbidden: pages need the network */ });
  const note = document.querySelector("[data-offline-note]");
  if (labdb.clock?.isFromCache && note) {
    note.hidden = false;
    note.textContent = `No network: this page is as it was at ${labdb.clock.time(labdb.clock.madeAt)}. What is entered is kept and sent when the network is back.`;
  }
  window.addEventListener("online", () => { // not by itself: somebody may be typing
    if (note && !note.hidden) note.textContent = "The network is back; reload the page to see what others entered.";
  });
})();
