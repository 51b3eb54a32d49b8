// Takes the reviews that the collector hands over from a shop's page. Whatever arrives may come from anybody: it is shown
// as text, and nothing happens with it until the visitor confirms. Then it is uploaded like a file of the visitor's own.

import { said } from "./collecting.mjs";

const LONGEST = 8_000_000; // characters
const MOST = 5000; // reviews
const SHOWN = 3;
const REMEMBERED = "outlast-add-to"; // the report that the visitor wants to add to
const REMEMBERED_FOR = 24 * 3_600_000;

const section = document.querySelector("[data-part=collected]");
const part = (name) => section.querySelector(`[data-part=${name}]`);
const forms = document.querySelector("[data-part=forms]");
let taken = false;

function remember() {
  const query = new URLSearchParams(location.search);
  const id = query.get("add");
  if (!/^[a-z2-7]{26}$/.test(id ?? "")) return;
  const title = (query.get("title") ?? "").slice(0, 200);
  localStorage.setItem(REMEMBERED, JSON.stringify({ id, title, at: Date.now() }));
  const note = document.querySelector("[data-part=adding]");
  note.querySelector("strong").textContent = title || said("your report");
  note.hidden = false;
}

function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(REMEMBERED));
    return /^[a-z2-7]{26}$/.test(found.id) && Date.now() - found.at < REMEMBERED_FOR ? found : null;
  } catch {
    return null;
  }
}

/** The handed-over set, or a sentence that says why it is none. */
function parsed(text) {
  if (text.length > LONGEST) return said("More reviews arrived than fit. Save them as a file in the other tab, and upload that.");
  try {
    const set = JSON.parse(text);
    const { reviews } = set;
    if (!Array.isArray(reviews) || !reviews.length || reviews.length > MOST) throw new TypeError("no list of reviews");
    if (!reviews.every((review) => review && typeof review === "object" && !Array.isArray(review))) throw new TypeError("no reviews");
    return set;
  } catch {
    return said("What arrived from the other tab are no reviews.");
  }
}

function receive(event) {
  if (taken || !window.opener || event.source !== window.opener || !/^https?:/.test(event.origin)) return;
  const text = event.data?.outlastReviews;
  if (typeof text !== "string") return;
  const set = parsed(text);
  section.hidden = false;
  if (typeof set === "string") {
    part("what").textContent = set;
    return;
  }
  taken = true;
  event.source.postMessage("outlast-taken", event.origin);
  show(set, text, new URL(event.origin).host);
}

function show(set, text, host) {
  const one = set.reviews.length === 1;
  const values = { count: set.reviews.length.toLocaleString(document.documentElement.lang || "en"), host };
  values.title = textOf(set.product_info?.title, 200);
  part("what").textContent = handedOver(values, one);
  const samples = set.reviews.slice(0, SHOWN).map((review) => {
    const line = document.createElement("li");
    const words = textOf(review.content, 160) || textOf(review.title, 160) || said("(no text)");
    line.textContent = `${textOf(review.rating, 40)}: ${words}`;
    return line;
  });
  part("samples").replaceChildren(...samples);
  const file = new File([text], `${host}, ${one ? said("{count} review", values) : said("{count} reviews", values)}.json`, { type: "application/json" });
  for (const form of forms.querySelectorAll("form")) fill(form, file);
  const earlier = remembered();
  const adding = forms.querySelector("[data-part=add]");
  if (earlier) {
    adding.action = adding.dataset.action.replace("SESSION", earlier.id);
    adding.querySelector("button").textContent = earlier.title ? said("Add to your report on “{title}”", earlier) : said("Add to your report");
    adding.addEventListener("submit", () => localStorage.removeItem(REMEMBERED));
  }
  adding.hidden = !earlier;
  const start = forms.querySelector("[data-part=start] button");
  const check = one ? said("Check this review") : said("Check these {count} reviews", values);
  start.textContent = earlier ? said("Make a new report") : check;
  start.classList.toggle("quiet", Boolean(earlier));
  forms.hidden = false;
  section.querySelector("h2").focus();
  document.querySelector("[data-part=how]").hidden = true;
}

function handedOver(values, one) {
  if (values.title) {
    return one
      ? said("{count} review of “{title}”, handed over by {host}", values)
      : said("{count} reviews of “{title}”, handed over by {host}", values);
  }
  return one ? said("{count} review, handed over by {host}", values) : said("{count} reviews, handed over by {host}", values);
}

function fill(form, file) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  form.querySelector("input[type=file]").files = chosen.files;
  form.elements.csrf_token.value = document.querySelector("meta[name=csrf-token]").content;
}

function textOf(value, most) {
  return typeof value === "string" || typeof value === "number" ? String(value).replace(/\s+/g, " ").slice(0, most) : "";
}

section.querySelector("[data-part=discard]").addEventListener("click", () => {
  taken = false;
  section.hidden = forms.hidden = true;
  for (const form of forms.querySelectorAll("form")) form.reset();
  document.querySelector("[data-part=how]").hidden = false;
});
document.querySelector("[data-part=address]").textContent = location.origin + location.pathname;
remember();
addEventListener("message", receive);
window.opener?.postMessage("outlast-ready", "*"); // says nothing but that this page has loaded
