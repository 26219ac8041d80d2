"use strict";
(() => {
  const announcement = document.getElementById("announcement");
  const announce = (text) => { announcement.textContent = text; };

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

  for (const button of document.querySelectorAll(".copy")) {
    const code = button.parentElement.querySelector("code");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        announce("Copied");
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        announce("Selected, ready to be copied");
        button.textContent = "Selected";
      }
    });
    button.addEventListener("blur", () => { button.textContent = "Copy"; });
  }
})();
