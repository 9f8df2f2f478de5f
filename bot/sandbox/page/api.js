/** What people do, sent to the sandbox's control API. */

import { toast } from "./announce.js";

const SAYINGS = {
  not_in_channel: "You are not in that conversation.",
  is_archived: "This channel is archived.",
  message_not_found: "That message is gone.",
  account_inactive: "This person is deactivated.",
  cant_update_message: "Only your own messages can be edited.",
  cant_delete_message: "You cannot delete that message.",
};

/** Does it and returns the answer; on failure says why, and returns null. */
export async function act(verb, body) {
  try {
    const response = await fetch(`/sandbox/${verb}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (answer.ok) return answer;
    toast(SAYINGS[answer.error] ?? `The sandbox refused: ${answer.error}`);
  } catch {
    toast("The local Slack does not answer. Is it still running?");
  }
  return null;
}

export async function earlier(me, channel, before) {
  const query = new URLSearchParams({ as: me, channel, before });
  const response = await fetch(`/sandbox/earlier?${query}`);
  return response.ok ? response.json() : null;
}

/** A file as the control API takes it. */
export function packed(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("error", () => reject(reader.error));
    reader.addEventListener("load", () => {
      const content = String(reader.result);
      const base64 = content.slice(content.indexOf(",") + 1);
      resolve({ name: file.name || "pasted.png", mimetype: file.type || undefined, content_base64: base64 });
    });
    reader.readAsDataURL(file);
  });
}

/** After a command or a click: what Slack says when the app does not answer. */
export function failureOf(reply, what) {
  if (!reply || reply.ok) return null;
  const code = reply.error?.startsWith("not acknowledged") ? "operation_timeout" : "dispatch_failed";
  return `${what} failed with the error “${code}”: ${reply.error}.`;
}
