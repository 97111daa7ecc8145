// The dataflow: layers as buttons, streams as lines between them, details of what is picked.
const LEAST_SCALE = 0.66; // below, text is too small to read and the graph scrolls instead
const HEAT = {
  cycles: ["Cycles", (layer) => share(layer.cycles, report.performance.ii_cycles)],
  lut: ["LUT", (layer) => share(layer.lut, Math.max(...report.layers.map((one) => one.lut)))],
  bram36: ["BRAM", (layer) => share(layer.bram36, Math.max(...report.layers.map((one) => one.bram36)))],
  dsp: ["DSP", (layer) => share(layer.dsp, Math.max(...report.layers.map((one) => one.dsp)))],
  weights: ["Weights", (layer) => {
    const bits = (one) => one.weights * (one.weight_bits ?? 0);
    return share(bits(layer), Math.max(...report.layers.map(bits)));
  }],
};

function endBox(name, tensor) {
  return el("button", { type: "button", class: "node end", "data-layer": name },
    el("b", {}, name === "input" ? "Input" : "Output"),
    el("span", {}, tensor.shape.join(" × ")),
    el("span", { class: "quiet" }, `codes ${count(tensor.low)} to ${count(tensor.high)}`));
}

function layerBox(layer) {
  const fold = [layer.pe > 1 || layer.macs ? `PE ${layer.pe}` : null, layer.macs ? `SIMD ${layer.simd}` : null, layer.m > 1 ? `M ${layer.m}` : null];
  const slow = layer.name === report.performance.bottleneck;
  return el("button", { type: "button", class: slow ? "node slow" : "node", "data-layer": layer.name },
    el("b", {}, layer.name),
    el("span", {}, [layer.op, ...fold.filter(Boolean)].join(" · ")),
    el("span", { class: "quiet" }, `${count(layer.cycles)} cycles, ${count(layer.lut)} LUT`));
}

function streamBox(stream) {
  return el("button", { type: "button", class: "stream", "data-stream": `${stream.source}→${stream.target}` },
    `${stream.lanes} × ${stream.bits} bit`, stream.depth ? ` · ${count(stream.depth)}` : "");
}

function layerDetails(layer) {
  const into = report.streams.filter((stream) => stream.target === layer.name).map(streamText);
  const out = report.streams.filter((stream) => stream.source === layer.name).map(streamText);
  const synth = (key) => (layer.synth ? ` (synthesis ${count(layer.synth[key])})` : "");
  return [layer.name, pairs([
    ["Op", layer.op], ["From", layer.source || null],
    ["Fold", `PE ${layer.pe}, SIMD ${layer.simd}${layer.m > 1 ? `, M ${layer.m}` : ""}`],
    ["Style", layer.style], ["Weights in", layer.memory],
    ["Cycles", `${count(layer.cycles)} (${percent(layer.cycles, report.performance.ii_cycles)} of the interval)`],
    ["LUT", count(layer.lut) + synth("lut")], ["FF", count(layer.ff) + synth("ff")],
    ["BRAM36", count(layer.bram36) + synth("bram36")], ["DSP", count(layer.dsp) + synth("dsp")],
    ["Multiplications", layer.macs ? count(layer.macs) : null],
    ["Weights", layer.weights ? `${count(layer.weights)} of ${layer.weight_bits} bit` : null],
    ["Input, output", `${layer.input_bits} bit, ${layer.output_bits} bit`],
    ["Accumulator", layer.acc_bits ? `${layer.acc_bits} bit, ${count(layer.acc_low)} to ${count(layer.acc_high)}` : null],
    ["Thresholds", layer.thresholds ? `${count(layer.thresholds)} per channel` : null],
    ["Exact ties", layer.ties ? `${count(layer.ties)} channels` : null],
    ["Takes", into.join("; ")], ["Gives", out.join("; ")],
  ])];
}

function streamText(stream) {
  const queue = stream.depth ? `, FIFO of ${count(stream.depth)}, at most ${count(stream.peak)} in use` : ", no FIFO";
  return `${stream.lanes} × ${stream.bits} bit${queue}`;
}

function endDetails(name, tensor) {
  return [name === "input" ? "Input" : "Output", pairs([
    ["Shape", tensor.shape.join(" × ")], ["Codes", `${count(tensor.low)} to ${count(tensor.high)}`],
    ["Bits", String(tensor.bits)], ["Lanes", String(tensor.lanes)], ["Transfers a frame", count(tensor.transfers)],
  ])];
}

