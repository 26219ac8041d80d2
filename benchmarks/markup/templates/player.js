"use strict";
// The player: samples of two losses side by side, over training; of points with the critic's field under them.
zoo.player = (() => {
  const { make, look, bytes, number, dark } = zoo;
  const SIDE = 300, PAUSE = 700, BANDS = 12;

  const latest = (frames, step) => frames.filter((frame) => frame.step <= step).at(-1);

  // The critic's scores as bands of grey with a line between two, interpolated between the points of the grid.
  const field = (context, frame) => {
    const levels = bytes(frame.field), side = Math.sqrt(levels.length), width = context.canvas.width;
    const at = (x, y) => {
      const left = Math.min(side - 2, Math.floor(x)), low = Math.min(side - 2, Math.floor(y)), place = low * side + left;
      const across = x - left, up = y - low;
      const below = levels[place] * (1 - across) + levels[place + 1] * across;
      const above = levels[place + side] * (1 - across) + levels[place + side + 1] * across;
      return below * (1 - up) + above * up;
    };
    const bands = new Uint8Array(width * width);
    for (let row = 0; row < width; row += 1) {
      const y = (1 - row / (width - 1)) * (side - 1);  // the first row of the grid is the lowest
      for (let column = 0; column < width; column += 1) {
        bands[row * width + column] = Math.min(BANDS - 1, (at((column / (width - 1)) * (side - 1), y) * BANDS) / 255);
      }
    }
    const image = new ImageData(width, width), night = dark.matches;
    for (let place = 0; place < bands.length; place += 1) {
      const edge = bands[place] !== bands[place + 1] || bands[place] !== bands[place + width];
      const part = bands[place] / (BANDS - 1), inside = (place + 1) % width !== 0 && place + width < bands.length;
      const shade = edge && inside ? (night ? 110 : 160) : night ? 24 + 45 * part : 255 - 56 * part;
      image.data.set([shade, shade, shade, 255], 4 * place);
    }
    context.putImageData(image, 0, 0);
  };
  const dots = (context, text, colour, radius) => {
    const places = bytes(text);
    context.fillStyle = colour;
    for (let at = 0; at < places.length; at += 2) {
      context.beginPath();
      context.arc((places[at] / 255) * SIDE, SIDE - (places[at + 1] / 255) * SIDE, radius, 0, 7);
      context.fill();
    }
  };
  const clear = (canvas) => {
    const context = canvas.getContext("2d"), dense = canvas.width / SIDE;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, SIDE, SIDE);
    return context;
  };
  const paint = (canvas, live, loss, frame) => {
    const context = clear(canvas);
    if (!frame) return;
    if (live.kind === "points") {
      if (frame.field) field(context, frame);
      dots(context, frame.points, look(loss).colour, 1.8);
      if (live.real && live.real.points) dots(context, live.real.points, dark.matches ? "#ffffff" : "#000000", 0.7);
      return;
    }
    const picture = new Image();
    picture.onload = () => {
      if (canvas.frame !== frame) return;
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, 0, 0, SIDE, SIDE);
    };
    canvas.frame = frame;
    picture.src = `data:image/png;base64,${frame.png}`;
  };
  const canvas = () => make("canvas", { width: 2 * SIDE, height: 2 * SIDE, role: "img" });

  const stage = (live, loss) => {
    const names = Object.keys(live.losses), own = { loss, canvas: canvas() };
    const select = make("select", { "aria-label": "Loss", onchange: () => { own.loss = select.value; own.refresh(); } }, ...names.map((name) => make("option", { value: name }, look(name).name)));
    select.value = loss;
    const note = make("p", { class: "note" });
    own.element = make("div", { class: "stage" }, select, own.canvas, note);
    own.show = (step) => {
      const { frames, seed } = live.losses[own.loss], frame = latest(frames, step);
      paint(own.canvas, live, own.loss, frame);
      const critic = live.kind === "points" && frame ? (frame.field ? `critic ${number(frame.least)} to ${number(frame.most)}` : "no field of the critic is kept of this step") : "";
      const place = frame ? `seed ${seed}, step ${frame.step}` : "nothing is kept so early";
      note.textContent = [place, critic].filter(Boolean).join("; ");
      own.canvas.setAttribute("aria-label", `Samples of ${look(own.loss).name}, ${note.textContent}`);
      select.style.borderColor = look(own.loss).colour;
    };
    own.canvas.addEventListener("pointermove", (event) => {
      const frame = latest(live.losses[own.loss].frames, live.steps[own.at()]);
      if (!frame || !frame.field) return;
      const box = own.canvas.getBoundingClientRect(), levels = bytes(frame.field), side = Math.sqrt(levels.length);
      const x = (event.clientX - box.left) / box.width, y = 1 - (event.clientY - box.top) / box.height;
      const level = levels[Math.round(y * (side - 1)) * side + Math.round(x * (side - 1))];
      const [across, up, half] = live.square, digits = Math.max(0, 1 - Math.floor(Math.log10(half)));
      const place = [across - half + 2 * half * x, up - half + 2 * half * y].map((part) => Number(part.toFixed(digits)).toString().replace("-", "\u2212")).join(", ");
      note.textContent = `critic at (${place}): ${number(frame.least + (level / 255) * (frame.most - frame.least))}`;
    });
    own.canvas.addEventListener("pointerleave", () => own.refresh());
    return own;
  };

  const start = (figure) => {
    const live = zoo.charts.numbers(figure), names = Object.keys(live.losses), last = live.steps.length - 1;
    const stages = [...new Set([names[0], names.at(-1)])].map((loss) => stage(live, loss));
    const input = make("input", { type: "range", min: 0, max: last, value: last, step: 1 });
    const output = make("output", { "aria-live": "off" });
    let timer = null;
    const refresh = () => {
      const step = live.steps[input.value];
      output.textContent = step;
      input.setAttribute("aria-valuetext", step);
      for (const each of stages) each.show(step);
    };
    const play = make("button", { type: "button", class: "play", "aria-pressed": "false" }, "Play");
    const pause = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
      play.setAttribute("aria-pressed", "false");
    };
    const go = (by) => { input.value = Number(input.value) + by; refresh(); };
    play.addEventListener("click", () => {
      if (timer !== null) return pause();
      if (Number(input.value) === last) { input.value = 0; refresh(); }
      play.textContent = "Pause";
      play.setAttribute("aria-pressed", "true");
      timer = setInterval(() => { go(1); if (Number(input.value) === last) pause(); }, PAUSE);
    });
    const move = (by, text, label) => make("button", { type: "button", "aria-label": label, onclick: () => { pause(); go(by); } }, text);
    input.addEventListener("input", () => { pause(); refresh(); });
    for (const each of stages) { each.refresh = refresh; each.at = () => input.value; }
    dark.addEventListener("change", refresh);
    const control = make("p", { class: "control" }, play, move(-1, "\u25c0", "One step back"), move(1, "\u25b6", "One step on"), make("label", {}, "Step ", input), output);
    figure.prepend(make("div", { class: "stages" }, ...stages.map((each) => each.element)), control);
    refresh();
  };
  // All losses at their last step, in place of a picture that would be white in the dark.
  const panels = (figure, live) => {
    const drawn = Object.entries(live.losses).filter(([, own]) => own.frames.length).map(([loss, own]) => {
      const picture = canvas(), frame = own.frames.at(-1), title = look(loss).name;
      picture.setAttribute("aria-label", `Samples of ${title}, seed ${own.seed}, step ${frame.step}`);
      const element = make("div", { "data-loss": loss }, make("p", {}, title), picture);
      return { element, loss, refresh: () => { element.hidden = zoo.hidden.has(loss); paint(picture, live, loss, frame); } };
    });
    const refresh = () => drawn.forEach((each) => each.refresh());
    if (live.kind === "images" && live.real.png) {
      const real = canvas();
      real.setAttribute("aria-label", "Real images");
      drawn.unshift({ element: make("div", {}, make("p", {}, "data"), real), refresh: () => paint(real, live, "", live.real) });
    }
    figure.prepend(make("div", { class: "drawn panels" }, ...drawn.map((each) => each.element)));
    figure.classList.add("on");
    dark.addEventListener("change", refresh);
    zoo.watch(refresh);
    refresh();
  };

  for (const figure of document.querySelectorAll("figure.player")) start(figure);
  for (const figure of document.querySelectorAll("figure.live")) {
    const { kind, of } = zoo.charts.numbers(figure), player = kind === "panels" && document.getElementById(of);
    if (player) panels(figure, zoo.charts.numbers(player));
  }
  return { paint, canvas };
})();
