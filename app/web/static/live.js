// Keeping the model true: the event stream, and polling while there is none.

import { addPoint, changed, loadAlerts, loadAll, loadStatus, model, reload } from "./model.js";

const RETRY_MS = 3000;
const POLL_MS = 5000;
const REFRESH_MS = 10000; // workers and staleness change without an event
const WAIT_MS = 250; // several changes of one application are fetched once

let source = null;
let refreshing = null; // the refresh under way
let last = "";
const waiting = new Map();

export function start({ announce }) {
  connect(announce);
  setInterval(() => model.link !== "live" && refresh(), POLL_MS);
  setInterval(() => model.link === "live" && refresh(), REFRESH_MS);
}

function connect(announce) {
  source = new EventSource(last ? `v1/events?after=${encodeURIComponent(last)}` : "v1/events");
  // What came before the stream was open is fetched: the stream itself only tells what follows.
  source.addEventListener("open", refreshAnew);
  source.addEventListener("reset", refreshAnew);
  source.addEventListener("error", () => {
    if (model.link === "live") setLink("polling");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => connect(announce), RETRY_MS);
  });
  source.addEventListener("status", (event) => {
    const news = remember(event);
    addPoint(news.application, news.monitor, news.point);
    soon(news.application, () => loadStatus(news.application));
  });
  source.addEventListener("alert", (event) => {
    const alert = remember(event);
    const state = alert.state === "firing" ? alert.severity : "resolved";
    announce(`${alert.application}, ${state}: ${alert.summary}`);
    soon(alert.application, () => loadStatus(alert.application));
    soon("alerts", () => Promise.all([loadAlerts(), reload("alert")]));
  });
  for (const about of ["deployment", "delivery", "evalset"]) {
    source.addEventListener(about, (event) => {
      remember(event);
      soon(about, () => reload(about));
    });
  }
}

function remember(event) {
  last = event.lastEventId;
  return JSON.parse(event.data);
}

function soon(what, fetchIt) {
  if (waiting.has(what)) return;
  const fetchNow = () => {
    waiting.delete(what);
    fetchIt().catch(() => {});
  };
  waiting.set(what, setTimeout(fetchNow, WAIT_MS));
}

// One at a time: a server that hangs is not asked by more and more.
function refresh() {
  refreshing ??= ask().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

// What is under way may have been answered before.
async function refreshAnew() {
  await refreshing;
  await refresh();
}

async function ask() {
  try {
    await Promise.all([loadAll(), loadAlerts(), reload()]);
    setLink(source.readyState === EventSource.OPEN ? "live" : "polling");
  } catch {
    setLink("offline");
  }
}

function setLink(link) {
  model.link = link;
  changed();
}