function drawGraph(mount) {
  const nodes = [
    { id: "input", box: endBox("input", report.input), say: () => endDetails("input", report.input) },
    ...report.layers.map((layer) => ({ id: layer.name, layer, box: layerBox(layer), say: () => layerDetails(layer) })),
    { id: "output", box: endBox("output", report.output), say: () => endDetails("output", report.output) },
  ];
  const edges = report.streams.map((stream, index) => ({ ...stream, index, box: streamBox(stream) }));
  const sheet = el("div", { class: "sheet" });
  const canvas = el("div", { class: "canvas" }, sheet);
  const view = el("div", { class: "view", tabindex: "0", role: "group", "aria-label": "Dataflow graph" }, canvas);
  const more = el("button", { type: "button", class: "more", "aria-pressed": "false", onclick: () => {
    const open = view.classList.toggle("whole");
    more.setAttribute("aria-pressed", String(open));
    more.textContent = open ? "Show less" : "Show the whole graph";
  } }, "Show the whole graph");
  const details = el("aside", { class: "details", id: "details", "aria-live": "polite" });
  const heat = (key) => nodes.forEach((node) => node.layer && node.box.style.setProperty("--heat", `${Math.round(HEAT[key][1](node.layer)) || 0}%`));
  const tell = (head, body) => details.replaceChildren(el("h3", {}, head), body);
  const pick = (box, head, body) => {
    canvas.querySelectorAll(".picked").forEach((other) => other.classList.remove("picked"));
    box.classList.add("picked");
    tell(head, body);
  };
  for (const node of nodes) {
    sheet.append(node.box);
    listen(node.box, details, () => pick(node.box, ...node.say()), () => tell(...node.say()));
  }
  for (const edge of edges) {
    sheet.append(edge.box);
    const say = () => [`${edge.source} → ${edge.target}`, pairs([["Stream", streamText(edge)], ["Bits a transfer", count(edge.lanes * edge.bits)]])];
    listen(edge.box, details, () => pick(edge.box, ...say()), () => tell(...say()));
  }
  mount.append(choice("Colour by", Object.entries(HEAT).filter(([, entry]) => report.layers.some(entry[1])).map(([key, entry]) => [key, entry[0]]), "cycles", heat),
    el("div", { class: "graph" }, el("div", { class: "drawing" }, view, more), details));
  heat("cycles");
  const slowest = nodes.find((node) => node.id === report.performance.bottleneck) ?? nodes[0];
  pick(slowest.box, ...slowest.say());
  let last = 0;
  const arrange = () => {
    const width = view.clientWidth;
    if (width && width !== last) {
      last = width;
      position(canvas, nodes, edges, placed(nodes, edges, width - 24), width - 24);
      more.hidden = !view.classList.contains("whole") && view.scrollHeight <= view.clientHeight + 4;
    }
  };
  new ResizeObserver(arrange).observe(view);
  arrange();
}

// Hovering tells, clicking keeps what is told until the pointer has left elsewhere.
function listen(box, details, pick, tell) {
  let before = null;
  box.addEventListener("mouseenter", () => { before = [...details.childNodes]; tell(); });
  box.addEventListener("mouseleave", () => { if (before) details.replaceChildren(...before); before = null; });
  box.addEventListener("click", () => { before = null; pick(); });
}

function position(canvas, nodes, edges, plan, room) {
  const inset = 8;
  const scale = Math.min(1, Math.max(LEAST_SCALE, room / plan.width));
  canvas.style.width = `${(plan.width + 2 * inset) * scale}px`;
  canvas.style.height = `${plan.height * scale}px`;
  canvas.firstElementChild.style.transform = `scale(${scale})`;
  const layer = canvas.firstElementChild;
  for (const node of nodes) {
    const where = plan.at.get(node.id);
    node.box.style.left = `${inset + where.x - NODE / 2}px`;
    node.box.style.top = `${where.y - where.height / 2}px`;
  }
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("width", plan.width + 2 * inset);
  svg.setAttribute("height", plan.height);
  svg.innerHTML = '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" markerUnits="userSpaceOnUse"><path d="M0,0L8,4L0,8z"/></marker></defs>';
  for (const line of plan.lines) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", route(line.points.map(([x, y]) => [x + inset, y])));
    path.setAttribute("marker-end", "url(#tip)");
    path.setAttribute("stroke-width", 1 + Math.log2(1 + line.edge.lanes * line.edge.bits) / 3);
    svg.append(path);
    line.edge.box.style.left = `${inset + line.x - line.edge.box.offsetWidth / 2}px`;
    line.edge.box.style.top = `${line.y - line.edge.box.offsetHeight / 2}px`;
  }
  layer.querySelector("svg")?.remove();
  layer.prepend(svg);
}

drawGraph(document.getElementById("flow"));
