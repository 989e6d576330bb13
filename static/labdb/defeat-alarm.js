// Sounds of the rack: one for a start, three for an end. Made here, so that there is nothing to load; may be muted.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const KEPT = "labdb-rack-muted";
  let context = null;
  let isMuted = false;
  try {
    isMuted = localStorage.getItem(KEPT) === "yes";
  } catch { /* then it is asked anew with each page */ }

  // Browsers let a page sound only after it was touched.
  function wake() {
    context ??= window.AudioContext ? new AudioContext() : null;
    if (context?.state === "suspended") context.resume();
  }

  function beep(after_s, hertz, length_s) {
    const [tone, loudness] = [context.createOscillator(), context.createGain()];
    const at = context.currentTime + after_s;
    tone.frequency.value = hertz;
    loudness.gain.setValueAtTime(0.4, at);
    loudness.gain.exponentialRampToValueAtTime(0.001, at + length_s);
    tone.connect(loudness).connect(context.destination);
    tone.start(at);
    tone.stop(at + length_s);
  }

  function play(kind) {
    if (isMuted || context?.state !== "running") return;
    if (kind === "start") beep(0, 880, 0.25);
    else for (const after_s of [0, 0.35, 0.7]) beep(after_s, 660, 0.3);
  }

  function show(button) {
    button.textContent = isMuted ? "Sound off" : "Sound on";
    button.setAttribute("aria-pressed", String(!isMuted));
  }

  document.addEventListener("pointerdown", wake, { passive: true });
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-sound]");
    if (!button) return;
    show(button);
    button.addEventListener("click", () => {
      isMuted = !isMuted;
      try {
        localStorage.setItem(KEPT, isMuted ? "yes" : "no");
      } catch { /* as above */ }
      show(button);
    });
  });
  labdb.alarm = { play };
})();
