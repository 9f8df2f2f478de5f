/** What is typed, as Slack's client understands it. */

/** Names behind @ and # become the tokens that Slack sends for them; code is left alone. */
export function toTokens(text, store) {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]+`)/)
    .map((part, index) => (index % 2 ? part : withTokens(part, store)))
    .join("");
}

function withTokens(text, store) {
  const people = [...store.people.values()].filter((person) => !person.deleted);
  const names = people.flatMap((person) => [[person.real_name, person.id], [person.name, person.id]]);
  names.sort((a, b) => b[0].length - a[0].length);
  for (const [name, id] of names) {
    text = text.replace(new RegExp(`(?<![\\w<@])@${escaped(name)}(?![\\w|>])`, "giu"), `<@${id}>`);
  }
  for (const channel of store.channels.values()) {
    if (channel.name) text = text.replace(new RegExp(`(?<![\\w<#&])#${escaped(channel.name)}(?![\\w-])`, "gu"), `<#${channel.id}>`);
  }
  return text.replace(/(?<![\w<@])@(here|channel|everyone)(?!\w)/g, "<!$1>");
}

const escaped = (name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A slash command and its text; null for a message. `//` begins a note to colleagues, no command. */
export function asCommand(text) {
  const found = /^(\/[\w-]+)(?:\s+([\s\S]*))?$/.exec(text.trim());
  return found ? { command: found[1].toLowerCase(), text: found[2] ?? "" } : null;
}

/** What could be meant by what stands before the caret: names behind @, commands behind /. */
export function suggestions(before, store) {
  const mention = /(?:^|\s)@([\p{L}\p{N}._ -]{0,30})$/u.exec(before);
  if (mention) {
    const typed = mention[1].toLowerCase();
    return [...store.people.values()]
      .filter((person) => !person.deleted && person.id !== store.me)
      .filter((person) => person.real_name.toLowerCase().startsWith(typed) || person.name.startsWith(typed))
      .slice(0, 6)
      .map((person) => ({ label: person.real_name, hint: `@${person.name}`, insert: `@${person.real_name} `, length: typed.length + 1, user: person.id }));
  }
  if (/^\/\w*$/.test(before)) {
    return Object.entries(store.hello?.commands ?? {})
      .filter(([name]) => name.startsWith(before) && name !== before)
      .map(([name, hint]) => ({ label: name, hint, insert: `${name} `, length: before.length }));
  }
  return [];
}
