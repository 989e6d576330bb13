// A photo of a paper sheet, attached to its record: kept while the page is open until the server has it.
//
//   <input type="file" data-photo data-resource="cohorts" data-record="#3" data-what="weighing sheet">
//   <span data-photo-says role="status"></span><button data-photo-again hidden>Send the photo again</button>
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const input = document.querySelector("[data-photo]");
  if (!input) return;
  const says = document.querySelector("[data-photo-says]");
  const again = document.querySelector("[data-photo-again]");
  const KEPT = "The photo is kept while this page is open";
  const NO_NETWORK = `No network: the photo was not sent. ${KEPT}, and sent when the network is back.`;
  let photo = null; // until it is attached, or refused
  let isSending = false;

  function failed(sentence) {
    says.textContent = sentence;
    again.hidden = false;
  }

  function form() {
    const { resource, record, what } = input.dataset;
    const sent = new FormData();
    const description = `${what} of ${labdb.clock.day(labdb.clock.now())}`;
    for (const [name, value] of Object.entries({ resource, record, file: photo, description })) sent.append(name, value);
    return sent;
  }

  async function ask() {
    const answer = await fetch("/api/v1/attachments/", { method: "POST", headers: { "X-CSRFToken": labdb.csrfToken() }, body: form(), redirect: "manual" });
    const said = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
    return { answer, said };
  }

  function settle({ answer, said }) {
    if (answer.ok) says.textContent = "The photo is attached.";
    else if (answer.status === 401) { failed(`You are signed out: the photo was not sent. Sign in in another tab, then send it again. ${KEPT}.`); return; }
    else if (!said || answer.status >= 500) { failed(`The server does not answer: the photo was not sent. ${KEPT}.`); return; }
    else says.textContent = Object.values(said).flat().join(" ");
    photo = null;
  }

  async function send() {
    if (!photo || isSending) return;
    if (!navigator.onLine) { failed(NO_NETWORK); return; }
    isSending = true;
    again.hidden = true;
    says.textContent = "Sending the photo …";
    try {
      settle(await ask());
    } catch {
      failed(NO_NETWORK);
    } finally {
      isSending = false;
    }
  }

  input.addEventListener("change", () => {
    if (!input.files.length) return;
    [photo] = input.files;
    input.value = ""; // so that the same file can be chosen again
    send();
  });
  again.addEventListener("click", send);
  window.addEventListener("online", send);
})();
