// What the report's page takes from its libraries; `npm ci && npm run build` writes vendor.js.
export {
  axisX, axisY, barX, dot, gridX, line, plot, pointer, pointerY, rect, ruleX, ruleY, text, tickX, tip,
} from "@observablehq/plot";
export { Graph, layout } from "@dagrejs/dagre";
