// Every transition of every incident, and who was told of it.

import { Part, h } from "./dom.js";
import { answer, model } from "./model.js";
import { heading } from "./panel.js";
import { alertTable, deliveryTable } from "./panels-record.js";

const WORDS = ["all", "firing", "resolved"];

export const view = {
  path: /^\/alerts$/,
  title: "Alerts",
  order: 2,
  menu: { href: "#/alerts", word: "Alerts" },
  open(host) {
    let wanted = "";
    const list = new Part(h("div", {}), drawList);
    const sent = new Part(h("div", {}), deliveryTable);
    const show = () => {
      list.update(model.alerts.filter((alert) => !wanted || alert.state === wanted));
      sent.update(answer("v1/deliveries?limit=200", ["delivery"])?.deliveries ?? []);
    };
    const choose = (event) => {
      wanted = event.target.value;
      show();
    };
    const options = WORDS.map((word) => h("option", { value: word === "all" ? "" : word }, word));
    const choice = h("label", { class: "choice" }, "Show", h("select", { on: { change: choose } }, options));
    const says = "Each line is one transition of an incident, newest first.";
    host.append(
      h("div", { class: "title" }, h("h1", {}, "Alerts"), h("p", { class: "verdict" }, says)),
      h(
        "div",
        { class: "grid" },
        h("section", { class: "card", "aria-label": "Transitions" }, h("header", {}, choice), list.host),
        h("section", { class: "card" }, heading("Deliveries", "Attempts to tell somebody, newest first."), sent.host),
      ),
    );
    return { update: show };
  },
};

function drawList(alerts) {
  return alerts.length ? alertTable(alerts, true) : h("p", { class: "empty" }, "No alert to show.");
}
