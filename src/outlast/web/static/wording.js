// What the element says by itself: labels, clocks that tick between two snapshots, announcements. The words for a
// session are the snapshot's (wording.py); a language other than English replaces those of the phases that it knows.
//
// {0}, {1} stand for values. A text of a language may also be named by the English sentence that it replaces, such as
// a step's title.

import { isFinal } from "./outlast.js";

const LANGUAGES = {
  en: {
    progress: "Progress of the analysis",
    steps: "Steps",
    elapsed: "{0} elapsed",
    few: "a few seconds left",
    less: "less than {0} {1} left",
    about: "about {0} {1} left",
    resumed: "resumed",
    reference: "Reference {0}",
    cancel: "Cancel the analysis",
    cancelling: "Cancelling…",
    retry: "Try again",
    retrying: "Starting again…",
    result: "Show the result",
    answer: "Answer the question",
    notify: "Tell me when it is done",
    notifying: "We will tell you when it is done",
    return: "You can close this page; come back to this link any time.",
    leave: "You can leave this page; your analysis goes on.",
    lost: "Connection lost. Trying again; your analysis goes on.",
    gone: "We can't find this analysis. It may have expired.",
    done: "The analysis is done.",
    at: "Step {0} of {1}: {2}.",
    quarter: "{0} done.",
    "step.pending": "to come",
    "step.active": "in progress",
  },
};

const added = new EventTarget();

/** Adds a language, or replaces texts of one, such as `addLanguage("fr", {cancel: "Annuler"})`. */
export function addLanguage(language, texts) {
  LANGUAGES[language] = { ...LANGUAGES[language], ...texts };
  added.dispatchEvent(new Event("added"));
}

/** Calls `changed` whenever a language was added; returns a promise while one that is shipped loads. */
export function useLanguage(language, changed, signal) {
  const [root] = language.split("-");
  added.addEventListener("added", changed, { signal });
  return LANGUAGES[root] ? null : import("./shipped-languages.js").then(({ load }) => load(root, addLanguage));
}

/** The texts in one language; `own` replace some of them. */
export class Wording {
  #texts;
  #language;

  constructor(language, own = {}) {
    const [root] = language.split("-");
    this.#language = language;
    this.#texts = { ...LANGUAGES.en, ...LANGUAGES[root], ...LANGUAGES[language], ...own };
  }

  /** The text of this name, with values in it; undefined if there is none. */
  text(name, ...values) {
    return this.#texts[name]?.replace(/\{(\d)\}/g, (_, n) => values[n]);
  }

  /** A sentence of the server or of the analysis, in this language if it is known. */
  said(sentence) {
    return this.#texts[sentence] ?? sentence ?? "";
  }

  percent(value) {
    return this.#number(Math.floor(value) / 100, { style: "percent" });
  }

  phase(snapshot) {
    return (ownWords(snapshot) ? undefined : this.text(`phase.${snapshot.phase}`)) ?? this.said(snapshot.phase_title);
  }

  stepState(step) {
    return this.text(`step.${step.status}`) ?? step.status;
  }

  /** The text at the end of a step's line: its percentage or its duration. */
  stepMeta(step) {
    if (step.status === "active") return this.percent(step.progress_percentage ?? 0);
    return step.duration_ms == null ? "" : this.duration(step.duration_ms);
  }

  /** Formats a duration in milliseconds. */
  duration(ms) {
    const tenths = Math.floor((ms + 50) / 100);
    const decimal = (n) => this.#number(n / 10, { minimumFractionDigits: 1 });
    if (tenths < 1) return `< ${decimal(1)} s`;
    if (tenths < 100) return `${decimal(tenths)} s`;
    const seconds = Math.floor((ms + 500) / 1000);
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  /** Formats elapsed milliseconds as m:ss or h:mm:ss. */
  elapsed(ms) {
    const seconds = Math.floor(ms / 1000);
    const pad = (n) => String(n).padStart(2, "0");
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    const tail = pad(seconds % 60);
    return this.text("elapsed", hours ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`);
  }

  /** The range of time left, widened to round figures; "" if it is unknown or has run out. */
  timeLeft(low, high) {
    if (low == null || high == null || high <= 0) return "";
    if (high < 10) return this.text("few");
    const [size, unit] = high < 90 ? [1, "s"] : high < 5400 ? [60, "min"] : [3600, "h"];
    const grain = size === 1 ? 5 : size;
    const from = (Math.floor(low / grain) * grain) / size;
    const to = (Math.ceil(high / grain) * grain) / size;
    if (from < 1) return this.text("less", to, unit);
    return this.text("about", from === to ? to : `${from}–${to}`, unit);
  }

  /** The notice, with a countdown to the next attempt. `now` is the server's clock, in milliseconds. */
  notice(snapshot, now) {
    const { notice, next_retry_at: at } = snapshot;
    const left = at ? Math.ceil((Date.parse(at) - now) / 1000) : 0;
    const [amount, unit] = left < 120 ? [left, "s"] : [Math.ceil(left / 60), "min"];
    const own = this.#notice(snapshot, left > 0 ? this.text("in", amount, unit) : "");
    if (own !== undefined) return own;
    if (!notice || !at) return this.said(notice);
    return notice.replace(/ at [\d:]{8} UTC/, left > 0 ? ` in ${amount} ${unit}` : "");
  }

  #notice(snapshot, countdown) {
    const { phase, attempt, max_attempts: most, queue_position: place } = snapshot;
    if (!snapshot.notice || snapshot.paused || snapshot.starts_at || ownWords(snapshot)) return undefined;
    if (snapshot.stalled) return this.text("notice.stalled");
    if (phase === "queued") return place === 1 ? this.text("notice.next") : this.text("notice.queued", place);
    return this.text(`notice.${phase}`, attempt, most, countdown);
  }

  /** What screen readers announce between two snapshots: a new step and each quarter. */
  announcement(before, after) {
    if (!before) return "";
    if (isFinal(after)) {
      if (before.status === after.status) return "";
      if (after.status === "completed") return this.text("done");
      return `${this.phase(after)}. ${this.notice(after, 0)}`;
    }
    const sentences = [];
    const steps = after.steps ?? [];
    const at = steps.findIndex((step) => step.status === "active");
    if (at >= 0 && steps[at].name !== before.steps?.find((step) => step.status === "active")?.name) {
      sentences.push(this.text("at", at + 1, steps.length, this.said(steps[at].title)));
    }
    const quarter = Math.floor((after.progress_percentage ?? 0) / 25);
    if (quarter > Math.floor((before.progress_percentage ?? 0) / 25)) {
      sentences.push(this.text("quarter", this.percent(quarter * 25)));
    }
    return sentences.join(" ");
  }

  #number(value, options) {
    return value.toLocaleString(this.#language, options);
  }
}

// An analysis that is not offered any more has words of its own, which only the server knows.
function ownWords(snapshot) {
  return Boolean(snapshot.questions) || (snapshot.stalled && snapshot.current_message == null);
}

/** The language of the page around a node. */
export function languageOf(node) {
  for (let at = node; at; at = at.getRootNode().host) {
    const marked = at.closest("[lang]");
    if (marked?.lang) return valid(marked.lang);
  }
  return "en";
}

function valid(language) {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? "en";
  } catch {
    return "en";
  }
}
