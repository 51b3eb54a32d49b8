// <bookmarklet-link>: the collector as a bookmarklet that knows the address of this site, as a link
// to drag, and a button that copies it for those who cannot drag.

/** A sentence in the language of the page, which `data-words` has by the English one. */
export function said(sentence, values) {
  const words = JSON.parse(document.querySelector("bookmarklet-link[data-words]")?.dataset.words ?? "{}");
  return (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

class BookmarkletLink extends HTMLElement {
  async connectedCallback() {
    if (this.querySelector("a")) return;
    const { collect } = await import("./collector.mjs");
    const site = new URL("../pages/collect", import.meta.url).href;
    const lean = String(collect).replace(/^\s*(\/\/|\/?\*).*\n|^\s+/gm, "");
    const link = document.createElement("a");
    link.className = "button c-bookmarklet";
    const words = this.dataset.words ? `,false,${this.dataset.words}` : "";
    link.href = `javascript:${encodeURIComponent(`void (${lean})(${JSON.stringify(site)},true${words})`)}`;
    link.textContent = said("Collect reviews");
    link.draggable = true;
    const copy = document.createElement("button");
    copy.className = "quiet";
    copy.type = "button";
    copy.textContent = said("Copy it instead");
    const status = document.createElement("span");
    status.setAttribute("role", "status");
    const say = (sentence) => (status.textContent = sentence);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      say(said("Drag this button to your bookmarks bar (Ctrl+Shift+B shows it)."));
    });
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(link.href);
        say(said("Copied. Paste it as the address of a new bookmark named “Collect reviews”."));
      } catch {
        say(said("Your browser did not let us copy it. Use the context menu of the button “Collect reviews” to copy its link."));
      }
    });
    this.replaceChildren(link, " ", copy, " ", status);
  }
}

customElements.define("bookmarklet-link", BookmarkletLink);

if (document.querySelector("[data-part=collected]")) import("./receiving.mjs");
