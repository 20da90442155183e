// Time since deployment: each monitor, this deployment laid over those before it.

import { draw, layout, palette, plain } from "./charts.js";
import { h } from "./dom.js";
import { number, percent } from "./format.js";
import { heading, table } from "./panel.js";
import { plotly } from "./panels-charts.js";
import { monitorName } from "./words.js";

const HOUR = 3600;
const NOTE = "Hours since each deployment began. Strong: this one; faint: those before it.";

export const SINCE_PANELS = [{ open: openCurves }];

// One card a monitor; they come and go with what is measured.
function openCurves(grid) {
  const host = h("div", { class: "grid whole", hidden: true });
  const cards = new Map();
  grid.append(host);
  return {
    update({ pack }) {
      const places = grouped(pack.curves);
      host.hidden = !places.size;
      for (const place of [...cards.keys()].filter((known) => !places.has(known))) {
        cards.get(place).close();
        cards.get(place).host.remove();
        cards.delete(place);
      }
      for (const [place, curves] of places) {
        if (!cards.has(place)) cards.set(place, openCard(host, place));
        cards.get(place).update(pack.deployment, curves);
      }
    },
    recolor: () => cards.forEach((card) => card.recolor()),
    close: () => cards.forEach((card) => card.close()),
  };
}

function grouped(curves) {
  const found = new Map();
  const drawn = ({ monitor, points }) => points.filter((point) => valueOf(point, isShare(monitor)) !== null).length > 1;
  for (const curve of curves.filter(drawn)) found.set(curve.monitor, [...(found.get(curve.monitor) ?? []), curve]);
  return found;
}

function openCard(grid, place) {
  const title = `${monitorName(place)} since deployment`;
  const plot = h("div", { class: "plot", role: "img", "aria-label": title });
  const means = h("div", {});
  const host = h("section", { class: "card half", "aria-label": title }, heading(title, NOTE), plot, means);
  grid.append(host);
  const share = isShare(place);
  let [shown, input] = ["", null];
  const redraw = () => plotly().then(() => host.isConnected && draw(plot, figure(input, share)), () => {});
  return {
    host,
    update(deployment, curves) {
      const key = JSON.stringify([deployment, curves.map(({ points }) => [points.length, points.at(-1)])]);
      if (key === shown) return;
      [shown, input] = [key, { deployment, curves }];
      means.replaceChildren(drawMeans(curves, share));
      redraw();
    },
    recolor: redraw,
    close: () => globalThis.Plotly?.purge(plot),
  };
}

const isShare = (place) => place.startsWith("gap"); // what it says is the share that the eval set does not cover
const valueOf = (point, share) => (share ? point.uncovered : point.value);

function figure({ deployment, curves }, share) {
  const color = palette();
  const data = [...curves].reverse().map((curve) => {
    const mine = curve.deployment === deployment;
    const points = curve.points.filter((point) => valueOf(point, share) !== null);
    return {
      x: points.map((point) => (point.time - curve.time) / HOUR),
      y: points.map((point) => valueOf(point, share)),
      name: plain(curve.deployment.slice(0, 24)),
      type: "scatter",
      mode: "lines",
      line: { color: color(mine ? "accent" : "before"), width: mine ? 2.5 : 1.25 },
      hovertemplate: share ? "%{y:.1%}" : "%{y:.2f}",
    };
  });
  const began = { type: "line", yref: "paper", y0: 0, y1: 1, x0: 0, x1: 0, line: { color: color("ink-3"), width: 1, dash: "dot" } };
  const xaxis = { type: "linear", hoverformat: "+.1f", tickformat: "+~f", tickformatstops: [], ticksuffix: " h" };
  return { data, layout: layout(color, { shapes: [began], xaxis, yaxis: share ? { tickformat: ".2~%" } : {} }) };
}

function drawMeans(curves, share) {
  const show = share ? percent : number;
  const rows = curves.map((curve) => [
    h("code", {}, curve.deployment),
    show(mean(curve.points.filter(({ time }) => time < curve.time), share)),
    show(mean(curve.points.filter(({ time }) => time >= curve.time), share)),
  ]);
  return table("Means before and after", ["Deployment", "Mean before", "Mean since"], rows);
}

function mean(points, share) {
  const known = points.filter((point) => valueOf(point, share) !== null);
  const weight = known.reduce((sum, { units }) => sum + (units || 1), 0);
  return known.length ? known.reduce((sum, point) => sum + (point.units || 1) * valueOf(point, share), 0) / weight : null;
}
