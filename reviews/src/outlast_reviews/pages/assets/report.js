// Shows another choice of reviews in place, without a new page; without it the same links load the page anew.

const PARTS = ".r [data-part]";
let asked = 0;
let shown = here();

function here() {
  return location.pathname + location.search;
}

/** Takes over the parts of the report at `address`. False when it cannot. */
async function show(address) {
  const mine = ++asked;
  const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok || response.redirected) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (mine !== asked) return true;
  const target = page.getElementById(address.hash.slice(1))?.closest(PARTS)?.dataset.part;
  // every part has links that keep the choice, so each is taken over; what was unfolded elsewhere stays so
  for (const part of document.querySelectorAll(PARTS)) {
    const other = page.querySelector(`.r [data-part="${part.dataset.part}"]`);
    if (!other) return false;
    if (part.dataset.part !== target) {
      const unfolded = [...part.querySelectorAll("details")].map((details) => details.open);
      other.querySelectorAll("details").forEach((details, n) => (details.open ||= unfolded[n] ?? false));
    }
    part.replaceWith(document.adoptNode(other));
  }
  return true;
}

async function go(address, { remember }) {
  document.documentElement.setAttribute("aria-busy", "true");
  const done = await show(address).catch(() => false);
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
  go(new URL(link.href), { remember: true });
});

addEventListener("popstate", () => {
  // a jump within the page is no other choice
  if (here() !== shown && document.querySelector(PARTS)) {
    go(new URL(location.href), { remember: false });
  }
});

/** Loads what collects reviews where a page has a place for it: few pages do. */
function loadCollecting() {
  if (!document.querySelector("bookmarklet-link, [data-part=collected]")) return;
  appearing.disconnect();
  import("./collecting.mjs");
}

const appearing = new MutationObserver(loadCollecting);
appearing.observe(document.body, { childList: true, subtree: true });
loadCollecting();
