// A tablet on the bench stays awake while its page is in sight, where the browser can.
(() => {
  "use strict";
  async function stayAwake() {
    if (document.hidden || !navigator.wakeLock) return;
    try {
      await navigator.wakeLock.request("screen");
    } catch { /* low battery, or not allowed: it sleeps as ever */ }
  }
  document.addEventListener("visibilitychange", stayAwake); // sleep and other tabs end it
  stayAwake();
})();
