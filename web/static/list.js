"use strict";

// The list of onboardings: what is selected, and the keys. Without this file, the checkboxes and links do.
(() => {
  const boxes = () => [...document.querySelectorAll(".list tbody .pick input")];
  const every = document.querySelector("[data-every]");
  const tick = document.querySelector("[data-tick]");
  const said = document.querySelector("[data-selected]");
  const none = said?.textContent;

  function count() {
    if (!said) return;
    const n = boxes().filter((box) => box.checked).length;
    every.checked = n > 0 && n === boxes().length;
    every.indeterminate = n > 0 && !every.checked;
    const text = n ? `${n} selected:` : none;
    if (said.textContent !== text) said.textContent = text;
  }
  function select(on) {
    for (const box of boxes()) box.checked = on;
    count();
  }
  if (said) {
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
