// Sounds for hands that are busy, made here, so that there is nothing to load: labdb.sound("saved").
// <button data-sound="rack"> mutes them on this device, for the pages that name the same.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const QUIET = 0.2;
  const LOUD = 0.4; // heard across the room
  const REST = 0; // hertz
  const TUNES = { // loudness, then hertz and seconds of each tone
    saved: [QUIET, [880, 0.08]],
    wrong: [QUIET, [220, 0.18], [180, 0.25]],
    alert: [QUIET, [660, 0.15], [880, 0.15], [660, 0.15]],
    start: [LOUD, [880, 0.25]],
    end: [LOUD, [660, 0.3], [REST, 0.05], [660, 0.3], [REST, 0.05], [660, 0.3]],
  };
  const button = document.querySelector("[data-sound]");
  const KEPT = `labdb-muted ${button?.dataset.sound}`;
  let audio = null;
  let isMuted = false;
  try {
    isMuted = localStorage.getItem(KEPT) === "yes";
  } catch { /* then it is muted for no longer than a page */ }

  // Browsers let a page sound only after it was touched or typed into.
  function wake() {
    audio ??= window.AudioContext ? new AudioContext() : null;
    if (audio?.state === "suspended") audio.resume();
  }

  function tone(at, hertz, seconds, loudness) {
    const [source, volume] = [audio.createOscillator(), audio.createGain()];
    source.frequency.value = hertz;
    volume.gain.setValueAtTime(loudness, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    source.connect(volume).connect(audio.destination);
    source.start(at);
    source.stop(at + seconds);
  }

  labdb.sound = (name) => {
    if (isMuted || audio?.state !== "running") return;
    const [loudness, ...tones] = TUNES[name];
    let at = audio.currentTime;
    for (const [hertz, seconds] of tones) {
      if (hertz !== REST) tone(at, hertz, seconds, loudness);
      at += seconds;
    }
  };

  function show() {
    button.setAttribute("aria-pressed", String(!isMuted));
    button.textContent = isMuted ? "Sound off" : "Sound on";
  }

  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, wake, { passive: true });
  if (!button) return;
  button.addEventListener("click", () => {
    isMuted = !isMuted;
    try {
      localStorage.setItem(KEPT, isMuted ? "yes" : "no");
    } catch { /* as above */ }
    show();
    labdb.sound("saved");
  });
  show();
})();
