// Short sounds for hands that are busy: saved, wrong, look here. Muted by the button, and until the first touch.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const KEPT = "labdb-muted";
  const TUNES = { saved: [[880, 0.08]], wrong: [[220, 0.18], [180, 0.25]], alert: [[660, 0.15], [880, 0.15], [660, 0.15]] };
  const button = document.querySelector("[data-sound]");
  let audio = null;

  function isMuted() {
    try {
      return localStorage.getItem(KEPT) === "yes";
    } catch {
      return false;
    }
  }

  function show() {
    button?.setAttribute("aria-pressed", String(!isMuted()));
    if (button) button.textContent = isMuted() ? "Sound off" : "Sound on";
  }

  labdb.sound = (name) => {
    if (isMuted() || !window.AudioContext) return;
    audio ??= new AudioContext();
    let at = audio.currentTime;
    for (const [hertz, seconds] of TUNES[name]) {
      const [tone, volume] = [audio.createOscillator(), audio.createGain()];
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.2, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + seconds);
      at += seconds;
    }
  };
  button?.addEventListener("click", () => {
    try {
      localStorage.setItem(KEPT, isMuted() ? "no" : "yes");
    } catch { /* then it cannot be muted for longer than a page */ }
    show();
    labdb.sound("saved");
  });
  show();
})();
