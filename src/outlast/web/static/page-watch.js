// Detects when a page should refresh: after sleep, when its tab becomes visible, or on another network.

const SLEPT = 20_000; // a timer this late means that the machine slept
const HIDDEN_AFTER = 30_000; // a hidden tab closes its connection: HTTP/1.1 browsers share six among tabs

/** Calls `wake()`, `hidden()` and `visible(wasHidden)` until `signal` aborts. */
export function watchPage(signal, { wake, hidden, visible }) {
  const on = (target, type, act) => target.addEventListener(type, act, { signal });
  let since = Date.now();
  let timer = null;

  const visibility = () => {
    clearTimeout(timer);
    if (!document.hidden) return visible(Date.now() - since > HIDDEN_AFTER);
    since = Date.now();
    timer = setTimeout(hidden, HIDDEN_AFTER);
  };
  on(window, "online", wake);
  on(window, "offline", wake); // a request shows whether it is true
  on(document, "visibilitychange", visibility);
  if (document.hidden) visibility();

  let ticked = Date.now();
  const ticker = setInterval(() => {
    const late = Date.now() - ticked > SLEPT;
    ticked = Date.now();
    if (late && !document.hidden) wake();
  }, 5000);
  on(signal, "abort", () => {
    clearInterval(ticker);
    clearTimeout(timer);
  });
}
