// The page: header, router, clock.

import { h, visible } from "./dom.js";
import { clock } from "./format.js";
import * as live from "./live.js";
import { changed, forget, model, now, subscribe } from "./model.js";
import { VIEWS, find } from "./router.js";
import { ageText, conditions } from "./words.js";

const $ = (id) => document.getElementById(id);
const LINKS = { connecting: "Connecting", live: "Live", polling: "Polling", offline: "Disconnected" };
let open = null;
let view = null;
let shown = null; // the address without its query

function navigate() {
  const found = find(location.hash);
  if (shown === found.path && open?.requery) {
    open.requery(found.query);
    update();
    return false;
  }
  open?.close?.();
  forget();
  shown = found.path;
  view = found.view;
  $("main").replaceChildren();
  open = view.open($("main"), found.params, found.query);
  document.title = `${found.params[0] ?? view.title} · promptdrift`;
  menu();
  update();
  window.scrollTo(0, 0);
  return true;
}

function menu() {
  const links = VIEWS.filter((each) => each.menu).map((each) =>
    h("a", { href: each.menu.href, "aria-current": each === view ? "page" : null }, each.menu.word),
  );
  $("nav").replaceChildren(...links);
}

function update() {
  open?.update();
  const link = $("link");
  if (link.dataset.link !== model.link) {
    link.dataset.link = model.link;
    link.textContent = LINKS[model.link];
  }
  const [notice, text] = [$("notice"), noticeText()];
  notice.hidden = !text;
  if (text && notice.textContent !== visible(text)) notice.textContent = visible(text);
  tick();
}

function noticeText() {
  const since = model.heard ? ` You see what was known at ${clock(new Date(model.heard).toISOString())}.` : "";
  if (model.link === "offline") return `Disconnected: the server or its store cannot be reached; trying again.${since}`;
  const troubles = conditions(model.pipeline).filter((condition) => condition.state === "alarm");
  return troubles.length ? `The pipeline is in trouble: ${troubles.map(({ note }) => note).join("; ")}.` : "";
}

function tick() {
  for (const element of document.querySelectorAll("[data-since]")) {
    const text = ageText(element, now());
    if (element.textContent !== text) element.textContent = text;
  }
}

function announce(text) {
  $("announcer").textContent = text;
}

// A skip link would otherwise be taken for an address of a view.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  open?.recolor?.();
  changed();
});
addEventListener("hashchange", () => {
  if (navigate()) $("main").focus({ preventScroll: true });
});
subscribe(update);
setInterval(tick, 1000);
navigate();
live.start({ announce });
