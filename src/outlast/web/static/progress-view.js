// Renders a snapshot into the parts that the server rendered (progress.html), or into its own if the element was
// empty. Updates parts in place, so that the focus and the reading position of screen readers are kept.

import * as words from "./wording.js";

const LABELS = { cancel: "Cancel the analysis", retry: "Try again" };

const PARTS = `
  <div class="progress-head">
    <h2 class="phase" data-part="phase" tabindex="-1"></h2>
    <p class="percent" aria-hidden="true" data-part="percent"></p>
  </div>
  <div class="bar" role="progressbar" aria-label="Progress of the analysis" aria-valuemin="0"
    aria-valuemax="100" data-part="bar">
    <svg aria-hidden="true" focusable="false"><rect width="0%" height="100%" data-part="fill"></rect></svg>
  </div>
  <p class="message" data-part="message"></p>
  <p class="times">
    <span data-part="elapsed"></span>
    <span data-part="left"></span>
  </p>
  <div class="notice" data-part="notice">
    <p data-part="sentence"></p>
    <p class="reference" data-part="reference"></p>
  </div>
  <p class="notice" data-part="connection" data-tone="warning" hidden></p>
  <ol class="steps" role="list" aria-label="Steps" data-part="steps"></ol>
  <div class="actions">
    <p class="leave" data-part="leave">
      You can leave this page: the analysis goes on and this address shows the result.</p>
    <form method="post" data-part="cancel">
      <button class="quiet" type="submit" data-part="cancel-button">${LABELS.cancel}</button>
    </form>
    <form method="post" data-part="retry">
      <button type="submit" data-part="retry-button">${LABELS.retry}</button>
    </form>
  </div>`;

const STEP = `
  <span class="step-title"></span>
  <span class="visually-hidden" data-part="state"></span>
  <span class="tag" hidden>resumed</span>
  <span class="step-meta"></span>
  <span class="step-message"></span>`;

export class ProgressView {
  #host;
  #parts = new Map();
  #snapshot = null;
  #received = 0;
  #elapsed = 0;
  #shown = 0;
  #disconnected = false;

  constructor(host) {
    this.#host = host;
    if (!host.querySelector("[data-part]")) {
      const card = document.createElement("div");
      card.className = "card progress";
      card.innerHTML = PARTS;
      host.replaceChildren(card);
    }
    for (const node of host.querySelectorAll("[data-part]")) this.#parts.set(node.dataset.part, node);
  }

  part(name) {
    return this.#parts.get(name);
  }

  /** Renders the whole snapshot; `now` is the server's clock, in milliseconds. */
  render(snapshot, now) {
    this.#snapshot = snapshot;
    this.#received = performance.now();
    const final = words.isFinal(snapshot);
    this.#bar(snapshot);
    this.part("phase").dataset.phase = snapshot.phase;
    this.#setPart("phase", snapshot.phase_title);
    this.#setPart("message", final ? "" : (snapshot.current_message ?? ""));
    this.part("notice").dataset.tone = snapshot.tone;
    const { reference } = snapshot;
    this.#setPart("reference", snapshot.status === "failed" && reference ? `Reference ${reference}` : "");
    this.#show("leave", !final && snapshot.phase !== "cancelling" && snapshot.current_message !== null);
    this.#steps(snapshot);
    this.#actions(snapshot);
    this.tick(now);
  }

  /** Updates what changes between snapshots: elapsed time, time left, countdown. */
  tick(now) {
    const snapshot = this.#snapshot;
    if (!snapshot) return;
    const final = words.isFinal(snapshot);
    const since = final ? 0 : performance.now() - this.#received;
    this.#setPart("elapsed", this.#clock(snapshot, since, final));
    const left = (eta) => (eta == null ? null : eta - Math.floor(since / 1000));
    const waiting = final || snapshot.stalled || snapshot.phase === "cancelling";
    this.#setPart("left", waiting ? "" : words.timeLeft(left(snapshot.eta_low), left(snapshot.eta_high)));
    const notice = words.notice(snapshot, now);
    setText(this.part("sentence"), notice);
    this.#show("notice", notice && (final || !this.#disconnected));
  }

  /** Shows a sentence about the connection or the last action; "" hides it. */
  connection(sentence) {
    this.#disconnected = sentence === words.LOST;
    this.#setPart("connection", sentence);
  }

  /** Marks a button as busy without disabling it, so that it keeps the focus. */
  busy(name, text) {
    const button = this.part(`${name}-button`);
    if (text) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    setText(button, text || LABELS[name]);
  }

  #bar(snapshot) {
    this.#shown = Math.max(this.#shown, words.percentage(snapshot));
    this.part("fill").setAttribute("width", `${this.#shown}%`); // the style sheet animates it
    this.part("bar").setAttribute("aria-valuenow", Math.floor(this.#shown));
    this.part("bar").dataset.phase = snapshot.phase;
    this.#setPart("percent", `${Math.floor(this.#shown)}%`);
  }

  #clock(snapshot, since, final) {
    if (snapshot.elapsed_ms == null) return "";
    const reported = snapshot.elapsed_ms + since;
    const behind = this.#elapsed - reported;
    this.#elapsed = !final && behind > 0 && behind < 2000 ? this.#elapsed : reported; // never runs backwards for a late response
    return `${words.clock(this.#elapsed)} elapsed`;
  }

  #steps(snapshot) {
    const list = this.part("steps");
    const known = new Map([...list.children].map((line) => [line.dataset.step, line]));
    snapshot.steps.forEach((step, index) => {
      const line = known.get(step.name) ?? newLine(step.name);
      known.delete(step.name);
      if (list.children[index] !== line) list.insertBefore(line, list.children[index] ?? null);
      drawStep(line, step, snapshot);
    });
    for (const stale of known.values()) stale.remove();
    list.hidden = snapshot.steps.length === 0;
  }

  #actions(snapshot) {
    const page = snapshot.links.page;
    const final = words.isFinal(snapshot);
    const active = document.activeElement;
    const held = ["cancel", "retry"].some((name) => this.part(name).contains(active));
    this.part("cancel").action = `${page}/cancel`;
    this.part("retry").action = `${page}/retry`;
    this.#show("cancel", !final && (snapshot.cancellable || snapshot.phase === "cancelling"));
    this.#show("retry", final && snapshot.status !== "completed");
    if (snapshot.phase === "cancelling") this.busy("cancel", "Cancelling…");
    else if (final) this.busy("cancel", "");
    else this.busy("retry", "");
    if (held && active.closest("[hidden]")) this.part("phase").focus();
  }

  #setPart(name, text) {
    setText(this.part(name), text);
    this.#show(name, text);
  }

  #show(name, visible) {
    this.part(name).hidden = !visible;
  }
}

function newLine(name) {
  const line = document.createElement("li");
  line.className = "step";
  line.dataset.step = name;
  line.innerHTML = STEP;
  return line;
}

function drawStep(line, step, snapshot) {
  const find = (selector) => line.querySelector(selector);
  line.dataset.status = step.status;
  if (step.status === "active") line.setAttribute("aria-current", "step");
  else line.removeAttribute("aria-current");
  setText(find(".step-title"), step.title);
  setText(find("[data-part=state]"), `: ${words.stepState(step)}`);
  find(".tag").hidden = !step.resumed;
  setText(find(".step-meta"), words.stepMeta(step));
  const message = step.message && step.message !== snapshot.current_message ? step.message : "";
  setText(find(".step-message"), message);
  find(".step-message").hidden = !message;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
