// The languages of the element besides English, which load when a page is in one of them.

const SHIPPED = {
  de: () => import("./analysis-progress-de.js"),
  es: () => import("./analysis-progress-es.js"),
  fr: () => import("./analysis-progress-fr.js"),
};

/** Loads a language that is shipped, and gives it to `add`; does nothing for others. */
export function load(language, add) {
  return SHIPPED[language]?.().then(({ texts }) => add(language, texts));
}
