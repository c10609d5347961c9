"use strict";

// Every page works without this file: it focuses the error summary, copies, ticks running tasks' clocks,
// closes menus, and tells times in the reader's zone.
(() => {
  const all = (selector, within = document) => within.querySelectorAll(selector);

  const format = (options) => {
    try {
      return new Intl.DateTimeFormat("en-US", options);
    } catch {
      return null;
    }
  };
  const clock = format({ hourCycle: "h23", hour: "2-digit", minute: "2-digit" });
  const clockSeconds = format({ hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = format({ day: "numeric", month: "short", year: "numeric" });
  const full = format({ day: "numeric", month: "short", year: "numeric", hourCycle: "h23", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  const exact = format({ hourCycle: "h23", dateStyle: "full", timeStyle: "long" });
  const forms = { clock, seconds: clockSeconds, day, full };

  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };

  function localTimes(within) {
    for (const t of all("time[data-form]", within)) {
      const at = new Date(t.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      if (exact) t.title = exact.format(at);
      const how = forms[t.dataset.form];
      if (how) put(t, how.format(at));
    }
  }

  function span(seconds) {
    if (seconds < 1) return "under 1 s";
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }

  // The server's clock minus the reader's, from the page's own time, so that a wrong clock doesn't show.
  const now = Number(document.documentElement.dataset.now || 0);
  const skew = now ? now - Date.now() : 0;
  function tick() {
    for (const s of all("[data-since]")) put(s, span(Math.max(0, (Date.now() + skew - Number(s.dataset.since)) / 1000)));
  }

  // An address that names a folded part opens it: not every browser does.
  function unfold() {
    const named = location.hash && document.getElementById(location.hash.slice(1));
    const fold = named && named.closest("details:not(.menu)");
    if (!fold || fold.open) return;
    fold.open = true;
    named.scrollIntoView();
  }

  function focusErrors() {
    const summary = document.getElementById("errors");
    if (summary) summary.focus();
  }

  document.addEventListener("click", async (event) => {
    const link = event.target.closest(".errors a[href^='#']");
    if (link) {
      const field = document.getElementById(link.hash.slice(1));
      if (field) {
        event.preventDefault();
        field.focus();
        field.scrollIntoView({ block: "center" });
      }
      return;
    }
    const button = event.target.closest("button[data-copy]");
    if (button) {
      const from = document.getElementById(button.dataset.copy);
      const said = button.querySelector("[role=status]");
      const word = button.querySelector(".copy-word");
      try {
        await navigator.clipboard.writeText("value" in from ? from.value : from.textContent);
        put(word, "Copied");
        put(said, "Copied");
      } catch {
        const range = document.createRange();
        range.selectNodeContents(from);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        put(said, "Press Ctrl and C to copy");
      }
      setTimeout(() => {
        put(word, "Copy");
        put(said, "");
      }, 3000);
      return;
    }
    if (event.target.closest("button[data-print]")) {
      print();
      return;
    }
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // What is typed filters the list that belongs to the field: every word must occur in a line of it. Empty groups go, too.
  for (const field of all("[data-filters]")) {
    const list = document.getElementById(field.dataset.filters);
    const box = field.closest(".filter");
    if (box) box.hidden = false;
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      let left = 0;
      for (const line of list.querySelectorAll("[data-pick]")) {
        line.hidden = !words.every((word) => line.dataset.pick.includes(word));
        if (!line.hidden) left++;
      }
      for (const group of list.querySelectorAll("[role=group]")) group.hidden = !group.querySelector("[data-pick]:not([hidden])");
      list.querySelector("[data-none]").hidden = left > 0;
    });
    const chosen = list.querySelector("input:checked, [aria-current]");
    if (chosen) list.scrollTop = chosen.closest("[data-pick]").offsetTop - list.offsetTop - list.clientHeight / 3;
  }

  // A line of such a list fills the field. Without JavaScript, the page is drawn again with it.
  document.addEventListener("click", (event) => {
    const line = event.target.closest("a[data-fills]");
    if (!line || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const field = document.getElementById(line.dataset.fills);
    field.value = line.dataset.value;
    for (const other of all("a[data-fills]")) other.removeAttribute("aria-current");
    line.setAttribute("aria-current", "true");
    field.focus();
  });

  // A double click on a submit button posts once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) event.preventDefault();
    else form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
  });

  // A live page's tab says how far the run is.
  function tab() {
    const now = document.querySelector("[data-tab]");
    if (!now) return;
    if (document.title !== now.dataset.tab) document.title = now.dataset.tab;
    const icon = document.querySelector("link[rel=icon]");
    if (icon.getAttribute("href") !== now.dataset.icon) icon.href = now.dataset.icon;
  }

  for (const drawn of ["htmx:after:swap", "list:drawn"]) document.addEventListener(drawn, () => {
    localTimes(document);
    tab();
    tick();
  });

  // htmx opens a stream once and does not try again when that fails. A live page that hears nothing is drawn anew after
  // a while, as it is without JavaScript, unless something is being typed in it or there is no such stream.
  const stream = document.querySelector("[hx-sse\\:connect]");
  if (stream) {
    // Some proxies hold a stream back: a page that hears no heartbeat for a while is drawn anew, too.
    const silence = 25000;
    let heard = 0;
    let gone = false;
    const typed = () => [...all("input, textarea")].some((field) => field.type !== "hidden" && (field === document.activeElement || field.value !== field.defaultValue));
    const look = () => setTimeout(() => {
      if (gone || !stream.isConnected) return;
      if (Date.now() - heard < silence || typed()) look();
      else location.reload();
    }, 5000);
    document.addEventListener("htmx:sse:after:message", () => (heard = Date.now()));
    document.addEventListener("htmx:sse:error", () => (heard = 0));
    document.addEventListener("end", () => (gone = true));
    document.addEventListener("htmx:response:error", (event) => (gone = gone || event.detail?.ctx?.response?.status === 404));
    look();
  }

  addEventListener("hashchange", unfold);
  unfold();
  localTimes(document);
  tick();
  setInterval(tick, 1000);
  focusErrors();
})();
