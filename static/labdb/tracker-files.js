// Files dropped on the page go into its input, and the form is sent as soon as there are any: on the page of tracker
// files, on that of a day of SI tests, and on that of RNA quality.
(() => {
  "use strict";
  const form = document.querySelector("[data-drop]").closest("form");
  const zone = form.querySelector("[data-drop]");
  const input = form.querySelector("input[type=file]");

  function send() {
    input.setCustomValidity(navigator.onLine ? "" : "No network: choose the files again when it is back.");
    if (input.files.length && form.reportValidity()) form.requestSubmit(form.querySelector("button[value=check]"));
  }

  input.addEventListener("change", send);
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    zone.classList.remove("is-over");
    input.files = event.dataTransfer.files;
    send();
  });
})();
