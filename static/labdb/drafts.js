// What was typed into a record's form outlives a sign-out by timeout: kept in this tab until the server has stored it.
(() => {
  "use strict";
  const SENT = "labdb-draft-sent"; // the draft whose form was sent last; forgotten once a page other than sign-in answers

  function storage(act) {
    try {
      return act(window.sessionStorage);
    } catch {
      return null; // storage can be forbidden; the form works without
    }
  }

  const keyOf = () => `labdb-draft ${document.body.dataset.user} ${location.pathname}${location.search}`;
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.name !== "csrfmiddlewaretoken" && field.type !== "submit");
  const valuesOf = (form) => Object.fromEntries(fieldsOf(form).map((field) => [field.name, field.value]));

  function keep(form) {
    storage((kept) => kept.setItem(keyOf(), JSON.stringify(valuesOf(form))));
  }

  function putBack(form, draft) {
    for (const field of fieldsOf(form)) {
      const value = draft[field.name];
      if (value === undefined || value === field.value) continue;
      if (field.tomselect) {
        const names = field.dataset.several ? value.split(";").map((name) => name.trim()).filter(Boolean) : [value];
        names.forEach((name) => field.tomselect.addOption({ value: name, text: name }));
        field.tomselect.setValue(value ? names : []);
      } else field.value = value; // the version too: who changed the record meanwhile is not overwritten
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function offer(form, draft) {
    const notice = document.createElement("div");
    notice.className = "alert alert-warning";
    notice.setAttribute("role", "status");
    notice.textContent = "What was typed here before was not saved. ";
    for (const [label, act] of [["Put it back", () => putBack(form, draft)], ["Forget it", () => storage((kept) => kept.removeItem(keyOf()))]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-sm ms-2";
      button.textContent = label;
      button.addEventListener("click", () => { act(); notice.remove(); });
      notice.append(button);
    }
    form.before(notice);
  }

  function forgetWhatWasStored(form) {
    const sent = storage((kept) => kept.getItem(SENT));
    if (!sent || document.querySelector("input[name=password]")) return; // signed out meanwhile: nothing was stored
    const isStored = !form || sent !== keyOf() || document.querySelector(".alert-success");
    storage((kept) => { kept.removeItem(SENT); if (isStored) kept.removeItem(sent); });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form[data-entry]");
    forgetWhatWasStored(form);
    if (!form) return;
    const isAnswer = form.querySelector(".is-invalid") || document.querySelector(".alert-danger"); // it holds what was typed
    const draft = isAnswer ? null : JSON.parse(storage((kept) => kept.getItem(keyOf())) ?? "null");
    const shown = valuesOf(form);
    if (draft && Object.keys(draft).some((name) => name in shown && name !== "version" && draft[name] !== shown[name])) offer(form, draft);
    let waiting;
    for (const kind of ["input", "change"]) {
      form.addEventListener(kind, () => { clearTimeout(waiting); waiting = setTimeout(() => keep(form), 300); });
    }
    form.addEventListener("submit", () => {
      clearTimeout(waiting);
      keep(form);
      storage((kept) => kept.setItem(SENT, keyOf()));
    });
  });
})();
