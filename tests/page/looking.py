"""What can be seen on the page by measuring it: contrast, names, sizes, what sticks out."""

from playwright.async_api import Page

AUDIT = """
() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(".unseen, .skip, [aria-hidden=true]");
  const where = (element) => `${element.tagName.toLowerCase()}.${[...element.classList].join(".")} “${(element.textContent || element.value || "").trim().slice(0, 30)}”`;
  const open = document.querySelector("dialog[open]") ?? document.body;
  const found = [];

  const channels = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, below) => top.slice(0, 3).map((value, index) => value * top[3] + below[index] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(channels(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (element) => {
    const below = ground(element);
    const [a, b] = [light(over(channels(getComputedStyle(element).color), below)), light(below)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const words = document.createTreeWalker(open, NodeFilter.SHOW_TEXT);
  const checked = new Set();
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || checked.has(element) || element.closest(":disabled, option, noscript") || !seen(element)) continue;
    checked.add(element);
    const ratio = contrast(element);
    if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${where(element)}`);
  }
  if (checked.size < 3) found.push(`only ${checked.size} texts are seen`);

  for (const control of open.querySelectorAll("a[href], button, input, select, textarea")) {
    if (!seen(control)) continue;
    const named = control.ariaLabel || control.textContent.trim() || control.labels?.[0]?.textContent.trim();
    if (!named) found.push(`no name: ${where(control)}`);
    const { width, height } = control.getBoundingClientRect();
    const inText = control.tagName === "A" && !control.classList.contains("block-button");
    const small = !inText && !control.matches(".text-button, [type=checkbox], [type=radio]") && (width < 24 || height < 22);
    if (small) found.push(`small, ${width}x${height}: ${where(control)}`);
  }

  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  if (twice.length) found.push(`the same id twice: ${twice}`);
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    if (!seen(element)) continue;
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const id of element.getAttribute(name)?.split(" ") ?? []) {
        if (!document.getElementById(id)) found.push(`${name} leads nowhere: ${where(element)}`);
      }
    }
  }

  const scroller = document.scrollingElement;
  if (scroller.scrollWidth > innerWidth || scroller.scrollHeight > innerHeight) found.push("the page scrolls as a whole");
  for (const element of open.querySelectorAll(".scroller, .view, .controls, .table-scroller, #sidebar, .pane-head, .composer, header")) {
    if (seen(element) && element.scrollWidth > element.clientWidth + 1) found.push(`sticks out sideways: ${where(element)}`);
  }
  return found;
}
"""


async def flaws(page: Page) -> list[str]:
    """What is hard to read, to reach or to understand on the page as it stands."""
    found: list[str] = await page.evaluate(AUDIT)
    return found
