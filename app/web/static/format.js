// Numbers and times in words.  Unknown is a dash, never a zero.

export const DASH = "\u2013";
const MINUS = "\u2212";
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export function number(value, digits) {
  if (!known(value)) return DASH;
  const size = Math.abs(value);
  const places = digits ?? (size === 0 ? 0 : size < 0.1 ? 4 : size < 10 ? 2 : 1);
  const text = value.toLocaleString("en-GB", { minimumFractionDigits: places, maximumFractionDigits: places });
  return text.replace("-", MINUS);
}

export const size = (value) => number(value, Math.abs(value) < 10 ? 3 : 1);

export const count = (value) => (known(value) ? Math.round(value).toLocaleString("en-GB") : DASH);

export function percent(share, digits) {
  if (!known(share)) return DASH;
  const places = digits ?? (Math.abs(share) < 0.1 && share !== 0 ? 1 : 0);
  return `${(share * 100).toFixed(places)} %`;
}

const signed = (value, digits = 1) => `${value < 0 ? MINUS : "+"}${Math.abs(value).toFixed(digits)}`;
export const points = (change) => (known(change) ? `${signed(change * 100)} points` : DASH);

// A score is a logarithm (decades of run length), so it is compared by difference, not by ratio.
export function against(value, threshold) {
  if (!known(value) || !known(threshold)) return "no threshold yet";
  const distance = number(Math.abs(value - threshold));
  return `${distance} ${value < threshold ? "below" : "above"} its threshold of ${number(threshold)}`;
}

export function interval(low, high, show = number) {
  return known(low) && known(high) ? `${show(low)} to ${show(high)}` : "";
}

export const signedInterval = (low, high) => interval(low, high, (share) => signed(share * 100));

export function ago(seconds) {
  if (!known(seconds)) return DASH;
  const age = Math.max(0, seconds);
  if (age < 90) return `${Math.round(age)} s`;
  if (age < 5400) return `${Math.round(age / 60)} min`;
  if (age < 129600) return `${Math.round(age / 3600)} h`;
  return `${Math.round(age / 86400)} days`;
}

export function clock(iso) {
  if (!iso) return DASH;
  const at = new Date(iso);
  const today = new Date().toDateString() === at.toDateString();
  const time = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return today ? time : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
