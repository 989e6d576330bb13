// The question over a list: completion of names and values by djangoql, fetched when somebody begins to type.
(() => {
  "use strict";

  function begin(box) {
    if (box.dataset.begun || !window.DjangoQL) return;
    box.dataset.begun = "yes";
    window.DjangoQL.init({
      introspections: box.dataset.ask,
      syntaxHelp: box.dataset.help,
      selector: `#${box.id}`,
      autoResize: false, // its rows follow the text by style
      completionEnabled: true,
      onSubmit: () => box.form.requestSubmit(),
    });
  }

  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.("textarea[data-ask]")) begin(event.target);
  });
})();
