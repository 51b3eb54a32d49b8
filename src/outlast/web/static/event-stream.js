// Reads server-sent events from the body of a fetch: one reader for the events route and for a start request
// that streams its own progress. Unlike EventSource it sees status codes and can tell silence from peace.

const SILENCE = 40_000; // milliseconds; comments come every 15 s

/** Nothing was heard for longer than a living server is quiet. */
export class Silence extends Error {}

export class EventStream {
  #reader;
  #events;

  constructor(response) {
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    this.#events = this.#parse();
  }

  /** Ends the iteration, wherever it waits, without an error. */
  close() {
    this.#reader.cancel().catch(() => {});
  }

  /** The next `{event, data}`, or undefined when the stream has ended. */
  async next() {
    return (await this.#events.next()).value;
  }

  /** The events that were not taken yet; ends with the stream, throws when it breaks or falls silent. */
  [Symbol.asyncIterator]() {
    return this.#events;
  }

  async *#parse() {
    let pending = "";
    let fields = {};
    try {
      for (;;) {
        const { done, value } = await this.#read();
        if (done) return;
        const lines = (pending + value).split(/\r\n|\n|\r(?!$)/);
        pending = lines.pop();
        for (const line of lines) {
          if (line) collect(fields, line);
          else {
            if (fields.data !== undefined) yield { event: fields.event ?? "message", data: fields.data };
            fields = {};
          }
        }
      }
    } finally {
      this.close();
    }
  }

  async #read() {
    let timer;
    const silence = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Silence("the stream fell silent")), SILENCE);
    });
    try {
      return await Promise.race([this.#reader.read(), silence]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function collect(fields, line) {
  const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
  if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
  else if (name) fields[name] = value;
}
