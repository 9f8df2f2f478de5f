/** Slack's names of the emoji that are met here. An unknown one is shown by its name, as in Slack.
 *
 * Whether a character can be shown depends on the system's fonts, and many servers have none with emoji. The
 * marks that the desk itself gives are therefore drawn; others are shown by name where the fonts lack them.
 */

import { drawing } from "./dom.js";


const NAMES = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", wave: "👋", tada: "🎉", eyes: "👀", heart: "❤️", joy: "😂",
  smile: "😄", slightly_smiling_face: "🙂", grinning: "😀", sweat_smile: "😅", wink: "😉", blush: "😊", thinking_face: "🤔",
  disappointed: "😞", cry: "😢", sob: "😭", rage: "😡", pray: "🙏", clap: "👏", raised_hands: "🙌", ok_hand: "👌",
  muscle: "💪", fire: "🔥", rocket: "🚀", star: "⭐", sparkles: "✨", "100": "💯", bulb: "💡", zap: "⚡", boom: "💥",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", no_entry: "⛔", no_entry_sign: "🚫",
  warning: "⚠️", rotating_light: "🚨", exclamation: "❗", question: "❓", bangbang: "‼️", information_source: "ℹ️", sos: "🆘",
  lock: "🔒", unlock: "🔓", key: "🔑", closed_lock_with_key: "🔐", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  alarm_clock: "⏰", watch: "⌚", calendar: "📆", bell: "🔔", no_bell: "🔕", mega: "📣", speech_balloon: "💬", email: "📧",
  envelope: "✉️", incoming_envelope: "📨", inbox_tray: "📥", outbox_tray: "📤", mailbox: "📫", package: "📦", phone: "☎️",
  paperclip: "📎", memo: "📝", pencil: "✏️", pencil2: "✏️", clipboard: "📋", page_facing_up: "📄", file_folder: "📁",
  mag: "🔍", link: "🔗", pushpin: "📌", round_pushpin: "📍", ticket: "🎫", label: "🏷️", wastebasket: "🗑️", wrench: "🔧",
  hammer: "🔨", gear: "⚙️", bug: "🐛", robot_face: "🤖", computer: "💻", globe_with_meridians: "🌐", house: "🏠",
  red_circle: "🔴", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵", white_circle: "⚪",
  black_circle: "⚫", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", repeat: "🔁",
  arrows_counterclockwise: "🔄", leftwards_arrow_with_hook: "↩️", heavy_plus_sign: "➕", heavy_minus_sign: "➖",
  coffee: "☕", beers: "🍻", cake: "🍰", gift: "🎁", sunny: "☀️", umbrella: "☔", snowflake: "❄️", dog: "🐶", cat: "🐱",
};

const QUICK = [
  "+1", "white_check_mark", "eyes", "raised_hands", "heart", "joy", "tada", "pray", "wave", "thinking_face", "hourglass",
  "warning", "x", "rocket", "fire", "question",
];

const bare = (name) => name.replace(/::skin-tone-\d$/, "");

