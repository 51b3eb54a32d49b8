// The languages of the element besides English, which load when a page is in one of them.

const SHIPPED = {
  de: () => import("./analysis-progress-de.js"),
  es: () => import("./analysis-progress-es.js"),
  fr: () => import("./analysis-progress-fr.js"),
};

/** Loads a language that is shipped; does nothing for others. */
export function load(language) {
  return SHIPPED[language]?.();
}
