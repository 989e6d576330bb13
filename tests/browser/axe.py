"""What axe-core says of the page that is shown, once its colors have settled."""

from typing import Any

from playwright.sync_api import Page

from labdb.front_end import NODE_MODULES

AXE = (NODE_MODULES / "axe-core" / "axe.min.js").read_text()
GRAVE = ("serious", "critical")
# Buttons fade from one theme to the other: half-way their contrast is nobody's choice.
SETTLE = """() => Promise.allSettled(
  document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)
).then(() => null)"""


def violations(page: Page, arguments: str = "document") -> list[dict[str, Any]]:
    """Return the violations that ``axe.run(arguments)`` finds."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE)
    page.evaluate(SETTLE)
    found: list[dict[str, Any]] = page.evaluate(f"async () => (await axe.run({arguments})).violations")
    return found


def serious(page: Page, arguments: str = "document") -> list[str]:
    """Return each place that is seriously wrong or worse, with what axe says of it."""
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in violations(page, arguments)
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
