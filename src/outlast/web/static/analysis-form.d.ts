import type { AnalysisProgress } from "./analysis-progress.js";
import type { Snapshot } from "./outlast.js";

/** Makes a form start an analysis. Forms with `data-analysis` that are on the page when the module loads need no call. */
export function startForm(
  form: HTMLFormElement,
  options?: {
    /** The name of the analysis; default: `data-analysis`. */
    analysis?: string;
    /** The element to hand over to; default: the selector in `data-progress`, else a new one behind the form. */
    element?: AnalysisProgress;
    /** The address of the site; default: `data-site`, else where this module is from. */
    site?: string;
    /** The input, if it is not the values of the form's fields by name. */
    input?: (form: HTMLFormElement) => Record<string, unknown> | Promise<Record<string, unknown>>;
  },
): void;

export interface AnalysisFormEvents {
  /** Started; `preventDefault()` keeps the form from handing over to its element. */
  "analysis:started": CustomEvent<Snapshot>;
  /** A file is being sent; `sent` is the fraction. */
  "analysis:upload": CustomEvent<{ file: File; sent: number }>;
}

declare global {
  interface HTMLElementEventMap extends AnalysisFormEvents {}
  interface DocumentEventMap extends AnalysisFormEvents {}
}
