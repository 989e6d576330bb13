// The arenas of a turn: one tile each, whose trials are timed by the lab clock; a tap goes on to what comes next.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.siDay;
  if (!day) return;
  const { make, put } = labdb;
  const place = document.querySelector('[data-si="turn"]');
  const live = document.querySelector('[data-si="live"]');
  const views = new Map(); // mouse -> what is on the page of its tile
  const last = new Map(); // mouse -> the phase that was seen last
  let turn = null;
  let inHand = null;

  function left(ms) {
    const s = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  }

  const used = (times) => (times ? `used ${times === 1 ? "once" : `${times} times`} today` : "not used today");

  // What the tile says, and what a tap would do.
  function faceOf(mouse, phase, now) {
    const target = day.targetOf(mouse) || "the target";
    switch (phase) {
      case "idle": return ["Start trial 1", "without target"];
      case "absent": return [left(day.endOf(mouse) - now), "trial 1, without target"];
      case "between": return [`Start trial 2`, `trial 1 over: put ${target} in, then tap`];
      case "present": return [left(day.endOf(mouse) - now), `trial 2, with ${target}`];
      case "over": return ["Over", `take ${mouse.code} out, then tap`];
      default: return ["✓", day.isTested(mouse) ? "saved" : day.isWhole(mouse) ? "times not saved yet" : "times are missing"];
    }
  }

  function makeTile(mouse) {
    const tap = make("button", { type: "button", className: "btn si-tap" }, make("span", { className: "visually-hidden", textContent: `${mouse.arena}, ${mouse.code}: ` }), make("span", { className: "si-face" }), make("span", { className: "si-words" }));
    const who = make("button", { type: "button", className: "btn si-who-tile" }, make("strong", { textContent: mouse.code }), ` ${mouse.arena}`);
    const target = make("p", { className: "si-tile-target" });
    const whole = make("article", { className: "si-tile", dataset: { mouse: mouse.code } }, who, tap, target);
    tap.disabled = !day.may_enter;
    tap.addEventListener("click", () => tapped(mouse));
    who.addEventListener("click", () => document.dispatchEvent(new CustomEvent("labdb:si-pick", { detail: mouse })));
    views.set(mouse, { whole, who, face: tap.children[1], words: tap.children[2], target });
    return whole;
  }

  function tapped(mouse) {
    const now = day.nowMs();
    const phase = day.phase(mouse, now);
    const own = mouse.own;
    const acts = {
      idle: () => { own.t1 = now; labdb.siSend.restore(mouse); return ["t1", `Trial 1 of ${mouse.code} started`]; },
      between: () => { own.t2 = now; return ["t2", `Trial 2 of ${mouse.code} started`]; },
      over: () => { own.isOut = true; return ["isOut", `${mouse.code} is out`]; },
    };
    if (!acts[phase] || day.isTested(mouse)) return;
    const [name, sentence] = acts[phase]();
    const tell = () => { day.save(); document.dispatchEvent(new CustomEvent("labdb:si-mouse", { detail: mouse })); };
    labdb.sound(name === "isOut" ? "saved" : "start");
    labdb.outbox.offerUndo(`${name} ${mouse.code}`, sentence, () => { delete mouse.own[name]; tell(); });
    tell(); // and no more: somebody may be typing the times of another mouse
  }

  // The mice of the turn, the one in hand, and whoever is still in an arena.
  function shownMice(now) {
    const isDue = (mouse) => mouse.turn !== null && mouse.turn === turn && mouse.planned?.state === "planned";
    return day.mice.filter((mouse) => (!mouse.died && (isDue(mouse) || mouse === inHand)) || day.inTest(mouse, now));
  }

  function draw(now = day.nowMs()) {
    const shown = shownMice(now);
    const names = shown.map((mouse) => mouse.code).join(" ");
    if (place.dataset.names !== names) {
      place.dataset.names = names;
      views.clear();
      place.replaceChildren(...shown.map(makeTile));
    }
    for (const mouse of shown) drawTile(mouse, now);
  }

  function drawTile(mouse, now) {
    const view = views.get(mouse);
    const phase = day.isTested(mouse) && !day.inTest(mouse, now) ? "out" : day.phase(mouse, now);
    const [face, words] = faceOf(mouse, phase, now);
    view.whole.dataset.phase = phase;
    view.who.setAttribute("aria-current", String(mouse === inHand));
    put(view.face, face);
    put(view.words, words);
    const target = day.targetOf(mouse);
    put(view.target, target ? `Target ${target}, ${used(day.usesOf(target, mouse))}` : "No target");
    const before = last.get(mouse);
    if (before === "absent" && phase === "between") rings(`${mouse.arena}: trial 1 of ${mouse.code} is over.`);
    if (before === "present" && phase === "over") rings(`${mouse.arena}: trial 2 of ${mouse.code} is over.`);
    last.set(mouse, phase);
  }

  function rings(sentence) {
    labdb.sound("end");
    live.textContent = sentence;
  }

  // The mouse whose times are typed, and the others of its turn.
  function show(mouse) {
    inHand = mouse;
    if (mouse.turn !== null) turn = mouse.turn;
    draw();
  }

  labdb.siTurn = { draw, show, used };
})();
