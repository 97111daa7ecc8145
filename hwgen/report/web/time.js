// A frame on its way through the layers, and the front of foldings.
const STATES = {
  filling: ["var(--filling)", "before its first output"],
  working: ["var(--accent)", "moving in at least half of the cycles"],
  stalled: ["var(--stalled)", "waiting more often, for input or room"],
  draining: ["var(--draining)", "behind its last input"],
};

function timelineChart(mount) {
  if (!report.timelines.length) return;
  const plot = el("div", { class: "plot", id: "timeline-plot" });
  const legend = el("p", { class: "legend" }, ...Object.entries(STATES).map(
    ([state, [colour, meaning]]) => el("span", {}, el("i", { style: `background:${colour}` }), el("b", {}, state), ` ${meaning}`)));
  const note = el("p", { class: "quiet" });
  const draw = (index) => {
    const line = report.timelines[index];
    note.textContent = (line.frame === 0 ? "The first frame, on an idle design: "
      : `Frame ${line.frame + 1} of a burst without a pause: `)
      + `${count(line.cycles)} cycles, ${duration(line.cycles / report.clock_mhz)}.`;
    const spans = line.layers.flatMap((layer) => layer.spans.map((span) => ({ ...span, layer: layer.layer })));
    const holder = el("div", {});
    plot.replaceChildren(holder);
    drawn(holder, (width) => gantt(width, line, spans));
  };
  if (report.timelines.length > 1) {
    mount.append(choice("Frame", report.timelines.map((line, index) => [
      index, line.frame === 0 ? "First frame" : line.steady ? "In steady flow" : `Frame ${line.frame + 1}`,
    ]), 0, draw));
  }
  mount.append(note, legend, plot);
  draw(0);
}

function gantt(width, line, spans) {
  const names = line.layers.map((layer) => layer.layer);
  const room = Math.min(Math.max(...names.map((name) => widthOf(name))) + 10, width * 0.34);
  return vendor.plot({
    width, height: names.length * 21 + 44, marginLeft: room, marginRight: 24, marginTop: 4, marginBottom: 38,
    style: { fontSize: "12px", overflow: "visible" },
    x: { domain: [0, line.cycles + 1], label: "cycles", labelAnchor: "right", ticks: Math.max(2, Math.floor((width - room) / 90)), tickFormat: brief, grid: true },
    y: { domain: names, label: null, tickSize: 0, tickFormat: (name) => shorten(name, room - 8), padding: 0.25 },
    ariaLabel: "What each layer does during a frame",
    marks: [
      vendor.barX(spans, {
        x1: "start", x2: "stop", y: "layer", fill: (span) => STATES[span.state][0],
        ariaLabel: (span) => `${span.layer}: ${span.state} from ${span.start} to ${span.stop}`,
      }),
      vendor.tip(spans, vendor.pointer({
        x: (span) => (span.start + span.stop) / 2, y: "layer", fill: "var(--panel)", stroke: "var(--line)", textColor: "currentColor",
        title: (span) => `${span.layer}: ${span.state}\ncycles ${count(span.start)} to ${count(span.stop)}\nmoving in ${Math.round(100 * span.busy)} % of them`,
      })),
    ],
  });
}

function frontChart(mount) {
  if (report.front.length < 2) {
    mount.append(el("p", { class: "quiet" }, report.front.length ? "Only one folding fits the budget."
      : "Not computed: the folding was given, or other foldings were not asked for (--front N)."));
    return;
  }
  const plot = el("div", { class: "plot" });
  const own = { ...report.resources.estimate, fps: report.performance.fps, interval: report.performance.ii_cycles, own: true, bottleneck: report.performance.bottleneck };
  const show = (key) => {
    const name = KINDS.find((kind) => kind[0] === key)[1];
    const holder = el("div", {});
    plot.replaceChildren(holder);
    drawn(holder, (width) => frontPlot(width, key, name, own));
  };
  mount.append(choice("Resource", KINDS, "lut", show), plot, frontTable());
  show("lut");
}

function frontPlot(width, key, name, own) {
  const points = [...report.front, own];
  // The design itself is a step of the front where no listed folding is as fast.
  const apart = report.front.every((point) => Math.abs(point.fps / own.fps - 1) > 0.01);
  const steps = apart ? [...points].sort((a, b) => a.fps - b.fps) : report.front;
  const tip = (point) => `${point.own ? "This design" : "Folding"}: ${rate(point.fps)} fps\n${count(point[key])} ${name}\n`
    + `a frame every ${count(point.interval)} cycles\nlimited by ${point.bottleneck}`;
  return vendor.plot({
    width, height: Math.min(340, Math.max(240, width * 0.45)), marginLeft: 62, marginRight: 26, marginTop: 22, marginBottom: 42,
    style: { fontSize: "12px", overflow: "visible" },
    x: { type: "log", label: "frames per second", tickFormat: brief, ticks: Math.max(2, Math.floor(width / 130)), grid: true, nice: true },
    y: { label: name, grid: true, zero: true, tickFormat: brief, nice: true },
    ariaLabel: `${name} against frames per second`,
    marks: [
      vendor.line(steps, { x: "fps", y: key, stroke: "var(--accent)", curve: "step-before" }),
      vendor.dot(report.front, { x: "fps", y: key, fill: "var(--accent)", r: 4, ariaLabel: tip }),
      vendor.dot([own], { x: "fps", y: key, stroke: "var(--second)", fill: "var(--panel)", strokeWidth: 3, r: 7, ariaLabel: tip }),
      vendor.tip(points, vendor.pointer({ x: "fps", y: key, title: tip, fill: "var(--panel)", stroke: "var(--line)", textColor: "currentColor" })),
    ],
  });
}

function frontTable() {
  const head = ["fps", "cycles", ...KINDS.map((kind) => kind[1]), "next step costs", "limited by"];
  const rows = report.front.map((point, index) => {
    const next = report.front[index + 1];
    const step = next ? `${count(next.lut - point.lut)} LUT for ${(next.fps / point.fps).toFixed(2)} ×` : "–";
    return el("tr", {}, ...[rate(point.fps), count(point.interval), ...KINDS.map((kind) => count(point[kind[0]])), step].map(
      (cell) => el("td", {}, cell)), el("td", { class: "text" }, point.bottleneck));
  });
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, ...head.map((text, index) => el("th", { class: index + 1 === head.length ? "text" : null }, text)))), el("tbody", {}, ...rows)));
}

timelineChart(document.getElementById("timeline"));
frontChart(document.getElementById("front"));
