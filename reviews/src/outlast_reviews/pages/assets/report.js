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

// The timeline is read by pointer, touch and arrow keys: the caption says what is under them. Without scripts its
// columns have tooltips, and a table is beside it.

function makeReadable(figure) {
  const columns = [...figure.querySelectorAll(".r-column")];
  const caption = figure.querySelector("figcaption");
  if (!columns.length || figure.querySelector(".r-probe")) return;
  const resting = caption.textContent;
  const said = columns.map((column) => column.querySelector("title").textContent);
  for (const column of columns) column.querySelector("title").remove(); // the caption says it already
  const svg = figure.querySelector("svg");
  const probe = document.createElement("div");
  probe.className = "r-probe";
  probe.tabIndex = 0;
  probe.setAttribute("role", "slider");
  probe.setAttribute("aria-label", svg.querySelector("title").textContent);
  probe.setAttribute("aria-valuemin", 1);
  probe.setAttribute("aria-valuemax", columns.length);
  svg.after(probe);
  let at = said.findIndex((text) => resting.includes(text.split(":")[0]));
  if (at < 0) at = 0;

  function read(n) {
    columns[at].removeAttribute("data-read");
    at = Math.min(Math.max(n, 0), columns.length - 1);
    columns[at].setAttribute("data-read", "");
    probe.setAttribute("aria-valuenow", at + 1);
    probe.setAttribute("aria-valuetext", (caption.textContent = said[at]));
  }

  function rest() {
    columns[at].removeAttribute("data-read");
    caption.textContent = resting;
  }

  probe.setAttribute("aria-valuenow", at + 1);
  probe.setAttribute("aria-valuetext", said[at]);
  probe.addEventListener("focus", () => read(at));
  probe.addEventListener("blur", rest);
  probe.addEventListener("pointerleave", () => probe === document.activeElement || rest());
  probe.addEventListener("pointermove", (event) => {
    const middles = columns.map((column) => column.getBoundingClientRect()).map((box) => box.left + box.width / 2);
    const distances = middles.map((middle) => Math.abs(middle - event.clientX));
    read(distances.indexOf(Math.min(...distances)));
  });
  probe.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: columns.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    read(to);
  });
}

function makeAllReadable() {
  for (const figure of document.querySelectorAll(".r-readable")) makeReadable(figure);
}

makeAllReadable();
// the page of a running analysis shows the report in place
const main = document.querySelector("main");
if (main) new MutationObserver(makeAllReadable).observe(main, { childList: true });
