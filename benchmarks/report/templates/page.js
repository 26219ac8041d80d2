"use strict";
(() => {
  const announcement = document.getElementById("announcement");
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
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.firstChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
      const numeric = rows.some(([value]) => typeof value === "number");
      rows.sort(([a], [b]) => {
        if (numeric && typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
        return down ? compare(b, a) : compare(a, b);
      });
      for (const [, row] of rows) table.tBodies[0].append(row);
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      announcement.textContent = `Sorted by ${head.textContent}, ${down ? "descending" : "ascending"}`;
    }));
  }
  for (const slider of document.querySelectorAll(".slider")) {
    const input = slider.querySelector("input");
    const images = [...slider.querySelectorAll("img")];
    const labels = input.dataset.labels.split("|");
    const show = () => {
      images.forEach((image, position) => { image.hidden = position !== Number(input.value); });
      slider.querySelector("output").textContent = labels[input.value];
      input.setAttribute("aria-valuetext", labels[input.value]);
    };
    input.addEventListener("input", show);
    show();
  }
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
