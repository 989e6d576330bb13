// The box that finds everything: "/" goes to it, arrows choose, Enter opens, Esc closes; a camera reads labels.
(() => {
  "use strict";

  const LOOK_EVERY_MS = 200;

  function isTyping(element) {
    return element.closest?.("input, textarea, select, [contenteditable]") !== null || document.querySelector(".modal.show, dialog[open]") !== null;
  }

  function start(form) {
    const box = form.querySelector("input[name=q]");
    const panel = form.querySelector(".find-panel");
    let chosen = -1;

    const options = () => [...panel.querySelectorAll("[role=option]")];

    function mark(position) {
      const all = options();
      chosen = all.length ? (position + all.length) % all.length : -1;
      all.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
      if (chosen < 0) {
        box.removeAttribute("aria-activedescendant");
        return;
      }
      box.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }

    function close() {
      panel.replaceChildren();
      chosen = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    }

    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      box.focus();
      box.select();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        close();
        window.htmx?.trigger(box, "htmx:abort"); // an answer on its way would open it again
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        mark(event.key === "ArrowDown" ? chosen + 1 : (chosen < 0 ? 0 : chosen) - 1);
      } else if (event.key === "Enter" && chosen >= 0) {
        event.preventDefault();
        window.location.assign(options()[chosen].href);
      }
    });
    box.addEventListener("input", () => { chosen = -1; });
    form.addEventListener("submit", (event) => { if (!box.value.trim()) event.preventDefault(); });
    panel.addEventListener("htmx:afterSwap", () => {
      chosen = -1;
      box.setAttribute("aria-expanded", String(options().length > 0));
    });
    document.addEventListener("click", (event) => { if (!form.contains(event.target)) close(); });
    form.addEventListener("focusout", (event) => { if (event.relatedTarget && !form.contains(event.relatedTarget)) close(); });

    offerCamera(form.querySelector("[data-find-camera]"), (text) => {
      box.value = text;
      form.requestSubmit();
    });
  }

  function offerCamera(button, found) {
    if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return;
    button.hidden = false;
    button.addEventListener("click", () => readLabel(found));
  }

  function cameraDialog() {
    const dialog = document.createElement("dialog");
    dialog.className = "find-camera card p-3";
    dialog.setAttribute("aria-label", "Read a QR code");
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    const words = document.createElement("p");
    words.className = "my-2";
    words.setAttribute("role", "status");
    words.textContent = "Hold the label before the camera.";
    const stop = document.createElement("button");
    stop.className = "btn";
    stop.type = "button";
    stop.textContent = "Close";
    stop.addEventListener("click", () => dialog.close());
    dialog.append(video, words, stop);
    document.body.append(dialog);
    return { dialog, video, words };
  }

  async function readLabel(found) {
    const { dialog, video, words } = cameraDialog();
    let stream = null;
    dialog.addEventListener("close", () => {
      stream?.getTracks().forEach((track) => track.stop());
      dialog.remove();
    });
    dialog.showModal();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (!dialog.open) {
        stream.getTracks().forEach((track) => track.stop());
        return;
      }
      video.srcObject = stream;
      await video.play();
      const text = await firstLabel(new window.BarcodeDetector({ formats: ["qr_code"] }), video, dialog);
      dialog.close();
      if (text) found(text);
    } catch (error) {
      words.textContent = `The camera cannot be used (${error.name}); type the label, or allow the camera for this page.`;
    }
  }

  async function firstLabel(detector, video, dialog) {
    while (dialog.open) {
      const codes = await detector.detect(video);
      if (codes.length) return codes[0].rawValue;
      await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY_MS); });
    }
    return "";
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form[data-find]").forEach(start));
})();
