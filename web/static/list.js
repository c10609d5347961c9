"use strict";

// The list of onboardings: it keeps itself up to date, counts what is selected, and has keys. Without this file, the
// checkboxes and links do.
(() => {
  // While somebody looks, the list is read again. Rows keep their place: that others came or moved is only said.
  const pause = 15000;
  const parts = (row) => [...row.querySelectorAll(".name, td:first-child .hint, td + td")];
  const numbers = (page) => [...page.querySelectorAll(".tabs a span, .filters .count, .list caption")];
  const rowsOf = (page) => new Map([...page.querySelectorAll(".list tbody tr")].map((row) => [row.querySelector(".pick input").value, row]));
  const from = document.querySelector("[data-live]").dataset.live;
  // What a part says, without what app.js writes anew: times in the reader's zone.
  const said = (part) => {
    const copy = part.cloneNode(true);
    for (const time of copy.querySelectorAll("time[data-form]")) {
      time.removeAttribute("title");
      if (time.dataset.form !== "ago") time.textContent = "";
    }
    return copy.innerHTML;
  };
  let reading = false;
  let ended = false;

  function take(here, there) {
    if (here.length !== there.length) return;
    here.forEach((part, i) => {
      const now = there[i];
      if (part.matches("a")) part.href = now.getAttribute("href");
      if (said(part) === said(now)) return;
      part.replaceChildren(...document.importNode(now, true).childNodes);
    });
  }

  async function look() {
    if (document.hidden || reading || ended) return;
    reading = true;
    try {
      const answer = await fetch(from, { headers: { "X-Live": "list" }, redirect: "manual", cache: "no-store" });
      // To the sign-in, or refused for good: the reader is no specialist any more.
      ended = answer.type === "opaqueredirect" || (answer.status >= 400 && answer.status < 500 && answer.status !== 429);
      if (ended) document.querySelector("[data-ended]").hidden = false;
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const here = rowsOf(document);
      const there = rowsOf(page);
      for (const [id, row] of here) if (there.has(id)) take(parts(row), parts(there.get(id)));
      take(numbers(document), numbers(page));
      document.querySelector("[data-moved]").hidden = [...here.keys()].join() === [...there.keys()].join();
      document.dispatchEvent(new Event("list:drawn"));
    } catch {
      // the next look may reach the server
    } finally {
      reading = false;
    }
  }
  setInterval(look, pause);
  document.addEventListener("visibilitychange", look);

  const boxes = () => [...document.querySelectorAll(".list tbody .pick input")];
  const every = document.querySelector("[data-every]");
  const tick = document.querySelector("[data-tick]");
  const selected = document.querySelector("[data-selected]");
  const none = selected?.textContent;

  function count() {
    if (!selected) return;
    const n = boxes().filter((box) => box.checked).length;
    every.checked = n > 0 && n === boxes().length;
    every.indeterminate = n > 0 && !every.checked;
    const text = n ? `${n} selected:` : none;
    if (selected.textContent !== text) selected.textContent = text;
  }
  function select(on) {
    for (const box of boxes()) box.checked = on;
    count();
  }
  if (selected) {
    every.hidden = tick.hidden = false;
    every.addEventListener("change", () => select(every.checked));
    tick.addEventListener("click", () => select(!boxes().every((box) => box.checked)));
    document.addEventListener("change", (event) => event.target.matches(".list tbody .pick input") && count());
    addEventListener("pageshow", count); // a browser that goes back keeps what was selected
  }

  const help = document.getElementById("keys");
  if (!help) return;
  const single = help.querySelector("input");
  const open = document.querySelector("[data-keys]");
  const off = "groundwork-keys-off";
  try {
    single.checked = !localStorage.getItem(off);
  } catch {} // a browser that keeps nothing has the keys on
  single.addEventListener("change", () => {
    try {
      if (single.checked) localStorage.removeItem(off);
      else localStorage.setItem(off, "yes");
    } catch {}
  });
  open.hidden = false;
  open.addEventListener("click", () => help.showModal());
  help.querySelector("button").addEventListener("click", () => help.close());

  document.addEventListener("keydown", (event) => {
    const at = document.activeElement;
    if (!single.checked || help.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (at.matches("input:not([type=checkbox]), textarea, select")) return;
    const rows = [...document.querySelectorAll(".list tbody tr")];
    const row = at.closest(".list tbody tr");
    const step = { j: 1, k: -1 }[event.key];
    if (step) {
      const next = row ? rows[rows.indexOf(row) + step] : rows[0];
      next?.querySelector(".name").focus();
      next?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "x" && row) {
      row.querySelector(".pick input").click();
    } else if (event.key === "Enter" && row && at.matches("input")) {
      row.querySelector(".name").click();
    } else if (event.key === "?") {
      help.showModal();
    } else {
      return;
    }
    event.preventDefault();
  });
})();
