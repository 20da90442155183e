// Keeping the model true: the event stream, and polling while there is none.

import { addPoint, changed, loadAlerts, loadAll, loadSeries, loadStatus, model } from "./model.js";

const RETRY_MS = 3000;
const POLL_MS = 5000;
const REFRESH_MS = 10000; // workers and staleness change without an event
const WAIT_MS = 250; // several changes of one application are fetched once

let source = null;
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
  source.addEventListener("open", refresh);
  source.addEventListener("error", () => {
    if (model.link === "live") setLink("polling");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => connect(announce), RETRY_MS);
  });
  source.addEventListener("status", (event) => {
    const news = remember(event);
    addPoint(news.application, news.monitor, news.point);
    fetchSoon(news.application);
  });
  source.addEventListener("alert", (event) => {
    const alert = remember(event);
    const state = alert.state === "firing" ? alert.severity : "resolved";
    announce(`${alert.application}, ${state}: ${alert.summary}`);
    fetchSoon(alert.application);
    loadAlerts().catch(() => {});
  });
}

function remember(event) {
  last = event.lastEventId;
  return JSON.parse(event.data);
}

function fetchSoon(application) {
  if (waiting.has(application)) return;
  const fetchNow = () => {
    waiting.delete(application);
    loadStatus(application).catch(() => {});
  };
  waiting.set(application, setTimeout(fetchNow, WAIT_MS));
}

async function refresh() {
  try {
    const charted = [...model.series.keys()].map((key) => {
      const cut = key.lastIndexOf(" ");
      return loadSeries(key.slice(0, cut), key.slice(cut + 1));
    });
    await Promise.all([loadAll(), loadAlerts(), ...charted]);
    setLink(source.readyState === EventSource.OPEN ? "live" : "polling");
  } catch {
    setLink("offline");
  }
}

function setLink(link) {
  model.link = link;
  changed();
}
