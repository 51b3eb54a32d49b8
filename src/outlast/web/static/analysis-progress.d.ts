import type { SessionLike, Snapshot } from "./outlast.js";

/** `<analysis-progress>`: see docs/build/progress-element.md for attributes, slots, parts and properties of its style. */
export class AnalysisProgress extends HTMLElement {
  /** The attribute `session`; setting it follows that session. */
  session: string | null;
  /** Texts by name that replace those of the language. */
  texts: Record<string, string>;
  /** The last snapshot shown. */
  readonly snapshot: Snapshot | null;
  /** Starts an analysis and follows it. Throws `Refused`. */
  start(
    analysis: string,
    input?: Record<string, unknown>,
    options?: { idempotencyKey?: string; refresh?: boolean; site?: string; signal?: AbortSignal },
  ): Promise<Snapshot>;
  follow(session: SessionLike): void;
  /** Shows a snapshot that the page got by itself, without a connection. */
  show(snapshot: Snapshot): void;
  /** Throws `Refused`, and shows it. */
  cancel(): Promise<Snapshot>;
  /** Throws `Refused`, and shows it. */
  retry(): Promise<Snapshot>;
  /** Asks for the current snapshot at once. */
  refresh(): void;
}

/** Adds a language, or replaces texts of one: `addLanguage("fr", {cancel: "Annuler"})`. */
export function addLanguage(language: string, texts: Record<string, string>): void;

export interface AnalysisEvents {
  /** Each snapshot. */
  "analysis:progress": CustomEvent<Snapshot>;
  /** Completed; `preventDefault()` keeps the element from going to the result. */
  "analysis:done": CustomEvent<Snapshot>;
  /** Failed. */
  "analysis:error": CustomEvent<Snapshot>;
  "analysis:cancelled": CustomEvent<Snapshot>;
  /** The session does not exist, or it is somebody else's. */
  "analysis:gone": CustomEvent<null>;
}

declare global {
  interface HTMLElementTagNameMap {
    "analysis-progress": AnalysisProgress;
  }
  interface HTMLElementEventMap extends AnalysisEvents {}
  interface DocumentEventMap extends AnalysisEvents {}
}
