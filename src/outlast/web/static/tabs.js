// Shares one session's connection among the tabs of a browser, and bounds the streams of all sessions: over HTTP/1.1
// a browser opens six connections to a host. The tabs agree by a BroadcastChannel alone, because Web Locks need HTTPS.
//
// A tab asks who holds its session's connection. Whoever does answers, and passes on what it receives. If two hold
// it, the one of lower rank yields: hidden tabs rank below visible ones, later ones below earlier ones. A tab that
// crashed or froze does not answer, so that another one takes over.

const ANSWER_WITHIN = 60; // milliseconds
const FORGOTTEN_AFTER = 30_000;
const MOST_STREAMS = 4;

export class Tabs {
  #key;
  #rank = `${Date.now()}${Math.random()}`;
  #listener;
  #channel = null;
  #others = new Map(); // other tabs that hold a connection, by their rank at birth
  #holding = false;
  #streaming = false;
  #answered = () => {};

  /**
   * `listener`: `snapshot(snapshot)` received by another tab, `latest()` to answer with (`null`: this tab cannot reach
   * the site, so that it does not answer), `yield()` when this tab must give its connection up, `freed()` when
   * another tab did.
   */
  constructor(key, listener) {
    this.#key = key;
    this.#listener = listener;
  }

  open() {
    if (!globalThis.BroadcastChannel) return;
    this.#channel = new BroadcastChannel("outlast");
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  close() {
    this.free();
    this.#channel?.close();
    this.#channel = null;
  }

  get holding() {
    return this.#holding;
  }

  /** Whether another tab holds the connection of this session; it passes on what is newer than `version`. */
  async isHeld(version) {
    if (!this.#channel) return false;
    this.#say({ kind: "ask", version });
    return new Promise((resolve) => {
      this.#answered = () => resolve(true);
      setTimeout(() => resolve(false), ANSWER_WITHIN);
    });
  }

  /** Takes the connection; `wanted`: as a stream. Returns whether it may be one. */
  hold(wanted) {
    this.#holding = true;
    this.#streaming = wanted && this.#mayStream();
    this.#say({ kind: "hold" });
    return this.#streaming;
  }

  /** Passes a snapshot on. */
  share(snapshot) {
    if (this.#holding) this.#say({ kind: "hold", snapshot });
  }

  /** Gives the connection up. */
  free() {
    if (this.#holding) this.#say({ kind: "free" });
    this.#holding = this.#streaming = false;
  }

  get #standing() {
    return `${document.hidden ? 1 : 0}${this.#rank}`;
  }

  #mayStream() {
    if (/^h[23]/.test(performance.getEntriesByType("navigation")[0]?.nextHopProtocol)) return true;
    let earlier = 0;
    for (const [rank, other] of this.#others) {
      if (Date.now() - other.heard > FORGOTTEN_AFTER) this.#others.delete(rank);
      else if (other.streaming && other.standing < this.#standing) earlier += 1;
    }
    return earlier < MOST_STREAMS;
  }

  #say(message) {
    this.#channel?.postMessage({
      key: this.#key, rank: this.#rank, standing: this.#standing, streaming: this.#streaming, ...message,
    });
  }

  #hear({ kind, key, rank, standing, streaming, version, snapshot }) {
    const same = key === this.#key;
    if (kind === "ask") return this.#answer(same, version);
    if (kind === "free") {
      this.#others.delete(rank);
      if (same && !this.#holding) this.#listener.freed();
      return;
    }
    if (kind !== "hold") return;
    this.#others.set(rank, { standing, streaming, heard: Date.now() });
    if (same && snapshot) this.#listener.snapshot(snapshot);
    if (same && standing < this.#standing) {
      this.#answered();
      if (this.#holding) this.#listener.yield();
    } else if (this.#streaming && !this.#mayStream()) this.#listener.yield();
  }

  #answer(same, version) {
    if (!this.#holding) return;
    if (!same) return this.#say({ kind: "hold" });
    const latest = this.#listener.latest();
    if (latest) this.#say({ kind: "hold", snapshot: latest.version > version ? latest : undefined });
  }
}
