// Bars of every layer, widths, and FIFO occupancy.

// Horizontal bars, one row each: {name, value, text, title, under}. ``under`` is drawn behind.
function bars(mount, rows, { label, cut = shorten }) {
  return drawn(mount, (width) => {
    const room = Math.min(Math.max(...rows.map((row) => widthOf(row.name))) + 10, width * 0.4);
    const right = Math.max(...rows.map((row) => widthOf(row.text))) + 12;
    const short = new Map(rows.map((row) => [row.id, cut(row.name, room - 8)]));
    const most = Math.max(...rows.map((row) => Math.max(row.value, row.under ?? 0)), 1e-9);
    const end = (row) => Math.max(row.value, row.under ?? 0);
    return vendor.plot({
      width, height: rows.length * 21 + 28, marginLeft: room, marginRight: right, marginTop: 4,
      marginBottom: 22, style: { fontSize: "12px", overflow: "visible" },
      x: { domain: [0, most], label: null, ticks: Math.min(Math.max(2, Math.floor((width - room - right) / 90)), Math.ceil(most)), tickFormat: brief, grid: true },
      y: { domain: rows.map((row) => row.id), label: null, tickSize: 0, tickFormat: (id) => short.get(id), padding: 0.28 },
      ariaLabel: label,
      marks: [
        rows.some((row) => row.under) ? vendor.barX(rows, { x: (row) => row.under ?? 0, y: "id", fill: "var(--line)" }) : null,
        vendor.barX(rows, { x: "value", y: "id", fill: (row) => row.colour ?? "var(--accent)", ariaLabel: (row) => `${row.name}: ${row.text}` }),
        vendor.text(rows, { x: end, y: "id", text: "text", textAnchor: "start", dx: 5, fill: "currentColor" }),
        vendor.tip(rows, vendor.pointerY({ x: end, y: "id", title: "title", fill: "var(--panel)", stroke: "var(--line)", textColor: "currentColor" })),
      ],
    });
  });
}

function layerRows(value, text, title) {
  return report.layers.map((layer) => ({
    id: layer.name, name: layer.name, value: value(layer), text: text(layer), title: title(layer),
    colour: layer.name === report.performance.bottleneck ? "var(--second)" : undefined,
  }));
}

function block(mount, title, note) {
  const plot = el("div", { class: "plot" });
  mount.append(el("div", { class: "chart" }, el("h3", {}, title), note ? el("p", { class: "quiet" }, note) : null, plot));
  return plot;
}

function cyclesChart(mount) {
  const interval = report.performance.ii_cycles;
  bars(block(mount, "Busy cycles per frame", "The bottleneck is marked."), layerRows(
    (layer) => layer.cycles, (layer) => count(layer.cycles),
    (layer) => `${layer.name}\n${count(layer.cycles)} cycles, ${percent(layer.cycles, interval)} of the interval`,
  ), { label: "Busy cycles per frame of each layer" });
}

const KINDS = [["lut", "LUT"], ["ff", "FF"], ["bram36", "BRAM36"], ["dsp", "DSP"]];

function resourceChart(mount) {
  const plot = block(mount, "Resources of each layer, estimated");
  const show = (key) => {
    const name = KINDS.find((kind) => kind[0] === key)[1];
    const holder = el("div", {});
    plot.replaceChildren(holder);
    bars(holder, layerRows(
      (layer) => layer[key], (layer) => count(layer[key]),
      (layer) => `${layer.name}\n${count(layer[key])} ${name} estimated, ${percent(layer[key], report.resources.estimate[key])} of the design`
        + (layer.synth ? `\n${count(layer.synth[key])} ${name} synthesised` : ""),
    ), { label: `${name} of each layer` });
  };
  plot.before(choice("Resource", KINDS, "lut", show));
  show("lut");
}

function weightChart(mount) {
  const layers = report.layers.filter((layer) => layer.weights);
  if (!layers.length) return;
  bars(block(mount, "Weight bits of each layer"), layers.map((layer) => ({
    id: layer.name, name: layer.name, value: layer.weights * layer.weight_bits,
    text: count(layer.weights * layer.weight_bits),
    title: `${layer.name}\n${count(layer.weights)} weights of ${layer.weight_bits} bit, ${layer.memory ?? "constants"}`,
  })), { label: "Weight bits of each layer" });
}

function widthChart(mount) {
  const layers = report.layers.filter((layer) => layer.acc_bits);
  if (!layers.length) return;
  bars(block(mount, "Accumulator bits", "As wide as the actual weights and inputs need, no wider."), layers.map((layer) => ({
    id: layer.name, name: layer.name, value: layer.acc_bits, text: String(layer.acc_bits),
    title: `${layer.name}\nsums from ${count(layer.acc_low)} to ${count(layer.acc_high)}: ${layer.acc_bits} bit\n`
      + `inputs ${layer.input_bits} bit, weights ${layer.weight_bits} bit`,
  })), { label: "Accumulator bits of each layer" });
}

function levelsChart(mount) {
  const layers = report.layers.filter((layer) => layer.thresholds);
  if (!layers.length) return;
  bars(block(mount, "Thresholds per channel", "Ties: channels on which an exact tie decides a code."), layers.map((layer) => ({
    id: layer.name, name: layer.name, value: layer.thresholds,
    text: layer.ties ? `${count(layer.thresholds)}, ${count(layer.ties)} ties` : count(layer.thresholds),
    title: `${layer.name}\n${count(layer.thresholds)} thresholds per channel\n${count(layer.ties)} channels with an exact tie`,
  })), { label: "Thresholds per channel of each layer" });
}

function fifoChart(mount) {
  const queues = report.streams.filter((stream) => stream.depth);
  if (!queues.length) {
    mount.append(el("p", { class: "quiet" }, "No stream needs a FIFO."));
    return;
  }
  bars(block(mount, "FIFO depth and largest occupancy", "In transfers; frames follow without a pause."), queues.map((stream, index) => ({
    id: String(index), name: `${stream.source} → ${stream.target}`, value: stream.peak ?? 0, under: stream.depth,
    text: `${count(stream.peak)} of ${count(stream.depth)}`,
    title: `${stream.source} → ${stream.target}\n${stream.lanes} × ${stream.bits} bit\n${count(stream.peak)} of ${count(stream.depth)} transfers in use at most`,
  })), { label: "FIFO depth and largest occupancy", cut: shortenStream });
}

cyclesChart(document.getElementById("where"));
resourceChart(document.getElementById("where"));
weightChart(document.getElementById("numbers"));
widthChart(document.getElementById("numbers"));
levelsChart(document.getElementById("numbers"));
fifoChart(document.getElementById("fifos"));
