// Brings one session's snapshots to the page for as long as it lives: events first, long polls where streams
// do not get through, plain polls where those do not either; and up again by itself.

import { sameSite } from "./access.js";
import { EventStream, Silence } from "./event-stream.js";
import { watchPage } from "./page-watch.js";
import { isFinal } from "./wording.js";

const [EVENTS, LONG_POLL, POLL] = [0, 1, 2];
const NUDGED = "nudged";

// Milliseconds.
const UNANSWERED = 40_000; // longer than a long poll takes
const UP_AGAIN = 60_000; // how long a lower road is kept before events are tried again
const SETTLED = 5_000; // a stream that spoke for this long was cut, not refused
const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 15_000;
const LONGEST_RETRY_AFTER = 60_000;
const HIDDEN_PACE = 5_000;
const BETWEEN_LONG_POLLS = 250;

const LONG_POLL_SECONDS = 25;

class Unreadable extends Error {
  constructor(response) {
    super(`${response.status} from ${response.url}`);
    this.status = response.status;
    this.retryAfter = retryAfter(response);
  }
}

export class Feed {
  #links;
  #listener;
  #version = -1;
  #etag = null;
  #pace = 2000;
  #skew = 0;

  #road = EVENTS;
  #steppedDown = 0; // when
  #failures = 0;
  #lost = false;
  #hidden = false;
  #spokenSince = 0; // when this turn's stream said its first word

  #life = null; // aborts when the feed stops
  #turn = null; // aborts when the present wait is over
  #lent = false; // the stream is the start request's own: to close it could end the work

  /**
   * `links`: `{self, events}`. `listener`: `snapshot(snapshot)` for each that is not older than the last,
   * `connection(alive)` when it is lost or found again, `gone()` when there is no such session.
   */
  constructor(links, listener) {
    this.#links = links;
    this.#listener = listener;
  }

  get links() {
    return this.#links;
  }

  /** The server's clock, in milliseconds. */
  get now() {
    return Date.now() + this.#skew;
  }

  /** Begins, with `stream` (an EventStream that somebody else opened) for as long as that lasts. */
  start(stream = null) {
    if (this.#life) return;
    this.#life = new AbortController();
    this.#road = EVENTS;
    this.#failures = 0;
    this.#hidden = false;
    this.#lent = stream !== null;
    watchPage(this.#life.signal, {
      wake: () => this.nudge(),
      hidden: () => this.#hide(),
      visible: (wasHidden) => this.#show(wasHidden),
    });
    this.#follow(this.#life.signal, stream);
  }

  stop() {
    this.#life?.abort();
    this.#turn?.abort();
    this.#life = null;
  }

