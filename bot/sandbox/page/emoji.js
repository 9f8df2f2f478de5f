/** Slack's names of the emoji that are met here. An unknown one is shown by its name, as in Slack. */

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

export const QUICK = [
  "+1", "white_check_mark", "eyes", "raised_hands", "heart", "joy", "tada", "pray", "wave", "thinking_face", "hourglass",
  "warning", "x", "rocket", "fire", "question",
];

export const emoji = (name) => NAMES[name.replace(/::skin-tone-\d$/, "")] ?? `:${name}:`;

/** Text with its :names: as emoji. */
export const withEmoji = (text) => text.replace(/:([a-z0-9_+'-]+):/g, (whole, name) => NAMES[name] ?? whole);
