/** Times as everybody here reads them: in UTC, as the desk's own posts say them. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];
const two = (number) => String(number).padStart(2, "0");

export const seconds = (ts) => Number.parseFloat(ts);

/** Compares two message stamps: they may differ in length, and are too long for a number. */
export function compareTs(a, b) {
  const [as, am = ""] = String(a).split(".");
  const [bs, bm = ""] = String(b).split(".");
  return Number(as) - Number(bs) || Number(am) - Number(bm);
}

export function clock(at, { withSeconds = false } = {}) {
  const date = new Date(at * 1000);
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  return withSeconds ? `${time}:${two(date.getUTCSeconds())}` : time;
}

export const dayKey = (at) => new Date(at * 1000).toISOString().slice(0, 10);

export function day(at, now) {
  if (dayKey(at) === dayKey(now)) return "Today";
  if (dayKey(at) === dayKey(now - 86400)) return "Yesterday";
  const date = new Date(at * 1000);
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

export function full(at) {
  const date = new Date(at * 1000);
  return `${DAYS[date.getUTCDay()].slice(0, 3)} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()].slice(0, 3)} ${date.getUTCFullYear()}, ${clock(at, { withSeconds: true })} UTC`;
}

export function since(from, to) {
  const span = Math.max(0, to - from);
  if (span < 1) return `${Math.round(span * 1000)} ms`;
  if (span < 100) return `${span.toFixed(1)} s`;
  if (span < 5400) return `${Math.round(span / 60)} min`;
  return `${Math.round(span / 3600)} h`;
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