  /** Gives up whatever it waits for and looks again at once, by the best road. */
  nudge() {
    if (this.#lent) return;
    this.#road = EVENTS;
    this.#failures = 0;
    this.#turn?.abort(NUDGED);
  }

  /** Takes a snapshot from anywhere (the answer to a cancel is one too); one older than the shown is ignored. */
  deliver(snapshot) {
    if (!(snapshot?.version >= this.#version)) return;
    this.#version = snapshot.version;
    this.#links = { ...this.#links, ...snapshot.links };
    if (isFinal(snapshot)) this.stop();
    try {
      this.#listener.snapshot(snapshot);
    } catch (error) {
      reportError(error); // a fault of the page is none of the connection
    }
  }

  async #follow(life, stream) {
    while (!life.aborted) {
      const turn = this.#newTurn();
      try {
        const rest = stream ? await this.#read(stream, turn) : await this.#look(turn);
        await pause(rest, turn.signal);
      } catch (error) {
        if (life.aborted) return;
        if (turn.signal.reason !== NUDGED) {
          if (error.status === 404) return this.#gone();
          this.#stepDown(error);
          await pause(this.#backoff(error), this.#newTurn().signal);
        }
      }
      stream = null;
    }
  }

  #newTurn() {
    this.#spokenSince = 0;
    this.#turn = new AbortController();
    return this.#turn;
  }

  /** One stream, one long poll or one poll; answers the milliseconds to rest after it. */
  #look(turn) {
    if (this.#road !== EVENTS && Date.now() - this.#steppedDown > UP_AGAIN) this.#road = EVENTS;
    if (this.#hidden || this.#road === POLL) return this.#poll(turn);
    return this.#road === EVENTS ? this.#listen(turn) : this.#longPoll(turn);
  }

  async #listen(turn) {
    const headers = { Accept: "text/event-stream" };
    if (this.#version >= 0) headers["Last-Event-ID"] = String(this.#version);
    const response = await this.#get(this.#links.events, headers, turn);
    if (response.status === 204) {
      await this.#poll(turn);
      return this.#pace;
    }
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Unreadable(response);
    return this.#read(new EventStream(response), turn);
  }

  async #read(stream, turn) {
    turn.signal.addEventListener("abort", () => stream.close());
    try {
      for await (const { event, data } of stream) {
        this.#spokenSince ||= Date.now();
        this.#alive();
        if (event === "bye") return between(500, 3000); // everybody comes back at once: not in the same instant
        if (event === "progress" || event === "done") this.deliver(JSON.parse(data));
        if (event === "done") return 0;
      }
    } finally {
      this.#lent = false;
    }
    throw new Error("the stream was cut");
  }

  async #longPoll(turn) {
    const began = Date.now();
    const url = `${this.#links.self}${this.#links.self.includes("?") ? "&" : "?"}wait=${LONG_POLL_SECONDS}`;
    const response = await this.#ask(url, turn);
    const waited = response.status !== 304 || Date.now() - began > 1000;
    return waited ? BETWEEN_LONG_POLLS : this.#pace;
  }

  async #poll(turn) {
    const response = await this.#ask(this.#links.self, turn);
    if (this.#road !== POLL && !this.#hidden) return 0; // found again: back to events
    return Math.max(this.#pace, retryAfter(response), this.#hidden ? HIDDEN_PACE : 0) * between(0.9, 1.1);
  }

  async #ask(url, turn) {
    const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
    const response = await this.#get(url, { Accept: "application/json", ...headers }, turn);
    const snapshot = response.status === 304 ? null : await response.json();
    this.#alive();
    if (snapshot) {
      this.#etag = response.headers.get("ETag");
      this.#pace = snapshot.poll_after_ms ?? this.#pace;
      this.deliver(snapshot);
    }
    return response;
  }

  async #get(url, headers, turn) {
    const deadline = setTimeout(() => turn.abort(new Silence("no answer")), UNANSWERED);
    try {
      const response = await fetch(sameSite(url), { headers, cache: "no-store", signal: turn.signal });
      if (!response.ok && response.status !== 304) throw new Unreadable(response);
      const date = Date.parse(response.headers.get("Date"));
      if (Math.abs(date - this.now) > 2000) this.#skew = date - Date.now();
      return response;
    } finally {
      clearTimeout(deadline);
    }
  }

  #alive() {
    this.#failures = 0;
    if (!this.#lost) return;
    this.#lost = false;
    this.#road = EVENTS; // everything was away, so nothing speaks against the best road
    this.#listener.connection(true);
  }

  #stepDown(error) {
    this.#failures += 1;
    const spoke = this.#spokenSince && Date.now() - this.#spokenSince > SETTLED;
    if (this.#road === EVENTS && spoke && !(error instanceof Silence)) return; // cut: the same road again
    if (this.#road !== POLL) {
      this.#road += 1;
      this.#steppedDown = Date.now();
    } else if (!this.#lost && error.status !== 429) {
      this.#lost = true;
      this.#listener.connection(false);
    }
  }

  #backoff(error) {
    const doubled = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (this.#failures - 1)) * between(0.5, 1);
    return Math.max(doubled, this.#road === POLL ? (error.retryAfter ?? 0) : 0);
  }

  #gone() {
    this.stop();
    this.#listener.gone();
  }

  #hide() {
    if (this.#lent) return;
    this.#hidden = true;
    this.#turn?.abort(NUDGED);
  }

  #show(wasHidden) {
    const lower = this.#road !== EVENTS || this.#lost;
    if (!wasHidden && !this.#hidden && !lower) return;
    this.#hidden = false;
    this.nudge();
  }
}

/** What a response asks for, in milliseconds, within reason. */
function retryAfter(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  return Math.min(LONGEST_RETRY_AFTER, (seconds || 0) * 1000);
}

function between(low, high) {
  return low + Math.random() * (high - low);
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
