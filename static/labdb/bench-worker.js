// Pages of the bench, and what they are made of, kept for when the network is away: asked for first, answered from what
// is kept only when no answer comes. Registered by bench-offline.js; labdb.js forgets all of it when somebody signed out.
"use strict";
const KEPT = "labdb-bench";
const isBench = (address) => /^\/(studies\/.+\/(bench\/|dissection\/$|defeat\/.+\/day\/\d+\/$)|boxes\/[^/]+\/scan\/$)/.test(new URL(address).pathname);

async function fresh(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) {
      const kept = await caches.open(KEPT);
      await kept.put(request, answer.clone());
    }
    return answer;
  } catch (error) {
    const kept = await caches.match(request, { ignoreVary: true }); // the cookie that it varies by is not shown here
    if (!kept) throw error;
    return request.mode === "navigate" ? marked(kept) : kept;
  }
}

// The page must know that its time and its mice are those of when it was made.
async function marked(kept) {
  const text = (await kept.text()).replace("data-bench-now=", "data-bench-kept data-bench-now=");
  return new Response(text, { headers: kept.headers });
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.method !== "GET") return;
  const isPage = request.mode === "navigate" && isBench(request.url);
  const isPart = pathname.startsWith("/static/") && request.referrer && (isBench(request.referrer) || request.referrer.includes("/static/"));
  if (isPage || isPart) event.respondWith(fresh(request));
});
