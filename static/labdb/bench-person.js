// Who works at this tablet: chosen by name and PIN, and carried by what is entered from then on.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const button = document.querySelector("[data-bench-person]");
  const dialog = document.querySelector("[data-person-dialog]");
  if (!button || !dialog) return;
  const { people, account, current, address, study, record } = JSON.parse(document.getElementById("bench-people").textContent);
  const KEPT = `labdb-bench-person ${account.username}`;
  const LONGEST = 8;
  const NO_NETWORK = "No network: who works cannot be changed, for the server checks the PIN. Until it is back, entries are in the name of the one shown.";
  let person = labdb.clock?.isFromCache ? kept() : current; // a kept page knows who worked when it was made
  let chosen = null;
  let pin = "";

  function kept() {
    try {
      return JSON.parse(localStorage.getItem(KEPT) ?? "null");
    } catch {
      return current;
    }
  }

  function take(next) {
    person = next;
    try {
      localStorage.setItem(KEPT, JSON.stringify(next));
    } catch { /* then a page that was kept shows who worked before */ }
    show();
    document.dispatchEvent(new CustomEvent("labdb:person", { detail: labdb.bench.person() }));
  }

  function show() {
    button.querySelector("[data-person-name]").textContent = (person ?? account).name;
    button.dataset.bySignIn = person ? "" : "yes";
  }

  labdb.bench = {
    person: () => (person ?? account).username,
    name: () => (person ?? account).name,
    token: () => person?.token ?? "",
  };

  const part = (name) => dialog.querySelector(`[data-person-part="${name}"]`);

  function turn(name) {
    for (const one of ["list", "pad"]) part(one).hidden = one !== name;
    say("");
  }

  function say(sentence) {
    dialog.querySelector("[data-person-says]").textContent = sentence;
  }

  function listPeople() {
    chosen = null;
    turn("list");
    const buttons = people.map((one) => choice(one.name, () => askPin(one)));
    buttons.push(choice(`${account.name} (signed in)`, () => choose("", "")));
    part("list").querySelector("[data-person-names]").replaceChildren(...buttons);
    part("list").querySelector("[data-nobody]").hidden = people.length > 0;
  }

  function choice(words, act) {
    const one = document.createElement("button");
    one.type = "button";
    one.className = "btn bench-choice";
    one.textContent = words;
    one.addEventListener("click", act);
    return one;
  }

  function askPin(one) {
    chosen = one;
    pin = "";
    turn("pad");
    part("pad").querySelector("[data-person-chosen]").textContent = one.name;
    showPin();
    part("pad").querySelector("[data-key]").focus(); // whoever types the PIN ends it with Enter
  }

  function showPin() {
    const dots = part("pad").querySelector("[data-pin]");
    dots.textContent = pin ? "●".repeat(pin.length) : "PIN";
    dots.setAttribute("aria-label", `${pin.length} digits typed`);
  }

  function press(key) {
    say("");
    if (key === "back") pin = pin.slice(0, -1);
    else if (key === "enter") { choose(chosen.username, pin); return; }
    else if (pin.length < LONGEST) pin += key;
    showPin();
  }

  async function choose(username, given) {
    let said;
    say("");
    try {
      const body = new URLSearchParams({ person: username, pin: given, study, record });
      const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": labdb.csrfToken() }, body, redirect: "manual" });
      said = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : { __all__: ["The session is over; reload the page."] };
    } catch {
      say(NO_NETWORK); // the PIN stays: OK sends it again
      return;
    }
    pin = "";
    if (said.__all__) {
      if (chosen) showPin();
      say(said.__all__.join(" "));
      return;
    }
    take(said.person);
    dialog.close();
  }

  button.addEventListener("click", () => {
    listPeople();
    dialog.showModal();
    if (!navigator.onLine) say(NO_NETWORK);
  });
  window.addEventListener("online", () => { if (dialog.querySelector("[data-person-says]").textContent === NO_NETWORK) say("The network is back; choose who works."); });
  dialog.querySelector("[data-person-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("[data-person-other]").addEventListener("click", listPeople);
  for (const key of dialog.querySelectorAll("[data-key]")) key.addEventListener("click", () => press(key.dataset.key));
  dialog.addEventListener("keydown", (event) => {
    if (part("pad").hidden) return;
    if (/^[0-9]$/.test(event.key)) press(event.key);
    else if (event.key === "Backspace") press("back");
    else if (event.key === "Enter" && !event.target.matches("button[data-person-other], button[data-person-close]")) { event.preventDefault(); press("enter"); }
  });
  show();
})();
