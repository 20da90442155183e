// Versions of an eval set that are built from live traffic: what waits for a person, what each covers, what happened.

import { h } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { definitions, heading, table } from "./panel.js";
import { link } from "./panels-record.js";
import { pill, time } from "./words.js";

const SHOWN = 12;
const PILLS = { promoted: "ok", approved: "learning", draft: "learning", withdrawn: "unknown" };
const WAITING = {
  draft: "waits for a review and an approval",
  approved: "is approved and waits for its promotion",
};

export function drawVersions(set) {
  const versions = set.versions ?? [];
  const candidate = versions.find(({ state }) => state in WAITING);
  const newest = candidate ?? versions.find(({ id }) => id === set.current);
  return h(
    "section",
    { class: "card versions", "aria-label": `Versions of ${set.application}` },
    heading("Versions of the eval set", link(set.application)),
    definitions([
      ["In force", set.current ? code(set.current) : "none"],
      set.current && !set.published && ["Published", "not yet: promote it again"],
      ["Files", code(set.store)],
    ]),
    candidate && drawQueue(set.application, candidate),
    drawCoverages(versions.slice(0, SHOWN)),
    newest?.retired?.length > 0 && drawRetired(newest),
    drawHistory(set.entries ?? []),
  );
}

const code = (text) => h("code", {}, text);
const said = (text) => (text ? h("bdi", {}, text) : "");

function drawQueue(application, { id, state, queue, underfilled = [] }) {
  const short = underfilled.map(({ name, found, wanted }) =>
    h("li", {}, h("bdi", {}, name), `: ${count(found)} of ${count(wanted)}; it cannot be approved before`),
  );
  const reasons = Object.entries(queue?.reasons ?? {}).map(([reason, items]) => [h("bdi", {}, reason), count(items)]);
  return [
    h("h3", {}, "Waits for a person"),
    h("p", {}, code(id), ` ${WAITING[state]}.`),
    queue && h("p", {}, toDo(queue)),
    short.length > 0 && h("ul", {}, short),
    reasons.length > 0 && table("Why items are in the tail", ["Chosen because of", "Items"], reasons.slice(0, SHOWN)),
    h("p", { class: "small quiet" }, "On the command line: ", code(`promptdrift evalset review --application ${application} --out review.yaml`)),
  ];
}

function toDo({ items, core, added, unverified, unanswered, cut }) {
  const parts = [
    `${plural(items, "item")}, ${count(core)} of them the core; ${count(added)} are new`,
    unverified && `${plural(unverified, "expected answer")} nobody has verified`,
    unanswered && `${count(unanswered)} without an expected answer`,
    cut && `${count(cut)} cut short`,
  ];
  return `${parts.filter(Boolean).join("; ")}.`;
}

function drawCoverages(versions) {
  const share = (covered) => (covered ? `${percent(covered.share)} (${percent(covered.low)} to ${percent(covered.high)})` : "unknown");
  const scarce = ({ scarce_before: before, scarce_after: after }) =>
    after == null ? "unknown" : `${before == null ? "" : `${percent(before)}, `}now ${percent(after)}`;
  const rows = versions.map((each) => [
    code(each.id),
    pill(PILLS[each.state] ?? "unknown", each.state),
    time(each.time),
    count(each.items),
    share(each.uncovered_before),
    share(each.uncovered_after),
    scarce(each),
    count(each.retired_total ?? 0),
  ]);
  const names = ["Version", "State", "Built", "Items", "Uncovered before", "With it", "Hardly held", "Retired"];
  const says = "Shares of the traffic that a version was built from; hardly held: in clusters that the set has next to nothing of.";
  return [h("h3", {}, "Coverage, before and after"), table("Versions", names, rows), h("p", { class: "small quiet" }, says)];
}

function drawRetired({ id, retired, retired_total }) {
  const rows = retired.slice(0, SHOWN).map((each) => [code(each.id), h("bdi", {}, each.reason)]);
  const rest = (retired_total ?? retired.length) - rows.length;
  return [
    h("h3", {}, "Retired by ", code(id)),
    table("Retired items", ["Item", "Because"], rows),
    rest > 0 && h("p", { class: "small quiet" }, `${plural(rest, "more item")}, listed by `, code("promptdrift evalset diff")),
  ];
}

function drawHistory(entries) {
  const rows = entries
    .slice(0, SHOWN)
    .map((each) => [time(each.time), each.action, code(each.version), said(each.by), said(each.note)]);
  return [h("h3", {}, "What happened"), table("History", ["When", "What", "Version", "By", "Note"], rows)];
}
