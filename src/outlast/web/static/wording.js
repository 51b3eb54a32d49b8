// The texts that the page shows for a snapshot. The template progress.html renders the same texts without
// JavaScript; a test compares the two.

const PHASES = {
  queued: "Waiting in the queue",
  running: "Working",
  retrying: "Waiting for the next attempt",
  cancelling: "Cancelling",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

const STEP_STATES = {
  pending: "to come",
  active: "in progress",
  done: "done",
  skipped: "skipped",
  failed: "failed",
};

export const LEAVE = "You can leave this page: the analysis goes on and this address shows the result.";
export const LOST = "Connection lost, trying again; the analysis itself goes on.";
export const GONE = "This analysis does not exist any more, or it belongs to another visitor.";

export function isFinal(snapshot) {
  return ["completed", "failed", "cancelled"].includes(snapshot.status);
}

export function phase(snapshot) {
  return PHASES[snapshot.phase] ?? PHASES.running;
}

export function stepState(step) {
  return STEP_STATES[step.status] ?? STEP_STATES.pending;
}

/** The text at the end of a step's line: its percentage or its duration. */
export function stepMeta(step) {
  if (step.status === "active") return `${Math.floor(step.progress_percentage ?? 0)}%`;
  return step.duration_ms == null ? "" : duration(step.duration_ms);
}

/** The percentage, rounded down to tenths: the page never shows more than the server reported. */
export function percentage(snapshot) {
  return Math.floor((snapshot.progress_percentage ?? 0) * 10) / 10;
}

/** Formats a duration in milliseconds. */
export function duration(ms) {
  const tenths = Math.floor((ms + 50) / 100);
  if (tenths < 1) return "< 0.1 s";
  if (tenths < 100) return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
  const seconds = Math.floor((ms + 500) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Formats milliseconds as m:ss or h:mm:ss. */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const pad = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = pad(seconds % 60);
  return hours ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** The range of time left, widened to round figures; "" if it is unknown or has run out. */
export function timeLeft(low, high) {
  if (low == null || high == null || high <= 0) return "";
  if (high < 10) return "a few seconds left";
  const [size, unit] = high < 90 ? [1, "s"] : high < 5400 ? [60, "min"] : [3600, "h"];
  const grain = size === 1 ? 5 : size;
  const from = (Math.floor(low / grain) * grain) / size;
  const to = (Math.ceil(high / grain) * grain) / size;
  if (from < 1) return `less than ${to} ${unit} left`;
  return from === to ? `about ${to} ${unit} left` : `about ${from}–${to} ${unit} left`;
}

/** The notice beside the phase: `[tone, sentence]`, or null. `now` is the server's clock, in milliseconds. */
export function notice(snapshot, now) {
  if (isFinal(snapshot)) return null;
  const attempts = `Attempt ${snapshot.attempt} of ${snapshot.max_attempts}`;
  if (snapshot.stalled) {
    const begin = snapshot.started_at ? "go on" : "start";
    return ["warn", `No worker is running right now; your analysis waits and will ${begin} by itself.`];
  }
  switch (snapshot.phase) {
    case "cancelling":
      return ["calm", "The work is being stopped."];
    case "retrying":
      return ["warn", `${attempts} did not succeed. The next one starts by itself${when(snapshot, now)} and goes on after the steps that are done.`];
    case "queued":
      return snapshot.queue_position == null ? null : ["calm", place(snapshot.queue_position)];
    default:
      return snapshot.attempt > 1 ? ["calm", `${attempts}; it goes on after the steps that are done.`] : null;
  }
}

/** What screen readers announce between two snapshots: a new step and each quarter. */
export function announcement(before, after) {
  if (!before) return "";
  if (isFinal(after)) return before.status === after.status ? "" : ending(after);
  const sentences = [];
  const at = after.steps.findIndex((step) => step.status === "active");
  if (at >= 0 && after.steps[at].name !== before.steps.find((step) => step.status === "active")?.name) {
    sentences.push(`Step ${at + 1} of ${after.steps.length}: ${after.steps[at].title}.`);
  }
  const quarter = Math.floor(percentage(after) / 25);
  if (quarter > Math.floor(percentage(before) / 25)) sentences.push(`${quarter * 25}% done.`);
  return sentences.join(" ");
}

/** The text in place of a result. */
export function failure(snapshot) {
  if (snapshot.status === "failed") return snapshot.error ?? "The analysis did not succeed.";
  if (snapshot.status === "cancelled") return "The analysis was cancelled. You can start it again; steps that are done are kept.";
  return "";
}

export function reference(snapshot) {
  return snapshot.status === "failed" && snapshot.reference ? `Reference ${snapshot.reference}` : "";
}

function ending(snapshot) {
  return snapshot.status === "completed" ? "The analysis is done." : `${phase(snapshot)}. ${failure(snapshot)}`;
}

function place(position) {
  return position <= 1 ? "Next in the queue." : `Place ${position} in the queue.`;
}

function when(snapshot, now) {
  const left = Math.ceil((Date.parse(snapshot.next_retry_at ?? "") - now) / 1000);
  return left > 0 ? ` in ${left < 120 ? `${left} s` : `${Math.ceil(left / 60)} min`}` : "";
}
