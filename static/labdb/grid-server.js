// The grid's talk with the server: what was not answered is not taken for stored, and what was sent is sent once.
window.labdb ??= {};
(() => {
  "use strict";
  const PATIENCE_MS = 60_000;
  const WAITS_MS = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000];

  // Resolves to {status, answer}; status 0 where the network or the server gave no answer at all.
  async function post(address, body) {
    let response;
    try {
      response = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": labdb.csrfToken(), Accept: "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (response.status >= 500) return { status: 0, answer: null };
      return { status: response.status, answer: await response.json() };
    } catch {
      // An answer that is no JSON is a page that refuses (another token, another role): it comes with its status.
      return response ? { status: response.status, answer: { state: "refused", sentences: [pageSentence(response.status)] } } : { status: 0, answer: null };
    }
  }

  function pageSentence(status) {
    const what = { 403: "The server refused this page; another account may be signed in.", 404: "This page is no longer there for your account." }[status];
    return `${what ?? `The server answered ${status}.`} Reload the page: what was typed is kept on this device.`;
  }

  // Tries again when the network is back, the page is looked at again, or some time has passed.
  function retrier(act) {
    let waiting = null;
    let tries = 0;
    const now = () => { if (waiting !== null) { clearTimeout(waiting); waiting = null; act(); } };
    window.addEventListener("online", now);
    window.addEventListener("focus", now);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) now(); });
    return {
      later() {
        clearTimeout(waiting);
        waiting = setTimeout(now, WAITS_MS[Math.min(tries, WAITS_MS.length - 1)]);
        tries += 1;
      },
      reset() { clearTimeout(waiting); waiting = null; tries = 0; },
      get isWaiting() { return waiting !== null; },
    };
  }

  window.labdb.gridServer = { post, retrier };
})();
