// What can be done with a mouse besides its times: another target, skip, stop or exclude, repeat; each with its reason.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.siDay;
  const dialog = document.querySelector('[data-si="dialog"]');
  if (!day || !dialog) return;
  const { make, button } = labdb;
  const SKIPPED = ["not in its cage", "ill or wounded", "no time left", "other"];
  const STOPPED = ["climbed out of the arena", "camera or tracker failed", "target got out", "wounds or distress", "other"];
  const REPEATED = ["camera or tracker failed", "disturbed from outside", "wrong mouse", "wrong target", "other"];

  function open(title, ...parts) {
    const head = make("div", { className: "bench-dialog-head" }, make("h2", { id: "si-dialog-title", textContent: title }), button("Close", () => dialog.close()));
    dialog.replaceChildren(head, ...parts.filter(Boolean));
    dialog.showModal();
  }

  // A choice of reasons; "other" asks for it in words.
  function reasons(title, words, take) {
    const input = make("input", { className: "form-control", id: "si-reason", maxLength: 180, autocomplete: "off" });
    const says = make("p", { className: "si-says", role: "alert" });
    const act = (reason) => () => {
      const said = reason === "other" ? input.value.trim() : reason;
      if (!said) { says.textContent = "Say in words why."; input.focus(); return; }
      dialog.close();
      take(said);
    };
    const choices = words.map((one) => button(one === "other" ? "Other: as typed" : one, act(one), { className: "btn bench-choice" }));
    return make("section", {}, make("p", { className: "form-label", textContent: title }), make("div", { className: "bench-choices" }, ...choices),
      make("label", { className: "form-label mt-3", htmlFor: "si-reason", textContent: "In words, for other" }), input, says);
  }

  function skip(mouse, done) {
    open(`Skip ${mouse.code}`, reasons("Why?", SKIPPED, (reason) => { labdb.siSend.giveUp(mouse, "skipped", reason); done(); }),
      make("p", { className: "text-secondary mt-3 mb-0", textContent: "It is stored with the plan. Tap the mouse in the list to test it after all." }));
  }

  // With the times of both trials the test is stored and excluded; without them only that it was stopped.
  function stop(mouse, done) {
    if (mouse.stored?.exclusion && !mouse.own.isRepeat) { countAgain(mouse, done); return; }
    const isWhole = day.isWhole(mouse) && (day.startOf(mouse) !== undefined || Boolean(mouse.stored));
    let isPrior = false;
    const prior = button("The criterion was set before the test", () => { isPrior = !isPrior; prior.setAttribute("aria-pressed", String(isPrior)); }, { className: "btn bench-choice mt-2" });
    prior.setAttribute("aria-pressed", "false");
    const said = isWhole
      ? "The times of both trials are there: the test is stored, and excluded from every analysis by this criterion."
      : "The times of both trials are not there: no test is stored, only that it was stopped and why. What was typed is dropped.";
    open(`Stop or exclude ${mouse.code}`, make("p", { textContent: said }), isWhole && prior, reasons("Why?", STOPPED, (reason) => {
      if (isWhole) labdb.siSend.storeTest(mouse, { exclusion_criterion: reason, is_exclusion_a_priori: isPrior, excluded_by: labdb.bench.person() });
      else labdb.siSend.giveUp(mouse, "stopped", reason);
      done();
    }));
  }

  function countAgain(mouse, done) {
    const act = () => {
      dialog.close();
      labdb.siSend.storeTest(mouse, { exclusion_criterion: "", is_exclusion_a_priori: "", excluded_by: "" });
      done();
    };
    open(`${mouse.code} is excluded`, make("p", { textContent: `By the criterion: ${mouse.stored.exclusion}.` }), button("Take the exclusion back", act, { className: "btn btn-primary" }));
  }

  function repeat(mouse, done) {
    const said = mouse.stored ? "The new times replace the stored ones, with this reason; the history keeps the old." : "Timers and times of this mouse start anew.";
    open(`Repeat the test of ${mouse.code}`, make("p", { textContent: said }), reasons("Why?", REPEATED, (reason) => {
      const { key, planKey, notes = [] } = mouse.own;
      const before = mouse.own;
      const note = `Repeated: ${reason}.`;
      mouse.own = { ...(key ? { key } : {}), ...(planKey ? { planKey } : {}), notes: [...notes, note], texts: Object.fromEntries(day.TIMES.map((name) => [name, ""])) };
      if (day.isTested(mouse)) Object.assign(mouse.own, { isRepeat: `repeated: ${reason}` });
      if (mouse.stored) mouse.own.version = mouse.stored.version;
      day.save();
      labdb.outbox.offerUndo(`repeat ${mouse.code}`, `${mouse.code} is tested anew`, () => { mouse.own = before; day.save(); done(mouse); });
      done(mouse);
    }));
  }

  function otherTarget(mouse, done) {
    const now = day.nowMs();
    const busy = new Map(day.mice.filter((one) => one !== mouse && day.inTest(one, now)).map((one) => [day.targetOf(one), one.arena]));
    const present = day.targetOf(mouse);
    const offered = day.targets.filter(({ code }) => code !== present);
    offered.sort((one, other) => (one.code in mouse.met) - (other.code in mouse.met) || day.usesOf(one.code, mouse) - day.usesOf(other.code, mouse));
    const choices = offered.map(({ code }) => {
      const words = [labdb.siTurn.used(day.usesOf(code, mouse)), code in mouse.met ? `met on day ${mouse.met[code]}` : "", busy.has(code) ? `in ${busy.get(code)} now` : ""];
      return button(`${code}: ${words.filter(Boolean).join(", ")}`, () => (code in mouse.met ? askKnown(mouse, code, done) : take(mouse, code, done)), { className: "btn bench-choice" });
    });
    open(`Another target for ${mouse.code}`, choices.length ? make("div", { className: "bench-choices" }, ...choices) : make("p", { textContent: "There is no other target today." }));
  }

  function askKnown(mouse, code, done) {
    open(`${mouse.code} met ${code} on day ${mouse.met[code]}`, make("p", { textContent: "A target should be unfamiliar. If it must be this one, say why." }),
      reasons("Why?", ["no other target is left", "other"], (reason) => { mouse.own.targetReason = reason; take(mouse, code, done); }));
  }

  function take(mouse, code, done) {
    const before = day.targetOf(mouse);
    mouse.own.target = code;
    mouse.own.notes = [...(mouse.own.notes ?? []), `Target ${code} in place of ${before}.`];
    day.save();
    if (dialog.open) dialog.close();
    done(mouse);
  }

  labdb.siMenu = { otherTarget, repeat, skip, stop };
})();
