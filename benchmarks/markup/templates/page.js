"use strict";
// What the other scripts share: the record, words for who cannot see, elements, numbers, and which losses are hidden.
const zoo = (() => {
  const record = JSON.parse(document.getElementById("record").textContent);
  const announcement = document.getElementById("announcement");
  const hidden = new Set();
  const watchers = [];
  const make = (tag, attributes = {}, ...children) => {
    const svg = ["svg", "g", "path", "circle", "line", "text", "rect"].includes(tag);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const number = (value) => {
    if (value === null || !Number.isFinite(value)) return "\u2013";
    const text = Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(Number(value.toPrecision(4)));
    return text.replace("-", "\u2212");
  };
  const look = (loss) => (record.losses || {})[loss] || { name: loss, colour: "currentColor", dash: "" };
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  return {
    record, hidden, make, number, look, bytes, dark,
    announce: (text) => { announcement.textContent = text; },
    watch: (action) => watchers.push(action),
    changed: () => watchers.forEach((action) => action()),
  };
})();

(() => {
  const { announce } = zoo;

  const key = (row, column) => {
    const cell = row.cells[column];
    const value = cell.dataset.value;
    if (value === undefined) return cell.textContent.trim();
    return value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value);
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (table, column, down) => {
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
    const numeric = rows.some(([value]) => typeof value === "number");
    rows.sort(([a], [b]) => {
      if (numeric && typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
      return down ? compare(b, a) : compare(a, b);
    });
    for (const [, row] of rows) table.tBodies[0].append(row);
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.firstChild.addEventListener("click", () => {
      const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      sort(table, column, order === "descending");
      for (const other of heads) other.setAttribute("aria-sort", other === head ? order : "none");
      announce(`Sorted by ${head.textContent}, ${order}`);
    }));
  }

  for (const slider of document.querySelectorAll(".slider")) {
    const input = slider.querySelector("input");
    const frames = [...slider.querySelectorAll(".frame")];
    const show = () => {
      frames.forEach((frame, position) => { frame.hidden = position !== Number(input.value); });
      const label = frames[input.value].dataset.label;
      slider.querySelector("output").textContent = label;
      input.setAttribute("aria-valuetext", label);
    };
    input.addEventListener("input", show);
    show();
  }

  const copy = async (button, text, fallback) => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      announce("Copied");
      button.textContent = "Copied";
    } catch {
      fallback();
      announce("Selected, ready to be copied");
      button.textContent = "Selected";
    }
    button.addEventListener("blur", () => { button.textContent = label; }, { once: true });
  };
  for (const button of document.querySelectorAll("button.form")) {
    const text = button.nextElementSibling.content.textContent;
    button.addEventListener("click", () => copy(button, text, () => {
      const shown = button.closest("figure").querySelector("textarea.form") || button.parentElement.insertAdjacentElement("afterend", zoo.make("textarea", { class: "form", readonly: true, "aria-label": "The table, to be copied" }));
      shown.value = text;
      shown.select();
    }));
  }

  // On paper and elsewhere a figure has the colours of light.
  const LIGHT = { paper: "#ffffff", ink: "#262626", line: "#e3e3e3", soft: "#666666" };
  const standalone = (svg) => {
    const copied = svg.cloneNode(true);
    copied.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const text = new XMLSerializer().serializeToString(copied);
    return text.replace(/var\(--(\w+)\)/g, (_, name) => LIGHT[name]);
  };
  for (const button of document.querySelectorAll("button.save")) {
    const figure = button.closest("figure");
    const svg = figure.querySelector(".vector > svg");
    if (!svg) { button.remove(); continue; }
    button.addEventListener("click", () => {
      const url = URL.createObjectURL(new Blob([standalone(svg)], { type: "image/svg+xml" }));
      const link = zoo.make("a", { href: url, download: `${figure.id}.svg` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
      announce(`Saved ${link.download}`);
    });
  }

  // A link or the contents may lead into what is folded.
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && (target.matches("details") ? target : target.closest("details"));
    if (fold) { fold.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -70% 0px" });
  for (const id of links.keys()) { const place = document.getElementById(id); if (place) seen.observe(place); }

  for (const button of document.querySelectorAll(".copy")) {
    const code = button.parentElement.querySelector("code");
    button.addEventListener("click", () => copy(button, code.textContent, () => getSelection().selectAllChildren(code)));
  }
})();
