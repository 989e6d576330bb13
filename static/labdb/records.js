// The pages of records: names that are searched while one types, filters that act when they are changed.
(() => {
  "use strict";

  // A field of a record is a text field that also works without this: the server reads names.
  function searchNames(input) {
    const several = Boolean(input.dataset.several);
    const written = input.value.split(several ? ";" : "\n").map((name) => name.trim()).filter(Boolean);
    const hint = document.getElementById(`${input.id}-help`);
    const select = new window.TomSelect(input, {
      valueField: "value",
      labelField: "text",
      searchField: [], // the server has searched already
      score: () => () => 1,
      options: written.map((name) => ({ value: name, text: name })),
      items: written,
      delimiter: several ? ";" : "\u0001",
      maxItems: several ? null : 1,
      create: (text) => ({ value: text, text }), // the server says what is wrong with a name it does not know
      createOnBlur: true,
      persist: false,
      preload: "focus",
      openOnFocus: true,
      loadThrottle: 200,
      plugins: several ? ["remove_button"] : ["clear_button"],
      render: { option_create: (item, escape) => `<div class="create">as written: ${escape(item.input)}</div>` },
      load: async (text, found) => {
        const address = new URL(input.dataset.keys, window.location.href);
        address.searchParams.set("q", text);
        const study = input.name !== "study" && input.form?.elements.namedItem("study")?.value;
        if (study) address.searchParams.set("study", study);
        try {
          const answer = await fetch(address, { headers: { Accept: "application/json" } });
          select.clearOptions((option) => select.items.includes(option.value));
          found(answer.ok ? (await answer.json()).found : []);
        } catch {
          found([]); // the name can still be typed
        }
      },
    });
    input.setAttribute("aria-hidden", "true"); // the label belongs to the field that stands in for it
    if (input.classList.contains("is-invalid")) select.wrapper.classList.add("is-invalid");
    if (hint) select.control_input.setAttribute("aria-describedby", hint.id);
  }

  function warnBeforeLeaving(form) {
    let isChanged = form.querySelector(".is-invalid") !== null;
    form.addEventListener("input", () => { isChanged = true; });
    form.addEventListener("submit", () => { isChanged = false; });
    window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (window.TomSelect) document.querySelectorAll("input[data-keys]").forEach(searchNames);
    document.querySelectorAll("form[data-entry]").forEach(warnBeforeLeaving);
  });

  // <select data-submit>: another study is another page. Before htmx hears of it.
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submit]")) {
      event.stopPropagation();
      event.target.form.submit();
    }
  }, true);

  // A filter that is not understood is answered with its sentence in place of the rows.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 400 && event.detail.target.id === "rows") {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // A form that takes long says so, and is sent once.
  for (const form of document.querySelectorAll("form[data-slow]")) {
    form.addEventListener("submit", () => {
      setTimeout(() => {
        for (const button of form.querySelectorAll("button[type=submit]")) {
          button.disabled = true;
          button.classList.add("btn-loading");
        }
      });
    });
  }
})();
