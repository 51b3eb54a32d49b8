// What the element shows, in its shadow root. Updates parts in place, so that the focus and the reading position of
// screen readers are kept. The site's pages without JavaScript show the same (progress.html).

import { isFinal } from "./outlast.js";

const STYLES = `
:host {
  --_accent: var(--analysis-accent, light-dark(#0b6b5d, #57c9b3));
  --_accent-ink: var(--analysis-accent-ink, light-dark(#fff, #06231d));
  --_surface: var(--analysis-surface, light-dark(#fff, #181e1c));
  --_sunken: var(--analysis-sunken, light-dark(#f6f7f6, #101413));
  --_ink: var(--analysis-ink, light-dark(#17211f, #e7ecea));
  --_muted: var(--analysis-muted, light-dark(#56635f, #a1aeaa));
  --_line: var(--analysis-line, light-dark(#dbe1de, #2f3835));
  --_good: var(--analysis-good, light-dark(#1a7341, #6fcf97));
  --_warn: var(--analysis-warn, light-dark(#8a5200, #f0b458));
  --_bad: var(--analysis-bad, light-dark(#b3261e, #ff8a80));
  --_focus: var(--analysis-focus, light-dark(#0b57d0, #8ab4f8));
  --_radius: var(--analysis-radius, 0.75rem);
  display: block;
  line-height: 1.55;
  overflow-wrap: break-word;
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h2, p, ol { margin: 0; padding: 0; }
:focus-visible { outline: 3px solid var(--_focus); outline-offset: 2px; border-radius: 0.25rem; }
h2:focus { outline: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.card { position: relative; padding: var(--analysis-padding, clamp(1.1rem, 0.6rem + 2.2vw, 1.75rem)); border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_surface); color: var(--_ink); text-align: left; box-shadow: var(--analysis-shadow, 0 1px 2px rgb(0 0 0 / 4%)); }
:is(h2, .percent, .message, .times span, .notice p, .title, .meta, .says, .leave, button) { unicode-bidi: plaintext; }
.card:dir(rtl) { text-align: right; }
.head { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; }
h2 { font-size: 1.25rem; font-weight: 650; line-height: 1.2; letter-spacing: -0.01em; text-wrap: balance; min-width: 0; }
.percent { font-size: clamp(1.6rem, 1.3rem + 1.6vw, 2.25rem); font-weight: 700; font-variant-numeric: tabular-nums; letter-spacing: -0.02em; line-height: 1; }
.bar { height: 0.625rem; margin: 0.9rem 0 1rem; overflow: hidden; border-radius: 1rem; background: var(--_line); }
.fill { width: 0; height: 100%; border-radius: inherit; background: var(--_accent); transition: width 700ms cubic-bezier(0.25, 0.6, 0.35, 1); }
.bar:is([data-phase="failed"], [data-phase="cancelled"]) .fill { background: var(--_muted); }
.bar:not([aria-valuenow]) .fill { width: 30%; animation: slide 1.8s ease-in-out infinite alternate; }
.message { font-size: 1.05rem; }
.times { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin-top: 0.15rem; color: var(--_muted); font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.notice { margin-top: 1rem; padding: 0.7rem 1rem; border-inline-start: 4px solid var(--_muted); border-radius: 0.25rem; background: var(--_sunken); }
.notice[data-tone="warning"] { border-color: var(--_warn); }
.notice[data-tone="error"] { border-color: var(--_bad); }
.reference { color: var(--_muted); font-size: 0.9rem; }
.steps { margin-top: 1.5rem; padding-top: 1.25rem; border-top: 1px solid var(--_line); list-style: none; }
.step { position: relative; display: grid; grid-template-columns: 1fr auto auto; gap: 0 0.6rem; align-items: baseline; padding: 0 0 0.9rem; padding-inline-start: 2.1rem; color: var(--_muted); }
.step:last-child { padding-bottom: 0; }
.step:not(:last-child)::after { position: absolute; top: 1.5rem; bottom: -0.1rem; inset-inline-start: 0.6rem; border-inline-start: 2px solid var(--_line); content: ""; }
.step[data-status="done"]:not(:last-child)::after { border-color: var(--_good); }
.step::before { position: absolute; top: 0.15rem; inset-inline-start: 0; width: 1.25rem; height: 1.25rem; border: 2px solid var(--_line); border-radius: 50%; background: var(--_surface); content: ""; }
.title { min-width: 0; }
.step > :not(.title) { color: var(--_muted); font-size: 0.875rem; }
.meta { grid-column: 3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.says { grid-column: 1 / -1; }
.tag { grid-column: 2; padding: 0 0.5rem; border: 1px solid var(--_line); border-radius: 1rem; font-size: 0.8rem !important; }
.step:is([data-status="active"], [data-status="done"], [data-status="failed"]) { color: var(--_ink); }
.step[data-status="active"] .title { font-weight: 650; }
.step[data-status="active"]::before { border: 0.375rem solid var(--_accent); animation: breathe 2.4s ease-in-out infinite; }
.step[data-status="done"]::before { border-color: var(--_good); background: var(--_good); }
.step[data-status="done"] .title::before { position: absolute; top: 0.4rem; inset-inline-start: 0.45rem; width: 0.36rem; height: 0.65rem; border: solid var(--_surface); border-width: 0 2px 2px 0; content: ""; transform: rotate(42deg); }
.step[data-status="skipped"]::before { border-style: dashed; }
.step[data-status="failed"]::before { border-color: var(--_bad); background: var(--_bad); }
.step[data-status="failed"] .title::before { position: absolute; top: 0.7rem; inset-inline-start: 0.3rem; width: 0.65rem; border-top: 2px solid var(--_surface); content: ""; }
.ending { margin-top: 1rem; }
.actions { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; justify-content: space-between; margin-top: 1.5rem; padding-top: 1.25rem; border-top: 1px solid var(--_line); }
.actions:not(:has(> :not([hidden]))) { display: none; }
.leave { flex: 1 1 12rem; color: var(--_muted); font-size: 0.9rem; }
button, .link { display: inline-block; min-height: 2.75rem; padding: 0.55rem 1.25rem; border: 1px solid var(--_accent); border-radius: calc(var(--_radius) * 0.67); background: var(--_accent); color: var(--_accent-ink); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
:is(button, .link):hover { filter: brightness(1.08); }
:is(button, .link).quiet { border-color: var(--_line); background: transparent; color: var(--_ink); font-weight: 500; }
:is(button, .link).quiet:hover { border-color: var(--_muted); filter: none; }
button[aria-disabled="true"] { cursor: progress; border-style: dashed; filter: none; }
@keyframes breathe { 50% { opacity: 0.5; } }
@keyframes slide { from { margin-inline-start: 0; } to { margin-inline-start: 70%; } }
@media (max-width: 30rem) { .actions > :is(button, .link) { width: 100%; text-align: center; } }
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  .bar { border: 1px solid CanvasText; }
  .fill { background: Highlight; forced-color-adjust: none; }
  .step[data-status="active"]::before { border-color: Highlight; }
}
@media print { .actions { display: none; } }
`;

