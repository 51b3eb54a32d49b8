// Shows another choice of reviews in place, without a new page; without it the same links load the page anew.

const PARTS = ".r [data-part]";
let asked = 0;
let shown = here();

function here() {
  return location.pathname + location.search;
}

/** Takes over the parts of the report at `address`: the one that it points at, or all. False when it cannot. */
async function show(address, everything) {
  const mine = ++asked;
  const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok || response.redirected) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (mine !== asked) return true;
  const target = page.getElementById(address.hash.slice(1))?.closest(PARTS)?.dataset.part;
  for (const part of document.querySelectorAll(PARTS)) {
    if (!everything && part.dataset.part !== target) continue;
    const other = page.querySelector(`.r [data-part="${part.dataset.part}"]`);
    if (!other) return false;
    part.replaceWith(document.adoptNode(other));
  }
  return everything || target !== undefined;
}

async function go(address, { remember, everything }) {
  document.documentElement.setAttribute("aria-busy", "true");
  const done = await show(address, everything).catch(() => false);
  document.documentElement.removeAttribute("aria-busy");
  if (!done) return location.assign(address);
  if (remember) history.pushState(null, "", address);
  shown = here();
  const heading = document.getElementById(address.hash.slice(1));
  heading?.focus({ preventScroll: true });
  heading?.scrollIntoView();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.('.r a[href^="?"]');
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented) return;
  event.preventDefault();
  go(new URL(link.href), { remember: true, everything: link.closest(".r-toggle") !== null });
});

addEventListener("popstate", () => {
  // a jump within the page is no other choice
  if (here() !== shown && document.querySelector(PARTS)) {
    go(new URL(location.href), { remember: false, everything: true });
  }
});
