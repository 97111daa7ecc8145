// Places the dataflow's nodes: top to bottom, cut into columns where a single stream crosses.
const NODE = 178;
const GUTTER = 56;
const LABEL = 40;

// Nodes in stream order: {id, box}; edges: the report's streams with their numbers.
function placed(nodes, edges, room) {
  const order = new Map(nodes.map((node, index) => [node.id, index]));
  const cuts = new Set();
  for (let at = 0; at + 1 < nodes.length; at += 1) {
    const crossing = edges.filter((edge) => order.get(edge.source) <= at && order.get(edge.target) > at);
    if (crossing.length === 1 && order.get(crossing[0].source) === at && order.get(crossing[0].target) === at + 1) cuts.add(at);
  }
  const most = Math.max(1, Math.floor((room + GUTTER) / (NODE + GUTTER)));
  for (let columns = most; columns > 1; columns -= 1) {
    const found = inColumns(split(nodes, cuts, columns), edges);
    if (found.width <= room) return found;
  }
  return inColumns([nodes], edges);
}

function split(nodes, cuts, columns) {
  const goal = Math.max(3, Math.ceil(nodes.length / columns));
  const parts = [[]];
  nodes.forEach((node, index) => {
    parts[parts.length - 1].push(node);
    if (cuts.has(index) && parts[parts.length - 1].length >= goal) parts.push([]);
  });
  return parts.filter((part) => part.length);
}

function inColumns(parts, edges) {
  const at = new Map();
  const lines = [];
  let left = 0;
  let height = 0;
  for (const part of parts) {
    const inside = new Set(part.map((node) => node.id));
    const graph = new vendor.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "TB", nodesep: 26, ranksep: 24, edgesep: 22, marginx: 0, marginy: 0 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const node of part) graph.setNode(node.id, { width: NODE, height: node.box.offsetHeight });
    for (const edge of edges) {
      if (inside.has(edge.source) && inside.has(edge.target)) {
        graph.setEdge(edge.source, edge.target, { width: edge.box.offsetWidth, height: edge.box.offsetHeight, labelpos: "c" }, String(edge.index));
      }
    }
    vendor.layout(graph);
    const size = graph.graph();
    for (const node of part) {
      const where = graph.node(node.id);
      at.set(node.id, { x: left + where.x, y: LABEL + where.y, height: where.height });
    }
    for (const edge of edges) {
      if (inside.has(edge.source) && inside.has(edge.target)) {
        const where = graph.edge(edge.source, edge.target, String(edge.index));
        lines.push({ edge, x: left + where.x, y: LABEL + where.y, points: where.points.map((point) => [left + point.x, LABEL + point.y]) });
      }
    }
    part.left = left;
    part.right = left + size.width;
    left += size.width + GUTTER;
    height = Math.max(height, size.height + 2 * LABEL + 8);
  }
  for (let index = 0; index + 1 < parts.length; index += 1) lines.push(across(parts[index], parts[index + 1], edges, at));
  return { at, lines, width: left - GUTTER, height, columns: parts.length };
}

// The stream from a column's last node to the next column's first: down, up the gutter, down.
function across(from, to, edges, at) {
  const inside = new Set(to.map((node) => node.id));
  const leaving = new Set(from.map((node) => node.id));
  const edge = edges.find((one) => leaving.has(one.source) && inside.has(one.target));
  const source = at.get(edge.source);
  const target = at.get(edge.target);
  const bottom = source.y + source.height / 2;
  const low = bottom + LABEL;
  const gutter = from.right + GUTTER / 2;
  const top = target.y - target.height / 2;
  return {
    edge, x: source.x, y: bottom + 18, square: true,
    points: [[source.x, bottom], [source.x, low], [gutter, low], [gutter, top - 20], [target.x, top - 20], [target.x, top]],
  };
}

// Rounded corners at every bend.
function route(points) {
  let path = `M${points[0][0]},${points[0][1]}`;
  for (let index = 1; index + 1 < points.length; index += 1) {
    const [before, here, after] = [points[index - 1], points[index], points[index + 1]];
    const near = (other) => {
      const length = Math.hypot(other[0] - here[0], other[1] - here[1]) || 1;
      const step = Math.min(10, length / 2);
      return [here[0] + ((other[0] - here[0]) * step) / length, here[1] + ((other[1] - here[1]) * step) / length];
    };
    const [start, end] = [near(before), near(after)];
    path += `L${start[0]},${start[1]}Q${here[0]},${here[1]} ${end[0]},${end[1]}`;
  }
  const last = points[points.length - 1];
  return `${path}L${last[0]},${last[1]}`;
}
