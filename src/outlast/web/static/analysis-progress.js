// <analysis-progress session="ID">: the live progress of one session, on any page. Types, attributes, parts and events:
// analysis-progress.d.ts.

import { Refused, cancel, isFinal, linksOf, retry, start, takeStream } from "./outlast.js";
import { Feed } from "./feed.js";
import { ProgressView } from "./progress-view.js";
import { Wording, addLanguage, languageOf, useLanguage } from "./wording.js";

export { addLanguage };

const ANNOUNCE_EVERY = 5_000; // milliseconds; the end is announced at once
const EVENTS = { completed: "done", failed: "error", cancelled: "cancelled" };

export class AnalysisProgress extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ["session", "src", "lang", "texts", "heading-level", "notify"];

  #view = null;
  #feed = null;
  #words = null;
  #snapshot = null;
  #texts = {};
  #ended = null; // the status whose end was handled
  #announced = null; // the snapshot up to which everything was announced
  #announcing = null;
  #announcedAt = -Infinity;
  #connected = null; // aborts when the element leaves the page
  #tab = null;
  #first = null; // to follow once the element is on a page

  connectedCallback() {
    this.#connected = new AbortController();
    const { signal } = this.#connected;
    const rendered = this.querySelector(':scope > script[type="application/json"]');
    const begin = () => signal.aborted || this.#begin(rendered);
    const loading = useLanguage(languageOf(this), () => this.#view && this.#label(), signal);
    if (loading && rendered) loading.then(begin, begin); // until then, the words of the server stay
    else begin();
  }

  #begin(rendered) {
    const on = (target, type, act) => target.addEventListener(type, act, { signal: this.#connected.signal });
    const known = rendered && JSON.parse(rendered.textContent);
    if (!this.#view) {
      this.#view = new ProgressView(this);
      this.#view.part("cancel-button").addEventListener("click", () => this.#press("cancel", cancel));
      this.#view.part("retry-button").addEventListener("click", () => this.#press("retry", retry));
      this.#view.part("notify-button").addEventListener("click", () => this.#ask());
      this.shadowRoot.addEventListener("slotchange", () => this.#render());
    }
    this.#label();
    if (rendered) for (const child of [...this.children]) if (!child.slot) child.remove(); // what the server rendered
    on(window, "pagehide", () => this.#feed?.stop()); // keeps the page eligible for the back/forward cache
    on(window, "pageshow", (event) => event.persisted && this.#feed?.start());
    on(document, "visibilitychange", () => this.#resume());
    const ticker = setInterval(() => this.#feed && this.#view.tick(this.#feed.now), 1000);
    this.#connected.signal.addEventListener("abort", () => {
      clearInterval(ticker);
      clearTimeout(this.#announcing);
    });
    if (this.#first) this.follow(this.#first);
    else if (this.#feed) this.#feed.start();
    else if (known) this.#open(this.getAttribute("src") ?? known, known);
    else this.#openAttribute();
  }

  disconnectedCallback() {
    this.#connected.abort();
    this.#feed?.stop();
  }

  attributeChangedCallback(name, before, now) {
    if (!this.#view || before === now) return;
    if (name === "session" || name === "src") this.#openAttribute();
    else this.#label();
  }

  /** The last snapshot shown, or null. */
  get snapshot() {
    return this.#snapshot;
  }

  get session() {
    return this.getAttribute("session");
  }

  set session(id) {
    if (id === null || id === undefined) this.removeAttribute("session");
    else this.setAttribute("session", id);
  }

  /** Texts by name that replace those of the language. */
  get texts() {
    return this.#texts;
  }

  set texts(texts) {
    this.#texts = { ...texts };
    if (this.#view) this.#label();
  }

  /** Starts an analysis and follows it; resolves to its first snapshot, throws `Refused`. */
  async start(analysis, input, options) {
    const session = await start(analysis, input, options);
    this.follow(session);
    return session;
  }

  /** Follows a session: its id, the address of its progress, or a snapshot. */
  follow(session) {
    if (this.#view) this.#open(session, session.version === undefined ? null : session);
    else this.#first = session;
  }

  /** Shows a snapshot that the page got by itself, without a connection. */
  show(snapshot) {
    this.#open(snapshot, snapshot, false);
  }

  focus(options) {
    this.#view?.part("phase").focus(options);
  }

  cancel() {
    return this.#send("cancel", cancel);
  }

  retry() {
    return this.#send("retry", retry);
  }

  /** Asks for the current snapshot at once. */
  refresh() {
    this.#feed?.start();
    this.#feed?.refresh();
  }

  #openAttribute() {
    const session = this.getAttribute("src") ?? this.getAttribute("session");
    if (session) this.#open(session, null);
  }

  #open(session, known, connect = true) {
    this.#first = null;
    this.#feed?.stop();
    this.#view.reset();
    this.#snapshot = this.#announced = this.#ended = null;
    this.#feed = new Feed(linksOf(session), {
      snapshot: (snapshot) => this.#receive(snapshot),
      connection: (alive) => this.#view.connection(alive ? "" : this.#words.text("lost"), !alive),
      notFound: () => this.#notFound(),
    });
    if (known) this.#feed.deliver(known);
    if (!connect) return;
    const stream = takeStream(session);
    if (this.#snapshot && isFinal(this.#snapshot)) stream?.close();
    else this.#feed.start(stream);
  }

  #label() {
    this.#words = new Wording(languageOf(this), { ...this.#ownTexts(), ...this.#texts });
    this.#view.label(this.#words, this.getAttribute("heading-level") ?? "2");
    this.#offerNotification();
    this.#render();
  }

  #ownTexts() {
    try {
      return JSON.parse(this.getAttribute("texts") ?? "{}");
    } catch (error) {
      console.error(`The attribute texts of <analysis-progress> is not JSON: ${error.message}`);
      return {};
    }
  }

  #receive(snapshot) {
    this.#snapshot = snapshot;
    this.#render();
    this.#announce();
    this.#showInTab();
    this.#dispatch("progress");
    if (!isFinal(snapshot)) this.#ended = null;
    else if (this.#ended !== snapshot.status) {
      this.#ended = snapshot.status;
      this.#end();
    }
  }

  #render() {
    if (!this.#snapshot) return;
    const { page, correct } = this.#feed.links;
    const linked = (this.getAttribute("at-end") ?? "stay") === "stay";
    const here = isHere(page);
    this.#view.render(this.#snapshot, { now: this.#feed.now, page: linked ? page : null, here, correct: here ? correct : null });
    this.#offerNotification();
  }

  async #end() {
    const snapshot = this.#snapshot;
    const { page } = this.#feed.links;
    const end = EVENTS[snapshot.status] ?? (snapshot.tone === "error" ? "error" : "done"); // a later version may end otherwise
    const goes = this.#dispatch(end) && this.getAttribute("at-end") === "go";
    if (!goes || (snapshot.status !== "completed" && !snapshot.questions)) return;
    const { leaveFor, showFinal } = await import("./final-page.js");
    if (snapshot.redirect_url && leaveFor(snapshot.redirect_url)) return;
    showFinal(page, snapshot.questions ? this.#words.said(snapshot.notice) : this.#words.text("done"));
  }

  #dispatch(name) {
    const detail = this.#snapshot;
    return this.dispatchEvent(
      new CustomEvent(`analysis:${name}`, { detail, bubbles: true, composed: true, cancelable: name !== "progress" }),
    );
  }

  /** Announces what happened since the last announcement: at most so often, the end at once. */
  #announce() {
    clearTimeout(this.#announcing);
    const snapshot = this.#snapshot;
    const wait = isFinal(snapshot) || !this.#announced ? 0 : this.#announcedAt + ANNOUNCE_EVERY - performance.now();
    if (wait > 0) {
      this.#announcing = setTimeout(() => this.#announce(), wait);
      return;
    }
    const sentence = this.#words.announcement(this.#announced, snapshot);
    const away = snapshot.status === "completed" && this.getAttribute("at-end") === "go"; // the next page announces it
    this.#announced = snapshot;
    if (!sentence || away) return;
    this.#announcedAt = performance.now();
    this.#view.announce(sentence);
  }

  /** Shows the progress in the title and the icon of the tab: on the session's own page, or where `in-tab` asks for it. */
  async #showInTab() {
    const { page } = this.#feed.links;
    const notify = this.hasAttribute("notify");
    if (!notify && !this.hasAttribute("in-tab") && !isHere(page)) return;
    const { TabStatus } = await import("./tab-status.js");
    this.#tab ??= new TabStatus();
    const snapshot = this.#snapshot;
    const final = isFinal(snapshot);
    const percentage = snapshot.progress_percentage;
    const shown = final || percentage == null ? this.#words.phase(snapshot) : this.#words.percent(percentage);
    if (this.hasAttribute("in-tab") || isHere(page)) this.#tab.show(shown, final ? snapshot.status : null);
    if (final && notify) this.#tab.notify(snapshot.session_id, this.#words.announcement({}, snapshot));
  }

  #offerNotification() {
    const button = this.#view.part("notify-button");
    const possible = this.hasAttribute("notify") && globalThis.Notification && Notification.permission !== "denied";
    button.hidden = !possible || !this.#snapshot || isFinal(this.#snapshot);
    if (button.hidden) return;
    const wanted = sessionStorage.getItem(`outlast-notify:${this.#snapshot.session_id}`);
    button.setAttribute("aria-pressed", Boolean(wanted));
    button.textContent = this.#words.text(wanted ? "notifying" : "notify");
  }

  async #ask() {
    const key = `outlast-notify:${this.#snapshot.session_id}`;
    if (sessionStorage.getItem(key)) sessionStorage.removeItem(key);
    else if ((await Notification.requestPermission()) === "granted") sessionStorage.setItem(key, "wanted");
    this.#offerNotification();
  }

  #notFound() {
    this.#view.connection(this.#words.text("gone"));
    this.#view.announce(this.#words.text("gone"));
    this.dispatchEvent(new CustomEvent("analysis:gone", { bubbles: true, composed: true }));
  }

  /** Checks failed and cancelled sessions anew: another tab may have retried them. */
  #resume() {
    if (!document.hidden && this.#snapshot && isFinal(this.#snapshot)) this.#feed.start();
  }

  #press(verb, act) {
    if (this.#view.part(`${verb}-button`).getAttribute("aria-disabled") === "true") return;
    this.#send(verb, act).catch((error) => {
      if (!(error instanceof Refused)) reportError(error); // a refusal is shown
    });
  }

  async #send(verb, act) {
    const feed = this.#feed;
    this.#view.connection("");
    this.#view.busy(verb, verb === "cancel" ? "cancelling" : "retrying");
    try {
      feed.deliver(await act({ links: feed.links }));
      if (!isFinal(this.#snapshot)) feed.start();
      return this.#snapshot;
    } catch (refusal) {
      this.#view.busy(verb, "");
      if (!(refusal instanceof Refused)) throw refusal;
      const sentence = this.#words.said(refusal.message);
      this.#view.connection(sentence);
      this.#view.announce(sentence);
      feed.start(); // the session may have changed meanwhile
      feed.refresh();
      throw refusal;
    }
  }
}

function isHere(page) {
  const { origin, pathname } = new URL(page, location.href);
  return origin === location.origin && pathname === location.pathname;
}

globalThis.customElements?.define("analysis-progress", AnalysisProgress);
