"use strict";
// The panel of a run: what it was asked for, scored and generated, and why it ended.
(() => {
  const { make, number, look, record } = zoo;
  const dialog = document.getElementById("run");
  if (!dialog) return;

  const pairs = (content, kind) => make("dl", { class: kind }, ...Object.entries(content).flatMap(([name, value]) => [
    make("dt", {}, name), make("dd", {}, typeof value === "number" || value === null ? number(value) : value),
  ]));
  const curve = (run) => {
    const figure = document.getElementById(record.datasets[run.dataset].curves);
    if (!figure || !figure.querySelector(".numbers")) return null;
    const live = zoo.charts.numbers(figure);
    const panels = live.panels.map((panel) => ({ ...panel, lines: panel.lines.filter((line) => line.loss === run.loss) }));
    const drawn = panels.filter((panel) => panel.lines.length);
    return drawn.length ? { ...live, panels: drawn } : null;
  };
  const samples = (run) => {
    if (run.without) return make("p", { class: "note" }, run.without);
    if (!run.points && !run.png) return make("p", { class: "note" }, "No samples of this run are in the record.");
    const canvas = zoo.player.canvas();
    canvas.setAttribute("aria-label", "The run's last samples");
    zoo.player.paint(canvas, { kind: run.points ? "points" : "images" }, run.loss, run);
    return canvas;
  };

  zoo.openRun = (key) => {
    const run = record.runs[key], place = record.datasets[run.dataset].name;
    const ended = run.step === null ? run.status : `${run.status} at step ${run.step}`;
    const panel = dialog.querySelector(".panel");
    const box = make("div", { class: "drawn" });
    panel.replaceChildren(
      make("h2", { id: "run-title" }, `${look(run.loss).name} on ${place}, seed ${run.seed}`),
      make("p", {}, make("code", {}, key), ` \u2013 ${ended}`),
      ...(run.error ? [make("p", { class: "reason" }, run.error)] : []),
      make("h3", {}, "Scores"), pairs(run.scores, "scores"),
      make("h3", {}, "Curves"), make("p", { class: "note" }, "This run in full, the other seeds of its loss pale, and their mean."), box,
      make("h3", {}, "Samples"), samples(run),
      make("h3", {}, "How it ran"), pairs(run.facts, "facts"),
      make("details", {}, make("summary", {}, "Spec"), Object.keys(run.spec).length ? pairs(run.spec, "facts") : make("p", {}, "The export is older than specs.")),
    );
    if (!dialog.open) dialog.showModal();
    const live = curve(run);
    if (live) zoo.charts.draw(box, live, "Curves of this run", run.seed);
    else box.append(make("p", { class: "note" }, "Nothing was logged."));
    dialog.scrollTop = 0;
  };

  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  for (const row of document.querySelectorAll("#table-runs tbody tr, #table-failures tbody tr")) {
    const cell = row.cells[0];
    const key = row.dataset.run || cell.textContent.trim();
    if (!(key in record.runs)) continue;
    const button = make("button", { type: "button", class: "open", title: "Spec, scores, curves and samples of this run", onclick: () => zoo.openRun(key) });
    button.append(...cell.childNodes);
    cell.append(button);
  }
})();
