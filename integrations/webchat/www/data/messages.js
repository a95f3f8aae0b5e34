// The messages of one chat, in their order, each once. No DOM.

/**
 * Put `more` into `messages`: one that is there already is brought up to date, a new one goes to its place in time.
 * Those that the hub has not confirmed have no time and stay at the end.
 */
export function merge(messages, more) {
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const message of more) byId.set(message.id, { ...byId.get(message.id), ...message });
  const place = ({ time }) => (time ? new Date(time).getTime() : Infinity);
  return [...byId.values()]
    .map((message, index) => ({ message, index, at: place(message) }))
    .sort((a, b) => (a.at === b.at ? a.index - b.index : a.at < b.at ? -1 : 1))
    .map(({ message }) => message);
}
