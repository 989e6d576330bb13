// Dark or light: what this browser was told, else what its system prefers. Runs before the first paint.
(() => {
  "use strict";
  const KEY = "labdb-theme";
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage can be forbidden; the system's preference still holds
    }
  }

  function apply() {
    const theme = stored() || (prefersDark.matches ? "dark" : "light");
    if (document.documentElement.dataset.bsTheme === theme) return;
    document.documentElement.dataset.bsTheme = theme;
    document.dispatchEvent(new CustomEvent("labdb:theme", { detail: theme }));
  }

  function toggle() {
    const theme = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      document.documentElement.dataset.bsTheme = theme;
      document.dispatchEvent(new CustomEvent("labdb:theme", { detail: theme }));
    }
    apply();
  }

  apply();
  prefersDark.addEventListener("change", apply);
  window.addEventListener("storage", (event) => event.key === KEY && apply()); // the other open tabs
  document.addEventListener("click", (event) => event.target.closest("[data-toggle-theme]") && toggle());
})();
