// A check of a box on its way: one entry of the outbox, kept on this device with its scans until the server answers.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const HELD = ["refused", "needs_reason", "conflict", "forbidden"];

  // options: page (the element that names act, record, box), and what to do: onWay(), onStored(answer), onHeld().
  labdb.boxSend = ({ page, onWay, onStored, onHeld }) => {
    const { act, record, code } = page.dataset;
    const isOurs = (entry) => entry.action === act && entry.values.box === code;

    document.addEventListener("labdb:entry", ({ detail: { state, entry, answer } }) => {
      if (!isOurs(entry)) return;
      if (state === "waiting") onWay();
      else if (state === "stored") onStored(answer);
      else if (HELD.includes(state)) onHeld();
    });

    return {
      // `session` goes along on this device, to be gone on with if the check is not stored.
      send: (values, session) => labdb.outbox.send({
        action: act, record, label: `check of box ${code}`, page: location.pathname, kept: session,
        values: { box: code, performed_at: labdb.clock.now().toISOString(), ...values },
      }),
      held: () => labdb.outbox.status().held.find(({ entry }) => isOurs(entry)) ?? null,
      isUnderWay: () => labdb.outbox.status().waiting.some(({ entry }) => isOurs(entry)),
      sentences: ({ answer }) => Object.values(answer.errors).flat().join(" "),
      // The entry is given up: its scans are the page's again.
      takeBack: ({ entry }) => {
        labdb.outbox.discard(entry.key);
        return entry.kept;
      },
      withReason: ({ entry }, reason) => labdb.outbox.correct(entry.key, {}, { reason }),
    };
  };

  // Ask in a dialog; resolves to false, or to true or the reason that was given.
  labdb.askInDialog = (dialog, { title, words, yes, no, needsReason = false }) => {
    const part = (name) => dialog.querySelector(`[data-dialog="${name}"]`);
    const reason = part("reason").querySelector("input");
    labdb.put(dialog.querySelector("h2"), title);
    labdb.put(part("words"), words);
    labdb.put(part("yes"), yes);
    labdb.put(part("no"), no);
    part("reason").hidden = !needsReason;
    reason.value = "";
    dialog.showModal();
    (needsReason ? reason : part("no")).focus();
    return new Promise((resolve) => {
      let answer = false;
      dialog.onclose = () => resolve(answer);
      part("no").onclick = () => dialog.close();
      dialog.onsubmit = (event) => {
        event.preventDefault();
        answer = needsReason ? reason.value.trim() : true;
        if (answer) dialog.close();
        else reason.focus();
      };
    });
  };
})();
