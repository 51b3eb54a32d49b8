// Shows each state of states.json; ?state=NAME shows one alone.

import { addLanguage } from "../../src/outlast/web/static/analysis-progress.js";

addLanguage("ar", {
  progress: "تقدم التحليل",
  steps: "الخطوات",
  elapsed: "انقضى {0}",
  cancel: "إلغاء التحليل",
  retry: "أعد المحاولة",
  result: "عرض النتيجة",
  leave: "يمكنك مغادرة هذه الصفحة؛ التحليل مستمر.",
  "phase.queued": "في قائمة الانتظار",
  "phase.running": "قيد التنفيذ",
  "phase.completed": "تم",
  "phase.failed": "فشل",
  "phase.cancelled": "أُلغي",
  "step.done": "تم",
  "Gathering reviews": "جمع المراجعات",
});

const wanted = new URLSearchParams(location.search);
const root = document.documentElement;
root.lang = wanted.get("lang") ?? "en";
root.dir = wanted.get("dir") ?? "ltr";
if (wanted.has("scheme")) root.dataset.scheme = wanted.get("scheme");
if (wanted.has("own")) root.dataset.own = "";

const { snapshot, states } = await (await fetch(new URL("states.json", import.meta.url))).json();
for (const [name, changes] of Object.entries(states)) {
  if (wanted.has("state") && wanted.get("state") !== name) continue;
  const section = document.createElement("section");
  const heading = document.createElement("h2");
  heading.textContent = name;
  heading.lang = "en";
  const element = document.createElement("analysis-progress");
  element.setAttribute("heading-level", "3");
  element.id = name.replaceAll(" ", "-");
  section.append(heading, element);
  document.getElementById("states").append(section);
  if (changes.next_retry_at) changes.next_retry_at = new Date(Date.now() + 45_000).toISOString();
  element.show({ ...snapshot, ...changes });
}
root.dataset.ready = "";
