// <analysis-progress session="ID" src="/api/analysis/progress/ID">: the live progress of one session, on any page
// of the site. Updates the markup that the server rendered inside; an empty element renders its own.
//
// Fires bubbling `analysis-snapshot` events with each snapshot as their detail, and `analysis-final` with the last
// one; preventDefault() on the latter keeps the element from showing the result.

import { post } from "./requests.js";
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
    on(window, "pagehide", () => this.#feed.stop()); // keeps the page eligible for the back/forward cache
    on(window, "pageshow", (event) => event.persisted && this.#feed.start());
    on(document, "visibilitychange", () => this.#resume());
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

  /** Continues from a snapshot and the stream of a start request that responds with events. */
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
      snapshot: (snapshot) => this.#receive(snapshot),
      connection: (alive) => this.#view.connection(alive ? "" : words.LOST),
      notFound: () => this.#notFound(),
    });
  }

  #receive(snapshot) {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    this.#view.render(snapshot, this.#feed.now);
    announce(words.announcement(before, snapshot));
    this.#updateTitle(snapshot);
    this.dispatchEvent(new CustomEvent("analysis-snapshot", { detail: snapshot, bubbles: true }));
    if (words.isFinal(snapshot) && before?.status !== snapshot.status) this.#end(snapshot);
  }

  #end(snapshot) {
    const ended = new CustomEvent("analysis-final", { detail: snapshot, bubbles: true, cancelable: true });
    if (!this.dispatchEvent(ended) || snapshot.status !== "completed") return;
    if (snapshot.redirect_url && leaveFor(snapshot.redirect_url)) return;
    showFinal(snapshot.links.page);
  }

  /** Shows the progress in the document's title, on the session's own page. */
  #updateTitle(snapshot) {
    if (!isHere(snapshot.links.page)) return;
    const progress = words.isFinal(snapshot) ? snapshot.phase_title : `${Math.floor(words.percentage(snapshot))}%`;
    document.title = `${progress} · ${this.#title}`;
  }

  #notFound() {
    this.#view.connection(words.GONE);
    announce(words.GONE);
  }

  /** Checks failed and cancelled sessions anew: another tab may have retried them. */
  #resume() {
    if (!document.hidden && this.#snapshot && words.isFinal(this.#snapshot)) this.#feed.start();
  }

  #submit(event) {
    const verb = event.target.dataset.part;
    if (verb !== "cancel" && verb !== "retry") return;
    event.preventDefault();
    if (this.#view.part(`${verb}-button`).getAttribute("aria-disabled") !== "true") this.#send(verb);
  }

  async #send(verb) {
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
      this.#feed.start(); // the session may have changed meanwhile
      this.#feed.refresh();
    }
  }
}

customElements.define("analysis-progress", AnalysisProgress);