const DRAWN = {
  white_check_mark: [["#2bac76", "M5 2h14a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H5a3 3 0 0 1-3-3V5a3 3 0 0 1 3-3z"], ["#fff", "M10.2 17.6 5 12.4l2-2 3.2 3.2 6.8-7.3 2.1 1.9z"]],
  x: [["#e01e5a", "M5.6 2.8 12 9.2l6.4-6.4 2.8 2.8-6.4 6.4 6.4 6.4-2.8 2.8-6.4-6.4-6.4 6.4-2.8-2.8L9.2 12 2.8 5.6z"]],
  lock: [["#8a8d93", "M7 11V7.5a5 5 0 0 1 10 0V11h-2.6V7.6a2.4 2.4 0 0 0-4.8 0V11z"], ["#ecb22e", "M4.5 10.5h15v9a2 2 0 0 1-2 2h-11a2 2 0 0 1-2-2z"], ["#6b4a00", "M10.6 14.2a1.5 1.5 0 1 1 2.2 1.3l.5 2.9h-3l.5-2.9a1.5 1.5 0 0 1-.2-1.300z"]],
  hourglass_flowing_sand: [["#8a5a2b", "M5 2h14v2.500H5zM5 19.500h14V22H5z"], ["#bcd4e6", "M6.5 4.500h11c0 4-3 5.5-4 7.5 1 2 4 3.5 4 7.500h-11c0-4 3-5.5 4-7.5-1-2-4-3.5-4-7.500z"], ["#d9a441", "M8 7h8c-.8 2.2-2.8 3.3-3.5 4.500h-1C10.8 10.3 8.8 9.2 8 7zM12 14l4.5 5.500h-9z"]],
  warning: [["#ecb22e", "M12 2.5 23 21.500H1z"], ["#3b2a00", "M10.9 9h2.200l-.4 6.500h-1.400zM10.8 17h2.400v2.300h-2.400z"]],
  rotating_light: [["#e01e5a", "M6 18v-5a6 6 0 0 1 12 0v5z"], ["#ff8fa8", "M8.5 13a3.5 3.5 0 0 1 3.5-3.500V11a2 2 0 0 0-2 2v3H8.500z"], ["#8a8d93", "M4 18h16v4H4z"], ["#e01e5a", "M11.2 1h1.600v3.500h-1.600zM3 5.300l1.2-1.2 2.4 2.4-1.2 1.200zM19.8 4.1 21 5.300l-2.4 2.4-1.2-1.200z"]],
  eyes: [["#6f7379", "M7 4c3 0 5 3.5 5 8s-2 8-5 8-5-3.5-5-8 2-8 5-8zM17 4c3 0 5 3.5 5 8s-2 8-5 8-5-3.5-5-8 2-8 5-8z"], ["#fff", "M7 5c2.5 0 4 3 4 7s-1.5 7-4 7-4-3-4-7 1.5-7 4-7zM17 5c2.5 0 4 3 4 7s-1.5 7-4 7-4-3-4-7 1.5-7 4-7z"], ["#26292e", "M6 10c1.2 0 2 1.3 2 3s-.8 3-2 3-2-1.3-2-3 .8-3 2-3zM16 10c1.2 0 2 1.3 2 3s-.8 3-2 3-2-1.3-2-3 .8-3 2-3z"]],
};
DRAWN.hourglass = DRAWN.hourglass_flowing_sand;

/** An emoji as a node: drawn, as a character, or by its name. */
export function emojiNode(name) {
  const drawn = DRAWN[bare(name)];
  return drawn ? drawing(drawn) : emoji(name);
}

/** An emoji in text. */
export function emoji(name) {
  const char = NAMES[bare(name)];
  return char && canShow(char) ? char : `:${name}:`;
}

/** Those that can be offered to choose from. */
export const offered = () => QUICK.filter((name) => DRAWN[name] || canShow(NAMES[name]));

/** Text with its :names: as emoji. */
export const withEmoji = (text) => text.replace(/:([a-z0-9_+'-]+):/g, (whole, name) => (NAMES[name] ? emoji(name) : whole));

/** The same as nodes. */
export function emojiNodes(text) {
  const parts = text.split(/:([a-z0-9_+'-]+):/);
  return parts.map((part, index) => (index % 2 === 0 ? part : DRAWN[bare(part)] ? drawing(DRAWN[bare(part)], part.replaceAll("_", " ")) : withEmoji(`:${part}:`)));
}

const shown = new Map();
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 24;
const pen = canvas.getContext("2d", { willReadFrequently: true });

/** Whether some font has this character: it looks unlike one that none has. */
function canShow(char) {
  if (!shown.has(char)) shown.set(char, looksOf(char) !== looksOf("\u{10FFFF}"));
  return shown.get(char);
}

function looksOf(char) {
  if (!pen) return char;
  pen.clearRect(0, 0, 24, 24);
  pen.font = `16px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillText(char.replace("\uFE0F", ""), 2, 18);
  return pen.getImageData(0, 0, 24, 24).data.join();
}
