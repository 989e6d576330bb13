// <form data-long-work>: while the browser waits for the answer, the page says how far the work is and can stop it.
(() => {
  "use strict";
  const EVERY_MS = 700;

  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  function element(tag, className, text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function elapsed(sinceMs) {
    const seconds = Math.floor((Date.now() - sinceMs) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  class Panel {
    constructor(stop) {
      this.began = Date.now();
      this.box = element("section", "card long-work");
      this.box.setAttribute("aria-label", "Work under way");
      this.doing = element("div", "long-work-doing", "Sending");
      this.doing.setAttribute("role", "status"); // each phase is read out, its numbers are not
      this.bar = element("progress", "long-work-bar");
      this.bar.setAttribute("aria-label", "How far it is");
      this.numbers = element("span", "text-secondary", "");
      this.time = element("span", "text-secondary", "0:00");
      this.button = element("button", "btn", "Stop; nothing is stored");
      this.button.type = "button";
      this.button.addEventListener("click", stop);
      const line = element("div", "long-work-line");
      line.append(this.numbers, this.time, this.button);
      const body = element("div", "card-body");
      body.append(this.doing, this.bar, line);
      this.box.append(body);
    }

    show(state) {
      const doing = state.doing.charAt(0).toUpperCase() + state.doing.slice(1);
      if (this.doing.textContent !== doing) this.doing.textContent = doing;
      if (state.total) {
        this.bar.max = state.total;
        this.bar.value = state.done;
        this.numbers.textContent = `${Math.floor((100 * state.done) / state.total)} % (${state.done.toLocaleString("en")} of ${state.total.toLocaleString("en")})`;
      } else {
        this.bar.removeAttribute("value");
        this.numbers.textContent = "";
      }
    }

    count() { this.time.textContent = elapsed(this.began); }

    stopping() {
      this.button.disabled = true;
      this.button.textContent = "Stopping…";
    }
  }

  class Work {
    constructor(form, button) {
      this.key = newKey();
      this.hasBegun = this.isStopping = this.isOver = false;
      const forms = [...document.querySelectorAll("form[data-long-work]")];
      this.buttons = forms.flatMap((one) => [...one.elements]).filter((one) => one.type === "submit" && !one.disabled);
      const field = form.elements.namedItem("work") ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "work" }));
      field.value = this.key;
      this.panel = new Panel(() => this.stop());
      (button?.closest("section, form") ?? form).before(this.panel.box);
      this.panel.box.scrollIntoView({ block: "nearest" });
      setTimeout(() => { // the button that was clicked belongs to what is sent
        for (const one of this.buttons) one.disabled = true;
        this.panel.button.focus();
      });
      this.timer = setTimeout(() => this.look(), EVERY_MS);
    }

    async ask(end = "", options = {}) {
      try {
        const answer = await fetch(`/work/${this.key}/${end}`, { headers: { Accept: "application/json", "X-CSRFToken": labdb.csrfToken() }, ...options });
        return answer.ok ? await answer.json() : null;
      } catch {
        return null; // the network, or the page is leaving
      }
    }

    async look() {
      this.panel.count();
      const state = await this.ask();
      if (state) {
        this.hasBegun = true;
        this.panel.show(state);
      } else if (this.hasBegun) {
        this.panel.show({ doing: "finishing", total: 0 });
      }
      if (this.isStopping && !state?.is_stopping) await this.ask("stop/", { method: "POST" }); // may be on its way yet
      if (!this.isOver) this.timer = setTimeout(() => this.look(), EVERY_MS);
    }

    stop() {
      this.isStopping = true;
      this.panel.stopping();
      clearTimeout(this.timer);
      this.look();
    }

    end() {
      this.isOver = true;
      clearTimeout(this.timer);
      this.panel.box.remove();
      for (const one of this.buttons) one.disabled = false;
    }
  }

  let work = null;
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented && event.target.matches("form[data-long-work]")) work = new Work(event.target, event.submitter);
  });
  window.addEventListener("pageshow", (event) => { // come back to by the browser's own button
    if (event.persisted) work?.end();
  });
})();
