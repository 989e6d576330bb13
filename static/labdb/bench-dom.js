// Elements made by scripts of the bench: words go in as text, never as markup.
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

  // Only what changed: screen readers and the browser are spared the rest.
  labdb.put = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
})();
