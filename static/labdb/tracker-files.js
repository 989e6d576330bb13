// Files dropped on the page go into its input, and the form is sent as soon as there are any.
(() => {
  "use strict";
  const form = document.getElementById("tracker-files");
  const zone = form.querySelector("[data-drop]");
  const input = form.querySelector("input[type=file]");

  function send() {
    if (input.files.length) form.requestSubmit(form.querySelector("button[value=check]"));
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
