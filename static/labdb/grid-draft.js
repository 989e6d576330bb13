// Rows that are not stored yet, kept on this device: they outlive a crash, a sign-out, sleep and the back button.
window.labdb = window.labdb || {};
(() => {
  "use strict";
  const PREFIX = "labdb-grid";
  const TAB = "labdb-grid-tab";
  const ANSWER_MS = 200; // how long another tab may take to say that a draft is its own

  // Storage can be forbidden or full: the grid works without, and says so.
  function storage(act) {
    try {
      return act(window.localStorage);
    } catch {
      return undefined;
    }
  }

  const newId = () => (crypto.randomUUID ? crypto.randomUUID() : uuidOf(crypto.getRandomValues(new Uint8Array(16))));

  // randomUUID is missing where a page is served without https.
  function uuidOf(bytes) {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  function tabId() {
    try {
      const known = window.sessionStorage.getItem(TAB) ?? newId();
      window.sessionStorage.setItem(TAB, known);
      return known;
    } catch {
      return newId();
    }
  }

  const channel = window.BroadcastChannel ? new window.BroadcastChannel(PREFIX) : null;
  const place = `${PREFIX} ${document.body.dataset.user} ${location.pathname}${location.search} `;
  let own = place + tabId();
  let isHeld = false;

  channel?.addEventListener("message", (event) => {
    if (event.data.ask === own && isHeld) channel.postMessage({ held: own });
  });

  // Whether another tab has this draft open (a tab that was duplicated knows the same name).
  function isHeldElsewhere(name) {
    if (!channel) return Promise.resolve(false);
    return new Promise((settle) => {
      const hear = (event) => { if (event.data.held === name) finish(true); };
      const finish = (answer) => { channel.removeEventListener("message", hear); settle(answer); };
      channel.addEventListener("message", hear);
      setTimeout(() => finish(false), ANSWER_MS);
      channel.postMessage({ ask: name });
    });
  }

  function read(name) {
    try {
      return JSON.parse(storage((kept) => kept.getItem(name)) ?? "null");
    } catch {
      return null;
    }
  }

  // The draft of this tab, else one that a tab left behind at this address; newest first.
  async function recall() {
    const names = storage((kept) => Object.keys(kept).filter((name) => name.startsWith(place))) ?? [];
    const drafts = names.map((name) => ({ name, draft: read(name) })).filter((one) => one.draft);
    drafts.sort((a, b) => (b.name === own) - (a.name === own) || b.draft.at - a.draft.at);
    for (const { name, draft } of drafts) {
      if (await isHeldElsewhere(name)) continue;
      if (name !== own) storage((kept) => { kept.removeItem(name); kept.setItem(own, JSON.stringify(draft)); });
      isHeld = true;
      return draft;
    }
    if (drafts.some((one) => one.name === own)) own = place + newId(); // this tab is a copy of one that is still open
    isHeld = true;
    return null;
  }

  // Returns whether the device keeps it.
  const keep = (draft) => storage((kept) => { kept.setItem(own, JSON.stringify(draft)); return true; }) === true;
  const forget = () => storage((kept) => kept.removeItem(own));

  // Which columns somebody looks at is remembered for each record; null where nobody chose.
  const columnsOf = (record) => `${PREFIX}-columns ${document.body.dataset.user} ${record}`;
  const chosen = (record) => read(columnsOf(record));
  const setChosen = (record, names) => storage((kept) => kept.setItem(columnsOf(record), JSON.stringify(names)));

  window.labdb.gridDraft = { recall, keep, forget, newId, chosen, setChosen };
})();
