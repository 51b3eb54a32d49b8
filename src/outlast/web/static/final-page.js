// Replaces <main> and the title by those of a fetched page, with the same outcome as a reload.

import { announce } from "./announcer.js";
import { sameSite } from "./requests.js";

const STYLES_WITHIN = 3000;

/** Whether `link` is the current page. */
function isHere(link) {
  return new URL(link, location.href).pathname === location.pathname;
}

/** Fetches the page at `link`, shows it in place and announces it; navigates or reloads if that fails. */
export async function showFinal(link, sentence) {
  if (!isHere(link)) return location.assign(link);
  const page = await fetchPage(link).catch(() => null);
  const main = page?.querySelector("main");
  if (!main) return location.reload();
  await Promise.race([adoptHead(page), new Promise((resolve) => setTimeout(resolve, STYLES_WITHIN))]);
  document.title = page.title;
  document.querySelector("main").replaceChildren(...main.childNodes);
  announce(sentence);
  const heading = document.querySelector("main h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
}

/** Navigates to an address of this origin; returns false, and stays, for any other. */
export function leaveFor(address) {
  const url = new URL(address, location.href);
  if (url.origin !== location.origin) return false;
  location.assign(url);
  return true;
}

async function fetchPage(link) {
  const response = await fetch(sameSite(link, location.href), { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Adds style sheets and modules that only the new page has; resolves when the styles are loaded. */
function adoptHead(page) {
  const has = (selector, name, value) =>
    [...document.head.querySelectorAll(selector)].some((node) => node.getAttribute(name) === value);
  for (const script of page.head.querySelectorAll('script[type="module"][src]')) {
    if (!has("script", "src", script.getAttribute("src"))) import(script.src);
  }
  const styles = [...page.head.querySelectorAll('link[rel="stylesheet"]')].filter(
    (link) => !has("link", "href", link.getAttribute("href")),
  );
  return Promise.all(
    styles.map((style) => {
      const link = document.importNode(style);
      const settled = new Promise((resolve) => (link.onload = link.onerror = resolve));
      document.head.append(link);
      return settled;
    }),
  );
}
