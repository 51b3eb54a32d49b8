// Refreshes the live parts of a dashboard page while it is visible.

const REFRESH_EVERY = 3000;
const stale = document.querySelector('[data-part="stale"]');
const pause = document.querySelector('[data-part="pause"]');
let paused = false;

async function fetchPage() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (answer.status === 403) location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Skips a part that has the focus; keeps <details> open and scroll positions.
function update(part, page) {
  const next = page.getElementById(part.id);
  if (!next) return part.remove();
  if (part.contains(document.activeElement) || next.isEqualNode(part)) return;
  for (const details of part.querySelectorAll("details[open]")) {
    const same = details.id && next.querySelector(`#${details.id}`);
    if (same) same.open = true;
  }
  const scrolled = [...part.querySelectorAll(".d-scroll")].map((one) => one.scrollLeft);
  part.replaceWith(document.adoptNode(next));
  [...next.querySelectorAll(".d-scroll")].forEach((one, n) => (one.scrollLeft = scrolled[n] ?? 0));
}

async function refresh() {
  if (!paused && !document.hidden) {
    try {
      const page = await fetchPage();
      for (const part of document.querySelectorAll("[data-live]")) update(part, page);
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    }
  }
  setTimeout(refresh, REFRESH_EVERY);
}

if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
  });
}
setTimeout(refresh, REFRESH_EVERY);
