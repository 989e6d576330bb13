// What scripts of the bench share: elements, whose words go in as text and never as markup, and what this device keeps.
(() => {
  "use strict";
  const labdb = (window.labdb ??= {});

  labdb.make = (tag, words = {}, ...children) => {
    const { dataset = {}, ...others } = words;
    const element = Object.assign(document.createElement(tag), others);
    Object.assign(element.dataset, dataset);
    element.append(...children);
    return element;
  };

  labdb.button = (words, act, more = {}) => {
    const one = labdb.make("button", { type: "button", className: "btn", textContent: words, ...more });
    one.addEventListener("click", act);
    return one;
  };

  // Storage can be forbidden: then nothing is kept, and the outbox says so.
  labdb.storage = (act) => {
    try {
      return act(window.localStorage);
    } catch {
      return null;
    }
  };

  // Only what changed: screen readers and the browser are spared the rest.
  labdb.put = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
})();
