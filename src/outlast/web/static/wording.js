// What the element says by itself: clocks, which tick between two snapshots, and what concerns this page alone. The
// words for a session are the snapshot's (wording.py, which formats the same clocks for pages without JavaScript).

const STEP_STATES = { pending: "to come", active: "in progress" };

export const LOST = "Connection lost, trying again; the analysis itself goes on.";
export const GONE = "This analysis does not exist any more, or it belongs to another visitor.";

export function isFinal(snapshot) {
  return ["completed", "failed", "cancelled"].includes(snapshot.status);
}

export function stepState(step) {
  return STEP_STATES[step.status] ?? step.status;
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

/** The notice, with a countdown to the next attempt. `now` is the server's clock, in milliseconds. */
export function notice(snapshot, now) {
  const { notice, next_retry_at: at } = snapshot;
  if (!notice || !at) return notice ?? "";
  const left = Math.ceil((Date.parse(at) - now) / 1000);
  const countdown = left < 120 ? ` in ${left} s` : ` in ${Math.ceil(left / 60)} min`;
  return notice.replace(` at ${at.slice(11, 19)} UTC`, left > 0 ? countdown : "");
}

/** What screen readers announce between two snapshots: a new step and each quarter. */
export function announcement(before, after) {
  if (!before) return "";
  if (isFinal(after)) {
    if (before.status === after.status) return "";
    return after.status === "completed" ? "The analysis is done." : `${after.phase_title}. ${after.notice}`;
  }
  const sentences = [];
  const at = after.steps.findIndex((step) => step.status === "active");
  if (at >= 0 && after.steps[at].name !== before.steps.find((step) => step.status === "active")?.name) {
    sentences.push(`Step ${at + 1} of ${after.steps.length}: ${after.steps[at].title}.`);
  }
  const quarter = Math.floor(percentage(after) / 25);
  if (quarter > Math.floor(percentage(before) / 25)) sentences.push(`${quarter * 25}% done.`);
  return sentences.join(" ");
}