const PARTS = `
<div class="card" part="card">
  <div class="head" part="head">
    <h2 part="phase" tabindex="-1"></h2>
    <p class="percent" part="percent" aria-hidden="true"></p>
  </div>
  <div class="bar" part="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100"><div class="fill" part="fill"></div></div>
  <p class="message" part="message"></p>
  <p class="times" part="times"><span part="elapsed"></span> <span part="left"></span></p>
  <div class="notice" part="notice"><p part="sentence"></p><p class="reference" part="reference"></p></div>
  <div class="ending" part="error" hidden><slot name="error"></slot></div>
  <p class="notice" part="connection" data-tone="warning" hidden></p>
  <div class="ending" part="question" hidden><a class="link" part="question-link"></a></div>
  <div class="ending" part="result" hidden><slot name="result"><a class="link" part="result-link"></a></slot></div>
  <ol class="steps" part="steps" role="list"></ol>
  <div class="actions" part="actions">
    <p class="leave" part="leave"></p>
    <button class="quiet" part="notify-button" type="button" hidden></button>
    <button class="quiet" part="cancel-button" type="button"></button>
    <button part="retry-button" type="button"></button>
    <a class="link" part="correction" hidden></a>
  </div>
  <p class="unseen" part="announcer" role="status"></p>
</div>`;

