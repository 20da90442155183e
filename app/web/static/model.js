// What the browser knows, and how it learns more.  Views read it; only this module and live.js write it.

const KEPT = 2000;

export const model = {
  statuses: new Map(),
  workers: [],
  series: new Map(), // "application monitor" -> points, oldest first
  alerts: [],
  link: "connecting", // live | polling | offline
  heard: null, // when the server last answered
  skew: 0, // the server's clock minus ours, ms
  loaded: false,
};

export const now = () => Date.now() + model.skew;

const listeners = new Set();
let planned = false;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function changed() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    for (const listener of listeners) listener();
  }, 30);
}

const tags = new Map();

// null when nothing is new.
async function get(path) {
  const headers = tags.has(path) ? { "If-None-Match": tags.get(path) } : {};
  const response = await fetch(path, { headers, cache: "no-store" });
  if (response.status === 401) location.reload();
  if (response.status !== 304 && !response.ok) throw new Error(`${path}: ${response.status}`);
  const date = Date.parse(response.headers.get("date"));
  if (Number.isFinite(date)) model.skew = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  model.heard = Date.now();
  if (response.status === 304) return null;
  if (response.headers.has("etag")) tags.set(path, response.headers.get("etag"));
  return response.json();
}

export async function loadAll() {
  const body = await get("v1/status");
  if (body) {
    model.statuses = new Map(body.applications.map((status) => [status.application, status]));
    model.workers = body.workers;
  }
  model.loaded = true;
  changed();
}

export async function loadAlerts() {
  model.alerts = (await get("v1/alerts?limit=300"))?.alerts ?? model.alerts;
  changed();
}

export async function loadStatus(application) {
  const body = await get(`v1/status/${encodeURIComponent(application)}`);
  if (body) model.statuses.set(application, body);
  changed();
}

const seriesKey = (application, monitor) => `${application} ${monitor}`;

export async function loadSeries(application, monitor) {
  const path = `v1/series/${encodeURIComponent(application)}/${encodeURIComponent(monitor)}?limit=${KEPT}`;
  const body = await get(path).catch(() => null);
  if (body) model.series.set(seriesKey(application, monitor), inOrder(body.points));
  changed();
}

export const series = (application, monitor) => model.series.get(seriesKey(application, monitor)) ?? [];

export function addPoint(application, monitor, point) {
  const key = seriesKey(application, monitor);
  if (!model.series.has(key)) return;
  model.series.set(key, inOrder([...model.series.get(key), point]).slice(-KEPT));
  changed();
}

// A store that was rebuilt may tell a time twice, or late: the last word counts.
function inOrder(points) {
  return [...new Map(points.map((point) => [point.time, point])).values()].sort((a, b) => a.time - b.time);
}
