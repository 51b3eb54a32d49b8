// <analysis-progress session="ID" src="/api/analysis/progress/ID">: one session as it goes on, on any page of the
// site. What the server rendered inside is brought to life in place; an empty element draws itself.
//
// It bubbles `analysis-snapshot` with each snapshot as its detail, and `analysis-final` with the last one;
// preventDefault() on the latter keeps the page where it is.

import { post } from "./access.js";
import { announce } from "./announcer.js";
import { Feed } from "./feed.js";
import { isHere, leaveFor, showFinal } from "./final-page.js";
import { ProgressView } from "./progress-view.js";
import * as words from "./wording.js";

export class AnalysisProgress extends HTMLElement {
  #view = null;
  #feed = null;
  #snapshot = null;
  #connected = null; // aborts when the element leaves the page
  #title = document.title;

  connectedCallback() {
    this.#connected = new AbortController();
    const on = (target, type, act) => target.addEventListener(type, act, { signal: this.#connected.signal });
    const rendered = this.querySelector('script[type="application/json"]');
    this.#prepare();
    if (!this.#snapshot && rendered) this.#feed.deliver(JSON.parse(rendered.textContent));
    on(this, "submit", (event) => this.#submit(event));
    on(window, "pagehide", () => this.#feed.stop()); // lets the browser keep the page for its back button
    on(window, "pageshow", (event) => event.persisted && this.#feed.start());
    on(document, "visibilitychange", () => this.#lookAgain());
    const ticker = setInterval(() => this.#view.tick(this.#feed.now), 1000);
    this.#connected.signal.addEventListener("abort", () => clearInterval(ticker));
    if (!this.#snapshot || !words.isFinal(this.#snapshot)) this.#feed.start();
  }

  disconnectedCallback() {
    this.#connected.abort();
    this.#feed.stop();
  }

  /** The last snapshot shown, or null. */
  get snapshot() {
    return this.#snapshot;
  }

  /** Goes on from a snapshot and the rest of the stream that brought it: a start request that answers in events. */
  follow(snapshot, stream) {
    this.#prepare(snapshot.links);
    this.#feed.deliver(snapshot);
    if (words.isFinal(snapshot)) stream.close();
    else this.#feed.start(stream);
  }

  #prepare(links = {}) {
    this.#view ??= new ProgressView(this);
    const self = links.self ?? this.getAttribute("src") ?? `/api/analysis/progress/${this.getAttribute("session")}`;
    this.#feed ??= new Feed({ self, events: `${self}/events`, ...links }, {
      snapshot: (snapshot) => this.#take(snapshot),
      connection: (alive) => this.#view.connection(alive ? "" : words.LOST),
      gone: () => this.#gone(),
    });
  }

  #take(snapshot) {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    this.#view.render(snapshot, this.#feed.now);
    announce(words.announcement(before, snapshot));
    this.#entitle(snapshot);
    this.dispatchEvent(new CustomEvent("analysis-snapshot", { detail: snapshot, bubbles: true }));
    if (words.isFinal(snapshot) && before?.status !== snapshot.status) this.#end(snapshot);
  }

  #end(snapshot) {
    const told = new CustomEvent("analysis-final", { detail: snapshot, bubbles: true, cancelable: true });
    if (!this.dispatchEvent(told) || snapshot.status !== "completed") return;
    if (snapshot.redirect_url && leaveFor(snapshot.redirect_url)) return;
    showFinal(snapshot.links.page);
  }

  /** The tab tells how far it is, on the session's own page. */
  #entitle(snapshot) {
    if (!isHere(snapshot.links.page)) return;
    const far = words.isFinal(snapshot) ? words.phase(snapshot) : `${Math.floor(words.percentage(snapshot))}%`;
    document.title = `${far} · ${this.#title}`;
  }

  #gone() {
    this.#view.connection(words.GONE);
    announce(words.GONE);
  }

  /** Failed or cancelled is not the end of it: another tab may have started it again. */
  #lookAgain() {
    if (!document.hidden && this.#snapshot && words.isFinal(this.#snapshot)) this.#feed.start();
  }

  #submit(event) {
    const verb = event.target.dataset.part;
    if (verb !== "cancel" && verb !== "retry") return;
    event.preventDefault();
    if (this.#view.part(`${verb}-button`).getAttribute("aria-disabled") !== "true") this.#ask(verb);
  }

  async #ask(verb) {
    const { self, ...links } = this.#feed.links;
    const url = links[verb] ?? self.replace("/progress/", `/${verb}/`);
    this.#view.connection("");
    this.#view.busy(verb, verb === "cancel" ? "Cancelling…" : "Starting again…");
    try {
      const answer = await (await post(url)).json();
      this.#feed.deliver(answer.session ?? answer);
      if (!words.isFinal(this.#snapshot)) this.#feed.start();
    } catch (refusal) {
      if (refusal.status === undefined) throw refusal;
      this.#view.busy(verb, "");
      this.#view.connection(refusal.message);
      announce(refusal.message);
      this.#feed.start(); // it may have ended in the meantime
      this.#feed.nudge();
    }
  }
}

customElements.define("analysis-progress", AnalysisProgress);