const STEP = `<span class="title" part="step-title"></span><span class="unseen"></span><span class="tag" part="step-tag" hidden></span><span class="meta" part="step-meta"></span><span class="says" part="step-message"></span>`;

let sheet = null;

export class ProgressView {
  #host;
  #root;
  #parts = new Map();
  #words;
  #snapshot = null;
  #received = 0;
  #elapsed = 0;
  #shown = 0;
  #busy = { cancel: "", retry: "" };
  #lost = false;

  constructor(host) {
    this.#host = host;
    this.#root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLES);
    }
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = PARTS;
    for (const node of this.#root.querySelectorAll("[part]")) this.#parts.set(node.getAttribute("part"), node);
  }

  part(name) {
    return this.#parts.get(name);
  }

  /** Forgets the session that was shown: the bar may begin anew. */
  reset() {
    this.#snapshot = null;
    this.#shown = this.#elapsed = 0;
    this.#busy = { cancel: "", retry: "" };
    this.connection("");
  }

  /** Sets what does not depend on a snapshot; `words` is a `Wording`, `level` that of the heading. */
  label(words, level) {
    this.#words = words;
    this.part("phase").setAttribute("aria-level", level);
    this.part("bar").setAttribute("aria-label", words.text("progress"));
    this.part("steps").setAttribute("aria-label", words.text("steps"));
    setText(this.part("result-link"), words.text("result"));
    setText(this.part("question-link"), words.text("answer"));
    this.#labelButtons();
  }

  /**
   * Renders the whole snapshot. `now` is the server's clock, in milliseconds; `page` the address of the result, null
   * if it is not to be offered; `here`: this is the session's own page; `correct`: the address of the form with its input.
   */
  render(snapshot, { now, page, here, correct }) {
    this.#snapshot = snapshot;
    this.#received = performance.now();
    const words = this.#words;
    const final = isFinal(snapshot);
    const failed = snapshot.status === "failed";
    this.#bar(snapshot);
    this.#setPart("phase", words.phase(snapshot));
    this.#setPart("message", final ? "" : words.said(snapshot.current_message));
    this.part("notice").dataset.tone = snapshot.tone;
    this.#setPart("reference", failed && snapshot.reference ? words.text("reference", snapshot.reference) : "");
    this.#show("error", failed && this.#has("error"));
    this.#setPart("leave", words.text(here ? "return" : "leave"));
    this.#show("leave", !final && snapshot.phase !== "cancelling" && snapshot.current_message !== null);
    if (page) this.part("result-link").href = this.part("question-link").href = page;
    this.#show("question", snapshot.questions && page);
    this.#show("result", snapshot.status === "completed" && (page || this.#has("result")));
    this.#steps(snapshot);
    this.#actions(snapshot, final, correct);
    this.tick(now);
  }

  /** Updates what changes between snapshots: elapsed time, time left, countdown. */
  tick(now) {
    const snapshot = this.#snapshot;
    if (!snapshot) return;
    const words = this.#words;
    const final = isFinal(snapshot);
    const since = final ? 0 : performance.now() - this.#received;
    this.#setPart("elapsed", this.#clock(snapshot, since, final));
    const left = (eta) => (eta == null ? null : eta - Math.floor(since / 1000));
    const waiting = final || snapshot.stalled || snapshot.phase === "cancelling";
    this.#setPart("left", waiting ? "" : words.timeLeft(left(snapshot.eta_low), left(snapshot.eta_high)));
    const notice = words.notice(snapshot, now);
    setText(this.part("sentence"), notice);
    this.#show("notice", notice && (final || !this.#lost) && this.part("error").hidden);
  }

  /** Shows a sentence about the connection or the last action; "" hides it. `lost`: there is no connection. */
  connection(sentence, lost = false) {
    this.#lost = lost;
    this.#setPart("connection", sentence);
  }

