"use strict";
// Tables that sort by a click on a heading, and that can be narrowed down by a word.
const value = (cell) => {
  const text = (cell.dataset.value ?? cell.textContent.trim()).replace("−", "-");
  const number = text.match(/^-?\d+(\.\d+)?(e[+-]?\d+)?(?=$| \[)/);  // "0.5" or "0.5 [0.4, 0.6]"
  return number ? Number(number[0]) : text;
};
const compare = (a, b) => {
  if (a === "" || b === "") return (a === "") - (b === "");  // empty cells last
  if (typeof a === typeof b) return a < b ? -1 : Number(a > b);
  return typeof a === "number" ? -1 : 1;
};
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => [value(row.cells[column]), row]);
      rows.sort(([a], [b]) => (down && a !== "" && b !== "" ? -1 : 1) * compare(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
for (const box of document.querySelectorAll("input[type=search]")) {
  const rows = document.getElementById(box.dataset.table).tBodies[0].rows;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
