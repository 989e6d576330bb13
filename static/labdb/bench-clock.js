// The laboratory's clock: the server's time, carried on by this page's own ticking. The clocks of tablets are wrong.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const header = document.querySelector("[data-bench-now]");
  if (!header) return;
  const KEPT = "labdb-clock-ahead"; // ms that this device's clock is behind the laboratory's, when it was last known
  const OFF_MS = 60_000; // a clock that is a minute off is worth a word
  const ASK_MS = 300_000;
  const SLEPT_MS = 3_000;
  const zone = header.dataset.benchZone;
  const shown = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...shown });
  let base = Number(header.dataset.benchNow) * 1000; // the laboratory's time when performance.now() was `since`
  let since = performance.now();
  let lastWall = Date.now();
  let lastTick = since;

  function kept() {
    try {
      return Number(localStorage.getItem(KEPT) ?? NaN);
    } catch {
      return NaN; // storage can be forbidden; then the page's own time has to do
    }
  }

  const nowMs = () => base + performance.now() - since;

  function set(ms) {
    base = ms;
    since = performance.now();
  }

  // Told by the server; what the way back took makes it late, never early: nothing lies in the future by it.
  function told(text) {
    set(Date.parse(text));
    try {
      localStorage.setItem(KEPT, String(nowMs() - Date.now()));
    } catch { /* as above */ }
    show();
  }

  async function ask() {
    try {
      const answer = await fetch(header.dataset.benchClock, { cache: "no-store" });
      if (answer.ok) told((await answer.json()).now);
    } catch { /* without a network the clock goes on as it is */ }
  }

  function note() {
    const minutes = Math.round((Date.now() - nowMs()) / 60_000);
    const element = document.querySelector("[data-clock-note]");
    if (!element) return;
    const isOff = Math.abs(Date.now() - nowMs()) >= OFF_MS;
    element.hidden = !isOff;
    const off = `${Math.abs(minutes)} min ${minutes > 0 ? "fast" : "slow"}`;
    const words = isOff ? `This tablet's clock is ${off}; the lab clock is used.` : "";
    if (element.textContent !== words) element.textContent = words;
  }

  function show() {
    for (const element of document.querySelectorAll("[data-clock]")) element.textContent = format.format(nowMs());
    note();
  }

  function tick() {
    const [wall, ticked] = [Date.now(), performance.now()];
    const slept = wall - lastWall - (ticked - lastTick); // asleep, some devices do not count
    if (slept > SLEPT_MS) {
      set(nowMs() + slept); // until the server is asked
      ask();
    }
    [lastWall, lastTick] = [wall, ticked];
    show();
  }

  // Kept by the service worker, the page tells the time of when it was made: then this device's clock, put right.
  const madeAt = base;
  const isFromCache = "benchKept" in header.dataset;
  if (isFromCache && Number.isFinite(kept())) set(Date.now() + kept());

  labdb.clock = {
    now: () => new Date(nowMs()),
    told,
    isFromCache,
    madeAt,
    time: (moment) => format.format(moment),
    day: (moment) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(moment), // 2026-03-14
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { tick(); ask(); } });
  window.addEventListener("online", ask);
  window.addEventListener("pageshow", (event) => { if (event.persisted) ask(); });
  setInterval(tick, 500);
  setInterval(ask, ASK_MS);
  show();
  ask();
})();