  announce(sentence) {
    setText(this.part("announcer"), sentence);
  }

  /** Marks a button as busy without disabling it, so that it keeps the focus; an empty text ends that. */
  busy(name, text) {
    this.#busy[name] = text;
    this.#labelButtons();
  }

  #labelButtons() {
    for (const [name, text] of Object.entries(this.#busy)) {
      const button = this.part(`${name}-button`);
      if (text) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      setText(button, this.#words.text(text || name));
    }
  }

  #bar(snapshot) {
    const bar = this.part("bar");
    bar.dataset.phase = snapshot.phase;
    const known = snapshot.progress_percentage != null;
    if (known) {
      const reported = Math.floor(snapshot.progress_percentage * 10) / 10; // never more than the server reported
      this.#shown = Math.max(this.#shown, reported);
      this.part("fill").style.width = `${this.#shown}%`;
      bar.setAttribute("aria-valuenow", Math.floor(this.#shown));
      bar.setAttribute("aria-valuetext", this.#words.percent(this.#shown));
    } else {
      this.part("fill").style.width = "";
      bar.removeAttribute("aria-valuenow");
      bar.removeAttribute("aria-valuetext");
    }
    this.#show("bar", !snapshot.correction); // how far it came says nothing about a wrong input
    this.#setPart("percent", known && !snapshot.correction ? this.#words.percent(this.#shown) : "");
  }

  #clock(snapshot, since, final) {
    if (snapshot.elapsed_ms == null) return "";
    const reported = snapshot.elapsed_ms + since;
    const behind = this.#elapsed - reported;
    this.#elapsed = !final && behind > 0 && behind < 2000 ? this.#elapsed : reported; // never runs backwards for a late response
    return this.#words.elapsed(this.#elapsed);
  }

  #steps(snapshot) {
    const list = this.part("steps");
    const steps = (snapshot.steps ?? []).filter((step) => !snapshot.correction || step.status !== "pending");
    const known = new Map([...list.children].map((line) => [line.dataset.step, line]));
    steps.forEach((step, index) => {
      const line = known.get(step.name) ?? newLine(step.name);
      known.delete(step.name);
      if (list.children[index] !== line) list.insertBefore(line, list.children[index] ?? null);
      this.#drawStep(line, step, snapshot);
    });
    for (const stale of known.values()) stale.remove();
    list.hidden = steps.length === 0;
  }

  #drawStep(line, step, snapshot) {
    const words = this.#words;
    const [title, state, tag, meta, says] = line.children;
    line.dataset.status = step.status;
    line.setAttribute("part", `step step-${step.status}`);
    if (step.status === "active") line.setAttribute("aria-current", "step");
    else line.removeAttribute("aria-current");
    setText(title, words.said(step.title));
    setText(state, `: ${words.stepState(step)}`);
    setText(tag, words.text("resumed"));
    tag.hidden = !step.resumed;
    setText(meta, words.stepMeta(step));
    setText(says, step.message !== snapshot.current_message ? words.said(step.message) : "");
    says.hidden = !says.textContent;
  }

  #actions(snapshot, final, correct) {
    const active = this.#root.activeElement;
    const cancelling = snapshot.phase === "cancelling";
    this.#show("cancel-button", !final && (snapshot.cancellable || cancelling));
    this.#show("retry-button", ["failed", "cancelled"].includes(snapshot.status) && !snapshot.questions);
    const { correction } = snapshot;
    const permanent = snapshot.error_code === "permanent"; // then trying again is less likely to help
    this.part("retry-button").classList.toggle("quiet", Boolean(correction) && permanent);
    this.part("correction").classList.toggle("quiet", !permanent);
    this.#setPart("correction", correct ? this.#words.said(correction) : "");
    if (correct) this.part("correction").href = correct;
    if (final || cancelling) this.busy("cancel", cancelling && !final ? "cancelling" : "");
    if (!final) this.busy("retry", "");
    if (active?.hidden) this.part("phase").focus();
  }

  #has(slot) {
    return Boolean(this.#host.querySelector(`:scope > [slot="${slot}"]`));
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

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
