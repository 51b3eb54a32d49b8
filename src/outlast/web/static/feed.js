// Receives one session's snapshots: from another tab that has a connection, else by server-sent events, falling back
// to long polling and then to polling, and returning to events later.

import { isFinal } from "./outlast.js";
import { get, sameSite } from "./requests.js";
import { EventStream, StreamTimeout } from "./event-stream.js";
import { Tabs } from "./tabs.js";

const [EVENTS, LONG_POLL, POLL] = [0, 1, 2];
const REFRESHED = "refreshed";

// Milliseconds.
const REQUEST_TIMEOUT = 40_000; // longer than a long poll takes
const FIRST_EVENT_WITHIN = 4_000; // events come at once, unless a proxy holds them
const RETRY_EVENTS_AFTER = 60_000; // time on a fallback transport before events are tried again; doubles if they are held
const LONGEST_RETRY_EVENTS = 15 * 60_000;
const ASK_EVERY = 3_000; // whether the tab that has the connection is still there
const STABLE_AFTER = 5_000; // a stream that lasted this long broke off, and was not blocked by a proxy
const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 4_000; // a page shows the end within 5 s of the site being back
const LONGEST_RETRY_AFTER = 60_000;
const HIDDEN_INTERVAL = 5_000;
const BETWEEN_LONG_POLLS = 250;
const SLEPT = 20_000; // a timer this late means that the machine slept
const HIDDEN_AFTER = 30_000; // a hidden tab closes its connection: HTTP/1.1 browsers share six among tabs

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
  #tabs;
  #latest = null;
  #version = -1;
  #etag = null;
  #pollInterval = 2000;
  #skew = 0;

  #transport = EVENTS;
  #downgradedAt = 0;
  #retryEventsAfter = RETRY_EVENTS_AFTER;
  #held = false; // events did not come through; the next request tells the server
  #failures = 0;
  #disconnected = false;
  #hidden = false;
  #streamingSince = 0; // when this attempt's stream brought its first event

  #lifetime = null; // aborts when the feed stops
  #attempt = null; // aborts the current request or pause
  #borrowed = false; // reads the start request's response: closing it could cancel the session

  /**
   * `links`: absolute, at least `self`. `listener`: `snapshot(snapshot)` for each snapshot not older than the last,
   * `connection(alive)` when the connection is lost or restored, `notFound()` if the session does not exist.
   */
  constructor(links, listener) {
    this.#links = { events: `${links.self}/events`, ...links };
    this.#listener = listener;
    this.#tabs = new Tabs(links.self, {
      snapshot: (snapshot) => this.deliver(snapshot),
      latest: () => (this.#disconnected ? null : this.#latest),
      yield: () => this.#giveUp(),
      freed: () => this.#attempt?.abort(REFRESHED),
    });
  }

  get links() {
    return this.#links;
  }

  /** The server's clock, in milliseconds. */
  get now() {
    return Date.now() + this.#skew;
  }

  /** Starts, reading an already open EventStream first if one is given. */
  start(stream = null) {
    if (this.#lifetime) return;
    this.#lifetime = new AbortController();
    this.#transport = EVENTS;
    this.#failures = 0;
    this.#hidden = false;
    this.#borrowed = stream !== null;
    this.#tabs.open();
    watchPage(this.#lifetime.signal, {
      wake: () => this.refresh(),
      hidden: () => this.#suspend(),
      visible: (wasHidden) => this.#resume(wasHidden),
    });
    this.#follow(this.#lifetime.signal, stream);
  }

  stop() {
    this.#lifetime?.abort();
    this.#attempt?.abort();
    this.#lifetime = null;
    this.#tabs.close();
  }

  /** Aborts the current request or pause and fetches at once, by events. */
  refresh() {
    if (this.#borrowed) return;
    this.#transport = EVENTS;
    this.#failures = 0;
    this.#attempt?.abort(REFRESHED);
  }

  /** Accepts a snapshot from any source, such as the response to a cancel; ignores outdated ones. */
  deliver(snapshot) {
    if (!(snapshot?.version >= this.#version)) return;
    this.#version = snapshot.version;
    this.#latest = snapshot;
    for (const [name, link] of Object.entries(snapshot.links ?? {})) this.#links[name] = sameSite(link, this.#links.self);
    this.#tabs.share(snapshot);
    if (isFinal(snapshot)) this.stop();
    try {
      this.#listener.snapshot(snapshot);
    } catch (error) {
      reportError(error); // an error of the page must not count as a connection error
    }
  }

  async #follow(lifetime, stream) {
    while (!lifetime.aborted) {
      const attempt = this.#newAttempt();
      try {
        const delay = stream ? await this.#read(stream, attempt) : await this.#fetchOnce(attempt);
        await pause(delay, attempt.signal);
      } catch (error) {
        if (lifetime.aborted) return;
        if (attempt.signal.reason !== REFRESHED) {
          if (error.status === 404) return this.#notFound();
          this.#downgrade(error);
          await pause(this.#backoff(error), this.#newAttempt().signal);
        }
      }
      stream = null;
    }
  }

  #newAttempt() {
    this.#streamingSince = 0;
    this.#attempt = new AbortController();
    return this.#attempt;
  }

  /** Makes one request by the current transport; returns the milliseconds to pause after it. */
  async #fetchOnce(attempt) {
    if (!this.#tabs.holding && (await this.#tabs.isHeld(this.#version))) {
      this.#connected();
      return ASK_EVERY;
    }
    attempt.signal.throwIfAborted();
    if (this.#transport !== EVENTS && Date.now() - this.#downgradedAt > this.#retryEventsAfter) this.#transport = EVENTS;
    const lasting = this.#tabs.hold(!this.#hidden && this.#transport !== POLL);
    if (!lasting) return this.#poll(attempt);
    return this.#transport === EVENTS ? this.#openStream(attempt) : this.#longPoll(attempt);
  }

  async #openStream(attempt) {
    const headers = { Accept: "text/event-stream" };
    if (this.#version >= 0) headers["Last-Event-ID"] = String(this.#version);
    const held = setTimeout(() => {
      this.#held = true;
      attempt.abort(new StreamTimeout("no event"));
    }, FIRST_EVENT_WITHIN);
    try {
      const response = await this.#get(this.#links.events, headers, attempt);
      if (response.status === 204) {
        clearTimeout(held);
        await this.#poll(attempt);
        return this.#pollInterval;
      }
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Unreadable(response);
      return await this.#read(new EventStream(response), attempt, held);
    } finally {
      clearTimeout(held);
    }
  }

  async #read(stream, attempt, held) {
    attempt.signal.addEventListener("abort", () => stream.close());
    if (attempt.signal.aborted) stream.close();
    try {
      for await (const { event, data } of stream) {
        clearTimeout(held);
        if (!this.#streamingSince) this.#retryEventsAfter = RETRY_EVENTS_AFTER;
        this.#streamingSince ||= Date.now();
        this.#connected();
        if (event === "bye") return between(500, 3000); // spreads the reconnects of all clients
        if (event === "progress" || event === "done") this.deliver(JSON.parse(data));
        if (event === "done") return 0;
      }
    } finally {
      this.#borrowed = false;
    }
    throw new Error("the stream was cut");
  }

  async #longPoll(attempt) {
    const began = Date.now();
    const url = `${this.#links.self}${this.#links.self.includes("?") ? "&" : "?"}wait=${LONG_POLL_SECONDS}`;
    const response = await this.#fetchSnapshot(url, attempt);
    const waited = response.status !== 304 || Date.now() - began > 1000;
    return waited ? BETWEEN_LONG_POLLS : this.#pollInterval;
  }

  async #poll(attempt) {
    const response = await this.#fetchSnapshot(this.#links.self, attempt);
    if (this.#transport !== POLL && !this.#hidden && this.#tabs.hold(true)) return 0; // back to events
    return Math.max(this.#pollInterval, retryAfter(response), this.#hidden ? HIDDEN_INTERVAL : 0) * between(0.9, 1.1);
  }

  async #fetchSnapshot(url, attempt) {
    const headers = { Accept: "application/json" };
    if (this.#etag) headers["If-None-Match"] = this.#etag;
    if (this.#held) headers["X-Outlast-Held"] = "events";
    const response = await this.#get(url, headers, attempt);
    this.#held = false;
    const snapshot = response.status === 304 ? null : await response.json();
    this.#connected();
    if (snapshot) {
      this.#etag = response.headers.get("ETag");
      this.#pollInterval = snapshot.poll_after_ms ?? this.#pollInterval;
      this.deliver(snapshot);
    }
    return response;
  }

  async #get(url, headers, attempt) {
    const deadline = setTimeout(() => attempt.abort(new StreamTimeout("no answer")), REQUEST_TIMEOUT);
    try {
      const response = await get(url, { headers, signal: attempt.signal });
      if (!response.ok && response.status !== 304) throw new Unreadable(response);
      const date = Date.parse(response.headers.get("Date"));
      if (Math.abs(date - this.now) > 2000) this.#skew = date - Date.now();
      return response;
    } finally {
      clearTimeout(deadline);
    }
  }

  #connected() {
    this.#failures = 0;
    if (!this.#disconnected) return;
    this.#disconnected = false;
    this.#transport = EVENTS; // the outage hit every transport, so events may work
    this.#listener.connection(true);
  }

  #downgrade(error) {
    this.#failures += 1;
    const wasStable = this.#streamingSince && Date.now() - this.#streamingSince > STABLE_AFTER;
    if (this.#transport === EVENTS && wasStable && !(error instanceof StreamTimeout)) return; // broken off: same transport again
    if (this.#held) this.#retryEventsAfter = Math.min(LONGEST_RETRY_EVENTS, this.#retryEventsAfter * 2);
    if (this.#transport !== POLL) {
      this.#transport += 1;
      this.#downgradedAt = Date.now();
    } else if (!this.#disconnected && error.status !== 429) {
      this.#disconnected = true;
      this.#listener.connection(false);
    }
  }

  #backoff(error) {
    const doubled = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (this.#failures - 1)) * between(0.5, 1);
    return Math.max(doubled, this.#transport === POLL ? (error.retryAfter ?? 0) : 0);
  }

  #notFound() {
    this.stop();
    this.#listener.notFound();
  }

  #suspend() {
    if (this.#borrowed) return;
    this.#hidden = true;
    this.#giveUp();
  }

  /** Leaves the connection to another tab, or takes a smaller one. */
  #giveUp() {
    if (this.#borrowed) return;
    this.#tabs.free();
    this.#attempt?.abort(REFRESHED);
  }

  #resume(wasHidden) {
    const downgraded = this.#transport !== EVENTS || this.#disconnected;
    if (!wasHidden && !this.#hidden && !downgraded) return;
    this.#hidden = false;
    this.refresh();
  }
}

/** The response's `Retry-After` in milliseconds, capped. */
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

/** Calls `wake()`, `hidden()` and `visible(wasHidden)` until `signal` aborts. */
function watchPage(signal, { wake, hidden, visible }) {
  const on = (target, type, act) => target.addEventListener(type, act, { signal });
  let since = Date.now();
  let timer = null;

  const visibility = () => {
    clearTimeout(timer);
    if (!document.hidden) return visible(Date.now() - since > HIDDEN_AFTER);
    since = Date.now();
    timer = setTimeout(hidden, HIDDEN_AFTER);
  };
  on(window, "online", wake);
  on(window, "offline", wake); // a request shows whether it is true
  on(document, "visibilitychange", visibility);
  if (document.hidden) visibility();

  let ticked = Date.now();
  const ticker = setInterval(() => {
    const late = Date.now() - ticked > SLEPT;
    ticked = Date.now();
    if (late && !document.hidden) wake();
  }, 5000);
  on(signal, "abort", () => {
    clearInterval(ticker);
    clearTimeout(timer);
  });
}
