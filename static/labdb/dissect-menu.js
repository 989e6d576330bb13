// What can be said of a tube besides the tap, and how the day dissects: side, punches, position, not taken; the protocol.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});
  const day = labdb.dissect;
  const dialog = document.querySelector('[data-dissect="dialog"]');
  if (!day || !dialog) return;
  const { make, button } = labdb;
  const { dissectSend } = labdb;
  const words = JSON.parse(document.getElementById("dissection-words").textContent); // sides, methods, reasons
  const NUMBERS = { punch_mm: "Punch (mm)", punch_count: "Punches", bregma_from_mm: "Bregma from (mm)", bregma_to_mm: "to (mm)" };

  function open(title, ...parts) {
    const head = make("div", { className: "bench-dialog-head" }, make("h2", { id: "dissect-dialog-title", textContent: title }), button("Close", () => dialog.close()));
    dialog.replaceChildren(head, ...parts.filter(Boolean));
    if (!dialog.open) dialog.showModal();
  }

  function field(id, label, value, more = {}) {
    const input = make("input", { className: "form-control", id, value: String(value ?? ""), autocomplete: "off", ...more });
    return { input, part: make("div", {}, make("label", { className: "form-label", htmlFor: id, textContent: label }), input) };
  }

  function select(id, label, value, choices) {
    const options = choices.map(([key, text]) => make("option", { value: key, textContent: text, selected: key === value }));
    const input = make("select", { className: "form-select", id }, ...options);
    return { input, part: make("div", {}, make("label", { className: "form-label", htmlFor: id, textContent: label }), input) };
  }

  const numberText = (text) => text.trim().replace(",", ".");
  const notNumber = (text) => text !== "" && !/^-?\d+(\.\d+)?$/.test(text);

  // The fields of side and punches, filled; `read()` gives their values, or { problem }.
  function tissueFields(prefix, values) {
    const side = select(`${prefix}-side`, "Side", values.hemisphere ?? "", [["", "not said"], ...words.sides]);
    const numbers = Object.entries(NUMBERS).map(([name, label]) => [name, label, field(`${prefix}-${name}`, label, values[name], { inputMode: "decimal" })]);
    const read = () => {
      const said = Object.fromEntries(numbers.map(([name, _label, { input }]) => [name, numberText(input.value)]));
      const wrong = numbers.find(([name]) => notNumber(said[name]));
      if (wrong) return { problem: `${wrong[1]}: ${said[wrong[0]]} is not a number; enter digits, such as 1.5.` };
      return { values: { hemisphere: side.input.value, ...said } };
    };
    return { parts: [side.part, ...numbers.map(([, , { part }]) => part)], read };
  }

  const says = () => make("p", { className: "dissect-says", role: "alert" });

  // ---- one region of one mouse ----

  async function region(mouse, column, done, given) {
    const lost = day.lostOf(mouse, column);
    if (lost) { showLost(mouse, lost, done); return; }
    const sample = day.sampleOf(mouse, column);
    const place = day.placeOf(mouse, column);
    const code = place.box || column.box;
    await day.askBox(code);
    let chosen = place.position;
    const form = make("form", { noValidate: true });
    const tissue = tissueFields("tube", day.tissueOf(mouse, column));
    const at = sample ? field("tube-at", "Frozen at", sample.frozen_at ? labdb.clock.time(Date.parse(sample.frozen_at)) : "", { placeholder: "14:05:30" }) : null;
    const problem = says();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const read = tissue.read();
      const frozen = sample && readTime(at.input.value, sample, mouse);
      problem.textContent = read.problem ?? frozen?.problem ?? "";
      if (problem.textContent) return;
      const values = { ...read.values, box: chosen ? code : "", position: chosen };
      if (sample) dissectSend.correctTube(mouse, sample, { ...changesOf(sample, values), ...frozen.values });
      else day.setDraft(mouse, column, values);
      dialog.close();
      done();
    });
    const save = make("button", { type: "submit", className: "btn btn-primary", textContent: sample ? "Save the correction" : "Keep for this tube" });
    form.append(sample?.trouble ? make("p", { className: "dissect-warning", textContent: sample.trouble }) : "",
      make("div", { className: "dissect-fields" }, ...tissue.parts, at?.part ?? ""), picker(mouse, sample, code, chosen, (position) => { chosen = position; }),
      problem, make("div", { className: "dissect-buttons" }, save, ...backOf(mouse, sample, done)));
    open(day.codeOf(mouse, column), make("div", { className: "dissect-beside" }, form, (sample ? null : reasons(mouse, column, given)) ?? ""));
  }

  const changesOf = (sample, values) => Object.fromEntries(Object.entries(values).filter(([name, value]) => String(sample[name] ?? "") !== String(value)));

  function picker(mouse, sample, code, chosen, choose) {
    const box = day.boxes.get(code);
    if (!box) return make("p", { className: "text-secondary", textContent: "No box is chosen for this day; choose one in the protocol." });
    if (!box.taken) return make("p", { className: "text-secondary", textContent: `No network: what box ${code} holds is not known here. The tube gets no position; enter it later.` });
    return labdb.boxPicker({ box: { ...box, taken: othersIn(code, sample) }, chosen, choose });
  }

  // What a box holds besides this tube.
  function othersIn(code, sample) {
    const taken = day.takenIn(code, sample);
    if (sample?.position && taken[sample.position] === `${day.study}-${sample.code}`) delete taken[sample.position];
    return taken;
  }

  function readTime(text, sample, mouse) {
    const before = sample.frozen_at ? labdb.clock.time(Date.parse(sample.frozen_at)) : "";
    if (text.trim() === before) return { values: {} };
    const parts = /^(\d{1,2})[:.]?(\d\d)(?:[:.]?(\d\d))?$/.exec(text.trim());
    if (!parts || Number(parts[1]) > 23 || Number(parts[2]) > 59 || Number(parts[3] ?? 0) > 59) return { problem: `${text || "Nothing"} is not a time of day; enter it as 14:05 or 14:05:30.` };
    const now = day.nowMs();
    const seconds = (clock) => clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
    const at = Math.floor(now / 1000) * 1000 + (seconds(`${parts[1]}:${parts[2]}:${parts[3] ?? "00"}`) - seconds(labdb.clock.time(now))) * 1000;
    if (at > now) return { problem: `${text} is still to come; enter when the tube was frozen.` };
    if (mouse.dissection?.at && at < Math.floor(Date.parse(mouse.dissection.at) / 1000) * 1000) return { problem: `${text} is before ${mouse.code} was dissected (${labdb.clock.time(Date.parse(mouse.dissection.at))}).` };
    return { values: { frozen_at: new Date(Math.max(at, Date.parse(mouse.dissection?.at ?? 0))).toISOString() } };
  }

  function backOf(mouse, sample, done) {
    if (!sample) return [];
    const link = sample.url ? [make("a", { className: "btn", href: sample.url, textContent: "All fields of this tube" })] : [];
    const back = sample.key ? [button("There is no such tube", () => { dialog.close(); dissectSend.takeBackTube(mouse, sample); done(); })] : [];
    return [...back, ...link];
  }

  function showLost(mouse, lost, done) {
    const back = lost.key ? button("It was taken after all", () => { dialog.close(); dissectSend.takeBackLost(mouse, lost); done(); }, { className: "btn btn-primary" }) : null;
    open(`${mouse.code} ${lost.region} was not taken`, make("p", { className: "fs-2", textContent: lost.reason }), lost.trouble ? make("p", { className: "dissect-warning", textContent: lost.trouble }) : null,
      back ?? make("p", { className: "text-secondary", textContent: "It was entered elsewhere; its record can be deleted by a manager." }));
  }

  function reasons(mouse, column, given) {
    if (!mouse.dissection) return null;
    const { input, part } = field("lost-reason", "In words, for another reason", "", { maxLength: 200 });
    const problem = says();
    const act = (reason) => () => {
      const said = (reason || input.value).trim();
      if (!said) { problem.textContent = "Say in words why."; input.focus(); return; }
      dialog.close();
      dissectSend.giveUp(mouse, column, said);
      given();
    };
    const choices = [...words.reasons.map((one) => button(one, act(one), { className: "btn bench-choice" })), button("As typed", act(""), { className: "btn bench-choice" })];
    return make("section", { className: "dissect-lost" }, make("h3", { textContent: `${column.region} was not taken, because` }), make("div", { className: "bench-choices" }, ...choices), part, problem);
  }

  // ---- the protocol ----

  function protocol(done) {
    const { protocol: now, regions } = day;
    const anesthesia = field("protocol-anesthesia", "Anesthesia (agent and dose; none)", now.anesthesia, { maxLength: 100 });
    const method = select("protocol-method", "Method of death", now.death_method, [["", "choose"], ...words.methods]);
    const columns = now.columns.map(columnForm);
    const rows = make("div", { className: "dissect-columns" }, ...columns.map((one) => one.part));
    const add = () => { // like the one before, but for the region
      const { column } = columns.filter((other) => other.part.isConnected).at(-1)?.read() ?? {};
      const one = columnForm({ ...(column ?? { hemisphere: "B" }), region: "" });
      columns.push(one);
      rows.append(one.part);
      one.part.querySelector("select").focus();
    };
    const problem = says();
    const form = make("form", { noValidate: true });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const kept = columns.filter((one) => one.part.isConnected);
      const read = kept.map((one) => one.read());
      problem.textContent = problemOf(anesthesia.input.value.trim(), method.input.value, read);
      if (problem.textContent) return;
      day.takeProtocol({ anesthesia: anesthesia.input.value.trim(), death_method: method.input.value, columns: read.map((one) => one.column) });
      await Promise.all(day.boxesUsed().map(day.askBox));
      dialog.close();
      done();
    });
    form.append(make("div", { className: "dissect-fields" }, anesthesia.part, method.part), make("h3", { className: "mt-3", textContent: "Regions, in the order of the columns" }), rows,
      button("Add a region", add), problem,
      make("div", { className: "dissect-buttons" }, make("button", { type: "submit", className: "btn btn-primary", textContent: "This is how it is done today" })));
    open("Protocol of the day", regions.length ? null : make("p", { className: "dissect-warning", textContent: "No brain region is entered yet; enter them among the records first." }), form);
  }

  function problemOf(anesthesia, method, read) {
    if (!anesthesia) return "Say the anesthesia; enter none, if there was none.";
    if (!method) return "Choose the method of death.";
    if (!read.length) return "Add the regions that are taken.";
    const wrong = read.find((one) => one.problem);
    if (wrong) return wrong.problem;
    const keys = read.map(({ column }) => day.keyOf(column));
    const twice = keys.find((key, at) => keys.indexOf(key) !== at);
    return twice ? `${twice.trim()} stands there twice; give it two sides, or take one out.` : "";
  }

  let lastColumn = 0;

  function columnForm(column) {
    const id = `column-${(lastColumn += 1)}`;
    const region = select(`${id}-region`, "Region", column.region, [["", "choose"], ...day.regions.map((one) => [one.code, one.code])]);
    const box = select(`${id}-box`, "Box", column.box ?? "", [["", "none yet"], ...[...day.boxes.values()].map((one) => [one.code, one.code])]);
    const tissue = tissueFields(id, column);
    const part = make("fieldset", { className: "dissect-column dissect-fields" }, make("legend", { className: "visually-hidden", textContent: `Column ${column.region}` }), region.part, ...tissue.parts, box.part);
    part.append(button("Remove", () => part.remove(), { ariaLabel: `Remove ${column.region || "this region"}` }));
    const read = () => {
      if (!region.input.value) return { problem: "Choose the region of each column, or remove the column." };
      const { problem, values } = tissue.read();
      return problem ? { problem: `${region.input.value}: ${problem}` } : { column: { region: region.input.value, ...values, box: box.input.value } };
    };
    return { part, read };
  }

  labdb.dissectMenu = { protocol, region };
})();
