// Did users adapt?  Three shares with their intervals, what can be concluded, and what cannot.

import { h } from "./dom.js";
import { DASH, capital, count, interval, number, percent, plural, signedInterval } from "./format.js";
import { card, definitions, table } from "./panel.js";

const PARTS = [
  ["adaptation", "Your deployment", "users adapted to it"],
  ["outside", "Outside", "everybody changed, whichever version served"],
  ["audience", "Another audience", "other people came, or left"],
];
const [LEAST, MOST] = [-1, 2]; // of the scale: what lies beyond is cut
const MEANING = `Shares of the change in how people ask; they add up to 100 %. They rest on returning users who met
  the deployment beside those who did not, and hold where both would have gone on alike without it.`;

export const ADAPTATION_PANELS = [
  card({
    title: "Did users adapt?",
    select: ({ pack }) => (pack.look ? { seen: pack.look.adaptation, others: pack.others } : null),
    draw: drawAdaptation,
  }),
  card({
    title: "Habits that changed",
    note: "How returning users ask: those who met the deployment beside those who did not.",
    select: ({ pack }) => (pack.look?.adaptation.habits?.length ? pack.look.adaptation.habits : null),
    draw: drawHabits,
  }),
];

function drawAdaptation({ seen, others }) {
  const known = PARTS.filter(([part]) => seen[part]);
  return [
    h("p", { class: "summary" }, `${capital(seen.verdict)}.`),
    known.length > 0 && drawShares(seen, known),
    h("ul", { class: "caveats small" }, caveats(seen, others).map((text) => h("li", {}, text))),
    definitions([
      ["Met it", plural(seen.exposed ?? 0, "returning user")],
      ["Did not", plural(seen.control ?? 0, "returning user")],
      ["Came, left", `${count(seen.newcomers ?? 0)}, ${count(seen.departed ?? 0)}`],
      ["By chance", seen.p_value == null ? DASH : `p ${seen.p_value < 0.001 ? "< 0.001" : number(seen.p_value, 3)}, over all looks`],
      ["Before it", seen.placebo_p == null ? "not known" : `p ${number(seen.placebo_p, 2)} of the same test`],
      seen.size && ["Size", `${number(seen.size.value, 3)} (95 %: ${interval(seen.size.low, seen.size.high)})`],
      seen.learning && ["With each doubling of use", `${percent(seen.learning.value)} (${signedInterval(seen.learning.low, seen.learning.high)})`],
      ["Look", count(seen.look)],
    ]),
  ];
}

function drawShares(seen, known) {
  const ends = known.flatMap(([part]) => [seen[part].low, seen[part].high]);
  const low = Math.max(LEAST, Math.min(0, ...ends));
  const high = Math.min(MOST, Math.max(1, ...ends));
  const at = (share) => (100 * (Math.min(high, Math.max(low, share)) - low)) / (high - low);
  const rows = known.map(([part, name, means]) => {
    const { value, low: from, high: to } = seen[part];
    const says = `${percent(value)} (95 %: ${interval(from, to, percent)})`;
    return h("li", {}, h("h3", {}, name, " ", h("span", { class: "change" }, says)), scale(at, value, from, to), h("p", { class: "small quiet" }, means));
  });
  return h("ul", { class: "shares", "aria-label": "Shares of the change" }, rows);
}

function scale(at, value, from, to) {
  const [range, mark, zero] = [h("i", { class: "range" }), h("i", { class: "mark" }), h("i", { class: "zero" })];
  Object.assign(range.style, { left: `${at(from)}%`, width: `${Math.max(0.5, at(to) - at(from))}%` });
  mark.style.left = `${at(value)}%`;
  zero.style.left = `${at(0)}%`;
  return h("div", { class: "share", "aria-hidden": "true" }, range, mark, zero);
}

function caveats(seen, others) {
  const found = [];
  if (seen.adaptation) found.push(MEANING);
  else if (seen.control) found.push("The whole change is too small, or too uncertain, to be split into shares.");
  else found.push("No returning user was left on another version: what the deployment did and what came from outside cannot be told apart.");
  if (others.length) found.push(`${others.join(", ")} came within a day of it: what they did together cannot be told apart.`);
  if (seen.mixed) found.push(`${plural(seen.mixed, "user")} served by both versions count for neither.`);
  return found;
}

function drawHabits(habits) {
  const rows = habits.map((habit) => [
    h("b", {}, capital(habit.name.replaceAll("_", " "))),
    number(habit.before),
    number(habit.exposed),
    number(habit.control),
    interval(habit.low, habit.high),
  ]);
  return table("Habits", ["Habit", "Before", "Met it: change", "Others: change", "Difference, 95 %"], rows);
}
