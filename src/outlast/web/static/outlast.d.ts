/** The API of an Outlast site, for browsers. Statuses, phases and tones may be added later: handle unknown ones. */

type Extensible<Known extends string> = Known | (string & {});

export type Status = Extensible<"pending" | "processing" | "completed" | "failed" | "cancelled">;
export type Phase = Extensible<"queued" | "running" | "retrying" | "cancelling" | "completed" | "failed" | "cancelled">;
export type Tone = Extensible<"quiet" | "busy" | "warning" | "error" | "done">;
export type StepStatus = Extensible<"pending" | "active" | "done" | "skipped" | "failed">;

export interface Step {
  name: string;
  title: string;
  status: StepStatus;
  progress_percentage: number | null;
  message: string | null;
  started_at: string | null;
  duration_ms: number | null;
  resumed: boolean;
}

/** A question about an ambiguous input. */
export interface Question {
  /** The key of the answer. */
  name: string;
  label: string;
  options: { value: string; label: string; samples?: string[] }[];
  /** The suggested value. */
  chosen: string | null;
  required: boolean;
}

/** A session at one moment. Times are RFC 3339, in UTC. */
export interface Snapshot<Result = unknown> {
  success: boolean;
  session_id: string;
  analysis: string;
  subject: string;
  status: Status;
  phase: Phase;
  /** What to show for the phase, also for one that this client does not know. */
  phase_title: string;
  /** A sentence to show beside the title. */
  notice: string | null;
  tone: Tone;
  current_step: number | null;
  total_steps: number | null;
  progress_percentage: number | null;
  current_message: string | null;
  version: number;
  attempt: number;
  max_attempts: number;
  next_retry_at: string | null;
  queue_position: number | null;
  /** When a delayed start may begin, RFC 3339. */
  starts_at: string | null;
  /** Whether an operator has paused its queue or its analysis. */
  paused: boolean;
  /** Seconds. */
  eta_seconds: number | null;
  /** Seconds. */
  eta_low: number | null;
  /** Seconds. */
  eta_high: number | null;
  elapsed_ms: number | null;
  poll_after_ms: number | null;
  /** No worker is running that could work on it. */
  stalled: boolean;
  cancellable: boolean;
  created_at: string;
  started_at: string | null;
  updated_at: string;
  completed_at: string | null;
  /** When the result was made, if an earlier one was reused. */
  result_at: string | null;
  expires_at: string | null;
  steps: Step[];
  /** `null` until completed, and above 64 KiB: then use `result()`. */
  result: Result | null;
  redirect_url: string | null;
  error: string | null;
  error_code: string | null;
  /** What `answer` answers, if the session failed with the code `question`. */
  questions: Question[] | null;
  reference: string | null;
  /** The title of the link to the form with this input (`links.correct`), where another input may help. */
  correction: string | null;
  links: Record<string, string>;
}

export interface Problem {
  status?: number;
  title?: string;
  detail?: string;
  error?: string;
  reference?: string | null;
  /** What is wrong where: `pointer` is a JSON pointer into the request's body, such as `/input/limit`. */
  errors?: { pointer?: string; detail: string }[];
  [name: string]: unknown;
}

/** A request that the server refused, or that did not reach it (`status` 0). The message is a sentence for people. */
export class Refused extends Error {
  constructor(status: number, problem: Problem);
  readonly status: number;
  readonly problem: Problem;
}

/** A session: its id, the address of its progress, or a snapshot of it. */
export type SessionLike = string | Pick<Snapshot, "links">;

export interface Watch<Result = unknown> extends AsyncIterable<Snapshot<Result>> {
  /** The last snapshot. */
  readonly snapshot: Snapshot<Result> | null;
  stop(): void;
  /** Asks for the current snapshot at once, also after the end. */
  refresh(): void;
}

/** Sets the address of the site, where the modules are not loaded from the site's own `/static/`. */
export function configure(options: { site: string }): void;

/**
 * Starts an analysis, or finds the one that runs for the same input. Throws `Refused`. A start that is repeated with
 * the same `idempotencyKey` finds the session of the first, for a day. `refresh` runs it although a result is fresh.
 */
export function start<Result = unknown>(
  analysis: string,
  input?: Record<string, unknown>,
  options?: { idempotencyKey?: string; refresh?: boolean; site?: string; signal?: AbortSignal },
): Promise<Snapshot<Result>>;

/** Calls `show` with the current snapshot and each further one, until the final one. */
export function watch<Result = unknown>(
  session: SessionLike,
  show?: (snapshot: Snapshot<Result>) => void,
  options?: { connection?: (alive: boolean) => void; gone?: () => void; signal?: AbortSignal },
): Watch<Result>;

export function get<Result = unknown>(session: SessionLike, options?: { signal?: AbortSignal }): Promise<Snapshot<Result>>;
export function cancel(session: SessionLike, options?: { signal?: AbortSignal }): Promise<Snapshot>;
export function retry(session: SessionLike, options?: { signal?: AbortSignal }): Promise<Snapshot>;
/** Answers the questions of a session, by their names; it then goes on after its finished steps. */
export function answer(
  session: SessionLike,
  answers: Record<string, string>,
  options?: { signal?: AbortSignal },
): Promise<Snapshot>;
export function result<Result = unknown>(session: SessionLike, options?: { signal?: AbortSignal }): Promise<Result>;

/** The visitor's own sessions, newest first, without results. */
export function list(options?: {
  limit?: number;
  after?: string;
  status?: Status;
  analysis?: string;
  signal?: AbortSignal;
}): Promise<{ sessions: Snapshot[]; next: string | null }>;

/** Asks whether an input would be accepted, and starts nothing. Throws `Refused` with the errors of a start. */
export function check(
  analysis: string,
  input?: Record<string, unknown>,
  options?: { site?: string; signal?: AbortSignal },
): Promise<void>;

/** Uploads a file; `progress` receives the fraction sent. Pass the `source` as an input. */
export function upload(
  file: File,
  options?: { progress?: (sent: number) => void; site?: string },
): Promise<{ source: string; name: string; bytes: number }>;

/** Whether no more snapshots follow. */
export function isFinal(snapshot: Pick<Snapshot, "status" | "completed_at">): boolean;

/** The absolute addresses of a session. */
export function linksOf(session: SessionLike): Record<string, string>;
