// Requests to a site: their addresses, their CSRF token (fetched before the first unsafe request, and once more if it
// is stale), and refusals as errors.

const UNREACHABLE = "The site could not be reached. Nothing was lost; please try again.";

let base = new URL("../", import.meta.url);
const tokens = new Map(); // by the address of the site

/** Sets the address of the site: needed where these modules are not loaded from the site's own `/static/`. */
export function configure({ site }) {
  base = siteAt(site);
}

function siteAt(address) {
  return new URL(address.replace(/\/?$/, "/"), location.href);
}

/** A request that the server refused or that did not reach it; `problem` is the problem+json, or a substitute. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.error ?? problem.detail ?? problem.title ?? "Something went wrong. Please try again.");
    this.name = "Refused";
    this.status = status;
    this.problem = problem;
  }
}

/** The address of a route below `/api/analysis`, of the configured site unless another one is named. */
export function api(path, site) {
  return new URL(`api/analysis${path}`, site ? siteAt(site) : base).href;
}

/** Reduces a link to path and query at the origin of `at`, so that no other origin is ever requested or shown. */
export function sameSite(link, at = base) {
  const { pathname, search } = new URL(link, at);
  return new URL(pathname + search, at).href;
}

/** Sends a safe request; throws what fetch() throws. */
export function get(url, { headers, signal } = {}) {
  return fetch(url, { headers: { ...inLanguage(), ...headers }, signal, cache: "no-store", credentials: credentials(url) });
}

/** Sends a safe request and returns its JSON; throws `Refused`. */
export async function read(url, options) {
  const response = await get(url, { headers: { Accept: "application/json" }, ...options }).catch(unreachable);
  if (!response.ok) throw await refused(response);
  return response.json();
}

/** Sends an unsafe request and returns the response; throws `Refused`. */
export async function post(url, { json, method = "POST", headers = {}, signal } = {}) {
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  const response = await withToken(url, (token) =>
    fetch(url, {
      method,
      headers: { Accept: "application/json", ...inLanguage(), ...type, ...headers, "X-CSRF-Token": token },
      body: json === undefined ? undefined : JSON.stringify(json),
      credentials: credentials(url),
      signal,
    }).catch(unreachable),
  );
  if (!response.ok) throw await refused(response);
  return response;
}

/** Uploads one file, reports the fraction sent to `progress` and returns the server's JSON; throws `Refused`. */
export async function send(url, file, progress = () => {}) {
  const answer = await withToken(url, (token) => transfer(url, file, token, progress));
  if (answer.status >= 400) throw new Refused(answer.status, answer.body);
  return answer.body;
}

// The page may be in another language than the browser.
function inLanguage() {
  const language = globalThis.document?.documentElement.lang;
  return language ? { "Accept-Language": language } : {};
}

function credentials(url) {
  return new URL(url).origin === location.origin ? "same-origin" : "include";
}

async function refused(response) {
  return new Refused(response.status, await response.json().catch(() => ({})));
}

async function withToken(url, request) {
  const site = url.split("/api/analysis/")[0];
  const first = await request(tokens.get(site) ?? rendered()?.content ?? (await freshToken(site)));
  return first.status === 403 ? request(await freshToken(site)) : first;
}

// A host may have a token of its own, of the same name.
function rendered() {
  return document.querySelector(':root[data-outlast] meta[name="csrf-token"]');
}

async function freshToken(site) {
  const { token } = await read(`${site}/api/analysis/token`);
  tokens.set(site, token);
  const meta = rendered();
  if (meta) {
    meta.content = token;
    for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
  }
  return token;
}

// fetch() does not report the progress of an upload.
function transfer(url, file, csrfToken, progress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file);
    const request = new XMLHttpRequest();
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => resolve({ status: request.status, body: request.response ?? {} });
    request.onerror = () => reject(new Refused(0, { error: UNREACHABLE }));
    request.open("POST", url);
    request.withCredentials = credentials(url) === "include";
    for (const [name, value] of Object.entries(inLanguage())) request.setRequestHeader(name, value);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrfToken);
    request.send(form);
  });
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new Refused(0, { error: UNREACHABLE });
}
