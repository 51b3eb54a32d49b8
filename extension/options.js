// Keeps the address of the site.

const LOCAL = ["localhost", "127.0.0.1", "[::1]"];
const field = document.querySelector("#site");
const said = document.querySelector("output");

field.value = (await chrome.storage.sync.get("site")).site ?? "";

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const site = new URL(field.value);
  if (site.protocol !== "https:" && !LOCAL.includes(site.hostname)) {
    said.textContent = "The address must begin with https://.";
    return;
  }
  if (site.pathname === "/") site.pathname = "/pages/collect";
  field.value = site.href;
  await chrome.storage.sync.set({ site: site.href });
  said.textContent = "Saved.";
});
