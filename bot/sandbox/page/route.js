/** Where the page is: `#/home`, `#/mail`, `#/mail/thread`, `#/C…`, `#/C…/ts`, `#/C…/thread/ts`. */

export function parse(hash, store) {
  const [channel, first, second] = hash.replace(/^#\/?/, "").split("/");
  const dm = store.dm()?.id;
  if (channel === "mail" && store.hello?.mail) return { mail: true, thread: first };
  if (channel === "home") return { channel: dm, home: true };
  if (!channel || !store.channels.has(channel)) return { channel: start(store), unknown: Boolean(channel) };
  if (!first) return { channel };
  if (second) return { channel, thread: first, focus: second };
  const message = store.message(channel, first);
  if (message?.thread_ts && message.thread_ts !== first) return { channel, thread: message.thread_ts, focus: first };
  return { channel, thread: message?.reply_count ? first : undefined, focus: first };
}

/** Customers begin in their direct message, the desk in its support channel. */
function start(store) {
  const channels = [...store.channels.values()];
  return (channels.find((channel) => channel.kind !== "im") ?? channels[0])?.id;
}

export const toChannel = (channel) => `#/${channel}`;
export const toThread = (channel, root, ts = root) => `#/${channel}/${root}/${ts}`;

/** The address of a message that can be handed on. */
export function toMessage(channel, message) {
  const inThread = message.thread_ts && message.thread_ts !== message.ts;
  return inThread ? toThread(channel, message.thread_ts, message.ts) : `#/${channel}/${message.ts}`;
}

export function go(hash) {
  if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}
