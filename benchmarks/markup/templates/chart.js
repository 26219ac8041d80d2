"use strict";
// Charts: curves over training and dots of final scores, with a point's seed, step and value under the pointer.
zoo.charts = (() => {
  const { make, number, look, hidden } = zoo;
  const HEIGHT = 340, LEFT = 58, RIGHT = 14, TOP = 12, BOTTOM = 44, ROW = 30, NEAR = 40;

  const finite = (value) => value !== null && Number.isFinite(value);
  const mean = (values) => {
    const known = values.filter(finite);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  };

  // A scale maps values to pixels and knows its ticks; a logarithmic one has no place for what is not positive.
  const scale = (values, log, from, to) => {
    const usable = values.filter((value) => finite(value) && (!log || value > 0));
    if (!usable.length) return null;
    const turn = log ? Math.log10 : (value) => value;
    let low = usable.reduce((a, b) => Math.min(a, b)), high = usable.reduce((a, b) => Math.max(a, b));
    if (low === high) { const room = Math.abs(low) * 0.1 || 1; low -= log ? low / 2 : room; high += room; }
    const margin = 0.04 * (turn(high) - turn(low));
    const start = turn(low) - margin, length = turn(high) - turn(low) + 2 * margin;
    const place = (value) => (finite(value) && (!log || value > 0) ? from + ((turn(value) - start) / length) * (to - from) : null);
    const first = log ? 10 ** start : start, last = log ? 10 ** (start + length) : start + length;
    return { place, ticks: log ? logTicks(first, last) : linearTicks(first, last) };
  };
  const linearTicks = (low, high) => {
    const rough = (high - low) / 5, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * size).find((each) => each >= rough);
    const ticks = [];
    for (let at = Math.ceil(low / step); at * step <= high; at += 1) ticks.push(at * step);
    return ticks;
  };
  const logTicks = (low, high) => {
    const decades = Math.log10(high / low), ticks = [];
    const factors = decades > 3 ? [1] : decades > 0.7 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const factor of factors) {
        const tick = factor * 10 ** power;
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    const skip = Math.max(1, Math.ceil(ticks.length / 8));
    return ticks.filter((_, at) => at % skip === 0);
  };
  const short = (value) => {
    for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))}${unit}`;
    }
    return number(Number(value.toPrecision(3)));
  };

  const keyOf = (dataset, loss, seed) => Object.keys(zoo.record.runs || {}).find((key) => {
    const run = zoo.record.runs[key];
    return run.dataset === dataset && run.loss === loss && run.seed === seed;
  });

  // What is drawn of a panel: series of points {x, y, loss, seed, note}, of which `seed: null` is a mean.
  const curves = (panel, view) => panel.lines.flatMap((line) => {
    const at = line.at[view.axis];
    if (!at || hidden.has(line.loss)) return [];
    const seeds = line.seeds.map((seed, position) => ({
      loss: line.loss, seed, faint: true,
      points: at.map((x, place) => ({ x, y: line.y[position][place], step: line.at["generator steps"][place] })),
    }));
    const middle = {
      loss: line.loss, seed: null, count: line.seeds.length,
      points: at.map((x, place) => ({ x, y: mean(line.y.map((values) => values[place])), step: line.at["generator steps"][place] })),
    };
    return [...(view.seeds || line.seeds.length < 2 ? seeds : []), middle];
  });

  const axes = (svg, x, y, width, height, title) => {
    for (const tick of x.ticks) {
      const at = x.place(tick);
      svg.append(make("line", { class: "grid", x1: at, x2: at, y1: TOP, y2: height - BOTTOM }));
      svg.append(make("text", { x: at, y: height - BOTTOM + 16, "text-anchor": "middle" }, short(tick)));
    }
    for (const tick of y ? y.ticks : []) {
      const at = y.place(tick);
      svg.append(make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
      svg.append(make("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, short(tick)));
    }
    svg.append(make("text", { class: "title", x: (LEFT + width) / 2, y: height - 8, "text-anchor": "middle" }, title));
  };

  const drawCurves = (svg, panel, view, width) => {
    const series = curves(panel, view), points = series.flatMap((each) => each.points);
    const x = scale(points.map((point) => point.x), false, LEFT, width - RIGHT);
    const y = scale(points.map((point) => point.y), view.log, HEIGHT - BOTTOM, TOP);
    if (!x || !y) return null;
    axes(svg, x, y, width, HEIGHT, view.axis);
    const marks = [];
    for (const each of series) {
      const { colour, dash } = look(each.loss);
      const own = each.points.map((point) => ({ ...point, px: x.place(point.x), py: y.place(point.y), loss: each.loss, seed: each.seed, count: each.count }));
      let path = "", open = false;
      for (const point of own) {
        if (point.py === null) { open = false; continue; }
        path += `${open ? "L" : "M"}${point.px.toFixed(1)} ${point.py.toFixed(1)}`;
        open = true;
      }
      // The mean stands out among all seeds; beside one that is looked at it steps back.
      const strong = each.seed === view.focus, middle = each.seed === null && view.focus !== null;
      svg.append(make("path", { class: middle ? "line middle" : strong ? "line" : "line faint", d: path, stroke: colour, "stroke-dasharray": dash, "data-loss": each.loss, "data-seed": each.seed === null ? "mean" : each.seed }));
      const shown = own.filter((point) => point.py !== null);
      if (shown.length === 1) svg.append(make("circle", { cx: shown[0].px, cy: shown[0].py, r: 2.5, fill: colour }));
      if (shown.length) marks.push(shown);
    }
    return marks;
  };

  const drawDots = (svg, panel, view, width) => {
    const rows = panel.rows.filter((row) => !hidden.has(row.loss));
    const height = TOP + BOTTOM + ROW * rows.length;
    svg.setAttribute("height", height);
    const x = scale(rows.flatMap((row) => row.y), view.log, LEFT + 62, width - RIGHT);
    if (!x) return null;
    axes(svg, x, null, width, height, panel.title);
    return rows.map((row, position) => {
      const centre = TOP + ROW * (position + 0.5), { colour, name } = look(row.loss);
      svg.append(make("text", { x: LEFT + 52, y: centre + 4, "text-anchor": "end" }, name));
      const known = row.y.map((value, at) => ({ x: value, y: value, px: x.place(value), py: centre + 9 * (row.seeds.length > 1 ? at / (row.seeds.length - 1) - 0.5 : 0), loss: row.loss, seed: row.seeds[at], step: null })).filter((point) => point.px !== null);
      for (const point of known) svg.append(make("circle", { cx: point.px, cy: point.py, r: 4, fill: colour, "fill-opacity": 0.8, "data-loss": row.loss }));
      const edge = (value) => Math.min(width - RIGHT, Math.max(LEFT + 62, x.place(value) ?? LEFT + 62));
      if (finite(row.mean) && x.place(row.mean) !== null) {
        if (row.ends.every(finite)) svg.append(make("line", { class: "interval", x1: edge(row.ends[0]), x2: edge(row.ends[1]), y1: centre, y2: centre }));
        svg.append(make("line", { class: "interval", x1: x.place(row.mean), x2: x.place(row.mean), y1: centre - 7, y2: centre + 7 }));
      }
      return known;
    }).filter((points) => points.length);
  };

  const said = (point) => {
    const who = point.seed === null ? `mean of ${point.count}` : `seed ${point.seed}`;
    return `${look(point.loss).name}, ${who}${point.step === null ? "" : `, step ${point.step}`}: ${number(point.y)}`;
  };

  // Hovering, arrow keys and clicks on the points of a drawing.
  const pointing = (box, svg, state) => {
    const tip = make("p", { class: "tip", hidden: true });
    box.append(tip);
    let dot = null;
    const show = (mark) => {
      dot?.remove();
      tip.hidden = !mark;
      state.at = mark;
      if (!mark) return;
      dot = make("circle", { class: "here", cx: mark.px, cy: mark.py, r: 6, stroke: look(mark.loss).colour });
      svg.append(dot);
      tip.textContent = said(mark);
      const room = box.clientWidth - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(0, Math.min(room, mark.px + 12))}px`;
      tip.style.top = `${svg.offsetTop + (svg.getBoundingClientRect().top - box.getBoundingClientRect().top) + mark.py - 36}px`;
    };
    const nearest = (event) => {
      const frame = svg.getBoundingClientRect(), x = event.clientX - frame.left, y = event.clientY - frame.top;
      let best = null, least = NEAR;
      for (const mark of state.marks.flat()) {
        const distance = Math.hypot(mark.px - x, mark.py - y) + (mark.seed === null ? 1 : 0);
        if (distance < least) { best = mark; least = distance; }
      }
      return best;
    };
    svg.addEventListener("pointermove", (event) => show(nearest(event)));
    svg.addEventListener("pointerleave", () => show(null));
    svg.addEventListener("blur", () => show(null));
    const open = () => {
      const key = state.at && state.at.seed !== null && keyOf(state.dataset, state.at.loss, state.at.seed);
      if (key && zoo.openRun) zoo.openRun(key);
    };
    svg.addEventListener("click", (event) => { show(nearest(event)); open(); });
    svg.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
      if (event.key === "Enter") return open();
      if (!(event.key in moves) || !state.marks.length) return;
      event.preventDefault();
      const [down, right] = moves[event.key];
      let row = state.marks.findIndex((marks) => marks.includes(state.at)), column = row < 0 ? -1 : state.marks[row].indexOf(state.at);
      if (row < 0) { row = 0; column = right < 0 ? 1 : -1; }
      row = (row + down + state.marks.length) % state.marks.length;
      column = Math.max(0, Math.min(state.marks[row].length - 1, column + right));
      show(state.marks[row][column]);
      zoo.announce(tip.textContent);
    });
    return show;
  };

  const choice = (label, options, chosen, change) => {
    const select = make("select", { onchange: () => change(select.value) }, ...options.map(([value, text]) => make("option", { value }, text)));
    select.value = chosen;
    return make("label", {}, `${label} `, select);
  };
  const tick = (label, checked, change) => {
    const box = make("input", { type: "checkbox", onchange: () => change(box.checked) });
    box.checked = checked;
    return make("label", {}, box, ` ${label}`);
  };

  const legend = (losses) => {
    const list = make("ul", { class: "legend", "aria-label": "Losses shown" });
    const only = (loss) => {
      const alone = losses.every((each) => (each === loss) !== hidden.has(each));
      for (const each of losses) { if (alone || each === loss) hidden.delete(each); else hidden.add(each); }
      zoo.announce(alone ? "All losses shown" : `Only ${look(loss).name} shown`);
      zoo.changed();
    };
    const items = losses.map((loss) => {
      const { name, colour, dash } = look(loss);
      const key = make("svg", { width: 22, height: 10, "aria-hidden": "true" }, make("path", { d: "M0 5H22", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }));
      const toggle = make("button", { type: "button", class: "toggle", title: "Hide or show", onclick: () => {
        if (!hidden.delete(loss)) hidden.add(loss);
        zoo.changed();
      } }, key, name);
      list.append(make("li", {}, toggle, make("button", { type: "button", class: "only", "aria-label": `Only ${name}, or all again`, onclick: () => only(loss) }, "only")));
      return [loss, toggle];
    });
    const refresh = () => items.forEach(([loss, toggle]) => toggle.setAttribute("aria-pressed", String(!hidden.has(loss))));
    refresh();
    zoo.watch(refresh);
    return list;
  };

  // Draws `live` in `box`; `focus` is the seed of a single run, which stands out among the others.
  const draw = (box, live, label, focus = null) => {
    const state = { panel: live.panels[0], marks: [], at: null, dataset: live.dataset };
    const view = { axis: "generator steps", log: state.panel.log, seeds: true, focus };
    const svg = make("svg", { class: "chart", height: HEIGHT, tabindex: 0, role: "img", "aria-label": `${label}: arrow keys go from point to point` });
    const losses = [...new Set(live.panels.flatMap((panel) => (panel.lines || panel.rows).map((each) => each.loss)))];
    const tools = make("p", { class: "tools" });
    const say = pointing(box, svg, state);
    const refresh = () => {
      const width = Math.max(260, box.clientWidth);
      svg.setAttribute("width", width);
      svg.replaceChildren();
      say(null);
      const kinds = { curves: drawCurves, dots: drawDots };
      const marks = kinds[live.kind](svg, state.panel, view, width);
      state.marks = marks || [];
      if (!marks) svg.append(make("text", { x: width / 2, y: 60, "text-anchor": "middle" }, "nothing to show: every loss is hidden, or no value is positive"));
    };
    const logBox = tick("log axis", view.log, (checked) => { view.log = checked; refresh(); });
    if (live.panels.length > 1) {
      tools.append(choice("Show", live.panels.map((panel, at) => [at, panel.title]), 0, (at) => {
        state.panel = live.panels[at];
        view.log = logBox.firstChild.checked = state.panel.log;
        refresh();
      }));
    }
    const places = live.kind === "curves" ? [...new Set(live.panels.flatMap((panel) => panel.lines.flatMap((line) => Object.keys(line.at))))] : [];
    if (places.length > 1) tools.append(choice("against", places.map((name) => [name, name]), view.axis, (name) => { view.axis = name; refresh(); }));
    tools.append(logBox);
    if (live.kind === "curves") tools.append(tick("each seed", view.seeds, (checked) => { view.seeds = checked; refresh(); }));
    box.prepend(tools, svg);
    if (focus === null) box.append(legend(losses));
    if (focus === null) zoo.watch(refresh);
    new ResizeObserver(refresh).observe(box);
    refresh();
  };

  const numbers = (figure) => JSON.parse(figure.querySelector(".numbers").textContent);
  for (const figure of document.querySelectorAll("figure.live")) {
    if (numbers(figure).kind === "panels") continue;
    const box = make("div", { class: "drawn" });
    figure.prepend(box);
    figure.classList.add("on");
    draw(box, numbers(figure), figure.querySelector(".picture").getAttribute("aria-label") || figure.id);
  }
  return { draw, numbers };
})();
