// Sends unsafe requests with the page's CSRF token; fetches a fresh token once if that of a cached page is stale.

const TOKEN_URL = new URL("../api/analysis/token", import.meta.url).pathname;
const UNREACHABLE = "The site could not be reached. Nothing was lost; please try again.";

/** A request that the server refused or that did not reach it; `problem` is the problem+json, or a substitute. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.error ?? problem.detail ?? problem.title ?? "Something went wrong. Please try again.");
    this.status = status;
    this.problem = problem;
  }
}

/** Sends an unsafe request and returns the response; throws `Refused`. */
export async function post(url, { json, headers = {}, signal } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  const response = await withToken((token) =>
    fetch(sameSite(url), {
      method: "POST",
      headers: { Accept: "application/json", ...type, ...headers, "X-CSRF-Token": token },
      body,
      signal,
    }).catch(unreachable),
  );
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response;
}

/** Uploads one file, reports the fraction sent to `progress` and returns the server's JSON; throws `Refused`. */
export async function upload(url, file, progress) {
  const answer = await withToken((token) => transfer(sameSite(url), file, token, progress));
  if (answer.status >= 400) throw new Refused(answer.status, answer.body);
  return answer.body;
}

/** Reduces a link to path and query, so that no other origin is ever requested or shown. */
export function sameSite(link) {
  const { pathname, search } = new URL(link, location.href);
  return pathname + search;
}

async function withToken(request) {
  const first = await request(token());
  return first.status === 403 ? request(await freshToken()) : first;
}

function token() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

async function freshToken() {
  const response = await fetch(TOKEN_URL, { cache: "no-store" }).catch(unreachable);
  const fresh = response.ok ? (await response.json()).token : token();
  for (const meta of document.querySelectorAll('meta[name="csrf-token"]')) meta.content = fresh;
  for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = fresh;
  return fresh;
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
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrfToken);
    request.send(form);
  });
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new Refused(0, { error: UNREACHABLE });
}
