// Shows a session's status outside its element: in the title and the icon of the tab, and as a notification.

export class TabStatus {
  #title = document.title;
  #icon = document.querySelector('link[rel~="icon"]');
  #usual = this.#icon?.getAttribute("href");

  /** Puts `text` before the title; a final `status` changes the icon until the tab is looked at. */
  show(text, status) {
    document.title = `${text} · ${this.#title}`;
    if (!this.#icon || !status || !document.hidden) return;
    this.#icon.href = new URL(status === "completed" ? "./icon-done.svg" : "./icon-failed.svg", import.meta.url);
    document.addEventListener("visibilitychange", () => this.#restoreIcon(), { once: true });
  }

  /** Notifies the visitor who asked for it and looks elsewhere. Tabs of one session show one notification. */
  notify(session, sentence) {
    const key = `outlast-notify:${session}`;
    if (!sessionStorage.getItem(key) || !document.hidden) return;
    sessionStorage.removeItem(key);
    const shown = new Notification(this.#title, { body: sentence, tag: key });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  }

  #restoreIcon() {
    if (this.#icon) this.#icon.setAttribute("href", this.#usual);
  }
}
