// Makes a page live: fetches it again when the stream has news, and shows times in the reader's
// own zone. The page is whole without this; what is shown comes escaped from the server.
"use strict";
(() => {
  const base = document.body.dataset.base;
  const live = document.getElementById("live");
  const shortest = 2000;
  const longest = 60000;
  let last = 0;
  let waiting = null;
  let stream = null;

  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

  function localTimes(root) {
    const today = new Date().toDateString();
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      time.title = exact.format(at);
      time.textContent = at.toDateString() === today ? clock.format(at) : day.format(at);
    }
    for (const title of root.querySelectorAll("title[data-hour]")) {
      const told = title.textContent.slice(title.textContent.indexOf(": "));
      title.textContent = day.format(new Date(title.dataset.hour)) + told;
    }
  }

  function say(text, on) {
    live.hidden = false;
    if (live.textContent !== text) live.textContent = text;
    live.classList.toggle("on", on);
  }

  // What now stands for an element of a section that is replaced: the one with its id, or the
  // one that looks the same in the nearest part that has one.
  function twin(of) {
    if (of.id) return document.getElementById(of.id);
    const part = document.getElementById(of.closest("[id]").id);
    const alike = part ? [...part.querySelectorAll(of.localName)] : [];
    return alike.find((one) => one.isEqualNode(of));
  }

  // Puts new sections into the place of those that differ, and the focus back where it was. A
  // form is one, too: its mark is good only for the service as it runs now.
  function take(fresh) {
    localTimes(fresh);
    for (const section of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(section.id);
      if (!next) continue;
      for (const part of section.querySelectorAll("details[open]")) {
        fresh.getElementById(part.id)?.setAttribute("open", "");
      }
      if (next.isEqualNode(section)) continue;
      const held = section.contains(document.activeElement) ? document.activeElement : null;
      section.replaceWith(document.adoptNode(next));
      if (held) twin(held)?.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    waiting = null;
    if (document.hidden) return;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return;
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      say("Not connected", false);
    }
  }

  function soon() {
    if (waiting === null) waiting = setTimeout(refresh, Math.max(300, last + shortest - Date.now()));
  }

  function listen() {
    if (stream || document.hidden) return;
    stream = new EventSource(`${base}/api/v1/stream`);
    stream.addEventListener("hello", () => { say("Live", true); soon(); });
    for (const topic of ["event", "delivery", "jobs", "source", "notifier", "changed"]) {
      stream.addEventListener(topic, soon);
    }
    stream.addEventListener("error", () => {
      say("Not connected", false);
      if (stream?.readyState !== EventSource.CLOSED) return;
      stream = null;
      setTimeout(listen, 5000);
    });
  }

  // A browser has six connections for all the tabs of a site: a page that nobody sees, or that
  // is kept for the way back, leaves its own to others.
  function leave() {
    stream?.close();
    stream = null;
  }

  localTimes(document);
  if (document.querySelector("main [data-live]")) {
    document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", listen);
    // What time alone changes is no news: a job that stands still, a silence that is over.
    setInterval(soon, longest);
    listen();
  }
})();
