// Reads server-sent events from the body of a fetch: one reader for the events route and for a start request
// that streams its progress. Unlike EventSource it exposes status codes and times out on a dead connection.

const STREAM_TIMEOUT = 40_000; // milliseconds; the server sends comments every 15 s

/** The server sent nothing for longer than its keep-alive interval. */
export class StreamTimeout extends Error {}

export class EventStream {
  #reader;
  #events;

  constructor(response) {
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    this.#events = this.#parse();
  }

  /** Ends the iteration without an error, even while it waits. */
  close() {
    this.#reader.cancel().catch(() => {});
  }

  /** The next `{event, data}`, or undefined at the end of the stream. */
  async next() {
    return (await this.#events.next()).value;
  }

  /** The remaining events; throws if the connection breaks or times out. */
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
    const timeout = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new StreamTimeout("the stream timed out")), STREAM_TIMEOUT);
    });
    try {
      return await Promise.race([this.#reader.read(), timeout]);
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
