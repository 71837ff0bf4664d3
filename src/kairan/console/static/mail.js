"use strict";
// The list of test mail as it changes: told that something came or went, it asks for the page again.
(() => {
  const list = document.getElementById("mail-list");
  if (!list || !window.EventSource) return;
  const events = new EventSource(list.dataset.live);
  events.addEventListener("message", async () => {
    const place = new URL(location.href);
    place.searchParams.set("live", "1");
    place.searchParams.delete("deleted");
    const answer = await fetch(place).catch(() => null);
    if (!answer) return;
    if (!answer.ok || answer.redirected) { events.close(); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("mail-list");
    if (!fresh) return;
    const here = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    list.replaceChildren(...fresh.childNodes);
    if (here) for (const link of list.querySelectorAll("a")) if (link.getAttribute("href") === here) { link.focus(); break; }
  });
})();
