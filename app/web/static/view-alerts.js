// Every transition of every incident.

import { Part, h } from "./dom.js";
import { model } from "./model.js";
import { alertTable } from "./panels-record.js";

export const alertsView = {
  path: /^\/alerts$/,
  title: "Alerts",
  menu: { href: "#/alerts", word: "Alerts" },
  open(host) {
    let wanted = "";
    const list = new Part(h("div", {}), drawList);
    const show = () => list.update(model.alerts.filter((alert) => !wanted || alert.state === wanted));
    const choose = (event) => {
      wanted = event.target.value;
      show();
    };
    const options = ["all", "firing", "resolved"].map((word) => h("option", { value: word === "all" ? "" : word }, word));
    const choice = h("label", { class: "choice" }, "Show", h("select", { on: { change: choose } }, options));
    const says = "Each line is one transition of an incident, newest first.";
    host.append(
      h("div", { class: "title" }, h("h1", {}, "Alerts"), h("p", { class: "verdict" }, says)),
      h("section", { class: "card" }, h("header", {}, choice), list.host),
    );
    return { update: show };
  },
};

function drawList(alerts) {
  return alerts.length ? alertTable(alerts, true) : h("p", { class: "empty" }, "No alert to show.");
}
