// The API of a site, for browsers: check, start, watch, cancel, retry, list, upload. Types: outlast.d.ts.

import { Refused, api, configure, post, read, sameSite, send } from "./requests.js";

export { Refused, configure };

const FINAL = ["completed", "failed", "cancelled"];

const sites = new WeakMap(); // where a snapshot's session was started
const streams = new WeakMap(); // in sync mode, the response to a start is its stream

/** Starts an analysis, or finds the one that runs for the same input; resolves to its snapshot. */
export async function start(analysis, input = {}, { idempotencyKey, refresh, site, signal } = {}) {
  const headers = { Accept: "text/event-stream, application/json" };
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  const url = api("/start", site);
  const json = refresh ? { analysis, input, refresh } : { analysis, input };
  const response = await post(url, { json, headers, signal });
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    const { session, links } = await response.json();
    session.links = { ...session.links, ...links };
    sites.set(session, url);
    return session;
  }
  const { EventStream } = await import("./event-stream.js");
  const stream = new EventStream(response);
  const first = await stream.next().catch(() => undefined);
  if (!first || first.event === "bye") throw new Refused(503, { error: "The site broke off. Please try again." });
  const snapshot = JSON.parse(first.data);
  sites.set(snapshot, url);
  streams.set(snapshot, stream);
  return snapshot;
}

/** Asks whether an input would be accepted, and starts nothing; throws `Refused` with the errors of a start. */
export async function check(analysis, input = {}, { site, signal } = {}) {
  await post(api("/check", site), { json: { analysis, input }, signal });
}

/** Whether no more snapshots follow, also in a status of a later version. */
export function isFinal(snapshot) {
  return FINAL.includes(snapshot.status) || Boolean(snapshot.completed_at);
}

/** Whether a start in sync mode left a stream open. */
export function isStreamed(session) {
  return streams.has(session);
}

/** The stream that a start in sync mode left open, once; else null. */
export function takeStream(session) {
  const stream = streams.get(session) ?? null;
  streams.delete(session);
  return stream;
}

/** The current snapshot of a session. */
export function get(session, options) {
  return read(linksOf(session).self, options);
}

/**
 * Follows a session, given by its id or by a snapshot: calls `show(snapshot)` with the current and each further
 * snapshot, until the final one.
 */
export function watch(session, show = () => {}, options = {}) {
  return new Watch(session, show, options);
}

class Watch {
  #feed = null;
  #latest = null;
  #stopped = false;
  #over = false;
  #changed = () => {};

  constructor(session, show, options) {
    options.signal?.addEventListener("abort", () => this.stop());
    if (options.signal?.aborted) this.stop();
    this.#follow(session, show, options);
  }

  async #follow(session, show, { connection = () => {}, gone = () => {} }) {
    const { Feed } = await import("./feed.js");
    if (this.#stopped) return;
    this.#feed = new Feed(linksOf(session), {
      snapshot: (snapshot) => {
        this.#latest = snapshot;
        this.#over = isFinal(snapshot);
        this.#changed();
        show(snapshot);
      },
      connection,
      notFound: () => {
        this.#end();
        gone();
      },
    });
    if (session.version !== undefined) this.#feed.deliver(session);
    const stream = takeStream(session);
    if (this.#over) stream?.close();
    else this.#feed.start(stream);
  }

  /** The last snapshot, or null. */
  get snapshot() {
    return this.#latest;
  }

  stop() {
    this.#stopped = true;
    this.#feed?.stop();
    this.#end();
  }

  /** Asks for the current snapshot at once, also of a session that was final: somebody may have retried it. */
  refresh() {
    if (this.#stopped || !this.#feed) return;
    this.#over = false;
    this.#feed.start();
    this.#feed.refresh();
  }

  async *[Symbol.asyncIterator]() {
    let shown = null;
    for (;;) {
      if (this.#latest && this.#latest !== shown) yield (shown = this.#latest);
      else if (this.#over) return;
      else await new Promise((resolve) => (this.#changed = resolve));
    }
  }

  #end() {
    this.#over = true;
    this.#changed();
  }
}

/** Cancels a session; resolves to its snapshot. */
export function cancel(session, options) {
  return change(linksOf(session).cancel, options);
}

/** Starts a new round of attempts for a failed or cancelled session; resolves to its snapshot. */
export function retry(session, options) {
  return change(linksOf(session).retry, options);
}

/** Answers the questions of a session, which then goes on: `{name: value}`; resolves to its snapshot. */
export function answer(session, answers, options) {
  return change(linksOf(session).answer, { ...options, json: { answers } });
}

/** The result alone. */
export function result(session, options) {
  return read(linksOf(session).result, options);
}

/** The visitor's own sessions, newest first: `{sessions, next}`; pass `next` as `after` for the next page. */
export function list({ limit, after, status, analysis, signal } = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ limit, after, status, analysis })) {
    if (value !== undefined && value !== null) query.set(name, value);
  }
  return read(api(`${query.size ? `?${query}` : ""}`), { signal });
}

/** Uploads a file; resolves to `{source, name, bytes}`. Pass `source` as an input. */
export function upload(file, { progress, site } = {}) {
  return send(api("/upload", site), file, progress);
}

async function change(url, { signal, json } = {}) {
  const changed = await (await post(url, { signal, json })).json();
  return changed.session ?? changed;
}

/** The addresses of a session, given by its id, by the address of its progress, or by a snapshot. */
export function linksOf(session) {
  if (session.links) return located(session.links, sites.get(session) ?? api(""));
  const self = session.includes("/") ? new URL(session, location.href).href : api(`/progress/${session}`);
  const links = { self };
  for (const name of ["cancel", "retry", "answer", "result"]) links[name] = self.replace("/progress/", `/${name}/`);
  links.page = self.replace("/api/analysis/progress/", "/analysis/");
  links.correct = `${links.page}/correct`;
  return links;
}

function located(links, at) {
  return Object.fromEntries(Object.entries(links).map(([name, link]) => [name, sameSite(link, at)]));
}
