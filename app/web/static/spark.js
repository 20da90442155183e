// A score against its threshold in the size of a word; no library, for the overview stays light.

import { h, svg } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 56;

export function spark(points) {
  const known = points.filter((point) => point.value !== null);
  if (known.length < 2) return h("div", { class: "spark-none" }, "No scores yet");
  const threshold = known.at(-1).threshold ?? 0;
  const top = Math.max(threshold * 1.15, ...known.map((point) => point.value)) || 1;
  const [first, final] = [known[0].time, known.at(-1).time];
  const x = (time) => ((time - first) / (final - first || 1)) * WIDTH;
  const y = (value) => HEIGHT - 2 - (Math.max(0, value) / top) * (HEIGHT - 4);
  const run = known.map((point) => `${x(point.time).toFixed(1)},${y(point.value).toFixed(1)}`).join(" ");
  const box = { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" };
  const bar = svg("line", { class: "bar-line", x1: 0, x2: WIDTH, y1: y(threshold), y2: y(threshold) });
  return svg("svg", box, ...(threshold ? [bar] : []), svg("polyline", { class: "run", points: run }));
}
