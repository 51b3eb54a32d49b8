// Injects the collector when the visitor clicks the button, and again on the next pages of the same shop in that tab: the
// permission of the click lasts until the tab goes to another site.

import { collect } from "./collector.mjs";

chrome.action.onClicked.addListener(async (tab) => {
  const { site } = await chrome.storage.sync.get("site");
  if (!site) return chrome.runtime.openOptionsPage();
  await inject(tab.id, site, false);
  await chrome.storage.session.set({ [tab.id]: site });
});

chrome.tabs.onUpdated.addListener(async (id, { status }) => {
  if (status !== "complete") return;
  const { [id]: site } = await chrome.storage.session.get(String(id));
  if (site) await inject(id, site, true).catch(() => forget(id)); // the tab has gone to another site
});

chrome.tabs.onRemoved.addListener(forget);

function inject(tabId, site, continued) {
  return chrome.scripting.executeScript({ target: { tabId }, func: collect, args: [site, false, continued] });
}

function forget(id) {
  return chrome.storage.session.remove(String(id));
}
