// <bookmarklet-link>: the collector as a bookmarklet that knows the address of this site, as a link
// to drag, and a button that copies it for those who cannot drag.

class BookmarkletLink extends HTMLElement {
  async connectedCallback() {
    if (this.querySelector("a")) return;
    const { collect } = await import("./collector.mjs");
    const site = new URL("../pages/collect", import.meta.url).href;
    const lean = String(collect).replace(/^\s*(\/\/|\/?\*).*\n|^\s+/gm, "");
    const link = document.createElement("a");
    link.className = "button c-bookmarklet";
    link.href = `javascript:${encodeURIComponent(`void (${lean})(${JSON.stringify(site)},true)`)}`;
    link.textContent = "Collect reviews";
    link.draggable = true;
    const copy = document.createElement("button");
    copy.className = "quiet";
    copy.type = "button";
    copy.textContent = "Copy it instead";
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    const say = (sentence) => (said.textContent = sentence);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      say("Drag this button to your bookmarks bar (Ctrl+Shift+B shows it).");
    });
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(link.href);
        say("Copied. Paste it as the address of a new bookmark named “Collect reviews”.");
      } catch {
        say("Your browser did not let us copy it. Use the context menu of the button “Collect reviews” to copy its link.");
      }
    });
    this.replaceChildren(link, " ", copy, " ", said);
  }
}

customElements.define("bookmarklet-link", BookmarkletLink);

if (document.querySelector("[data-part=collected]")) import("./receiving.mjs");
