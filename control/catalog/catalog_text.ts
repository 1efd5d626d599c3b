/**
 * JSON of what holds a catalog, with each service written once.
 *
 * A catalog goes to the store, to the log, to every watcher and back to whoever
 * published it, and mostly one service of many has changed. So the text of a
 * service is kept with the service, and the texts are only put together.
 *
 * @module
 */

// Services and payloads are immutable once made, so their texts never go stale.
const texts = new WeakMap<object, string>();

function textOnce(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  texts.set(value, text);
  return text;
}

/**
 * Compact JSON of an object, as `JSON.stringify` would write it.
 *
 * @param holder Never changed after this call. The entries of its `services`, if it has any, may stand in other holders too.
 */
export function catalogText(holder: object): string {
  const known = texts.get(holder);
  if (known !== undefined) return known;
  let text = "";
  for (const [name, member] of Object.entries(holder)) {
    if (member === undefined) continue;
    const isList = name === "services" && Array.isArray(member);
    text += `${text === "" ? "{" : ","}${JSON.stringify(name)}:${isList ? listText(member) : JSON.stringify(member)}`;
  }
  text = text === "" ? "{}" : `${text}}`;
  texts.set(holder, text);
  return text;
}

/** Put together piece by piece, which costs nothing until the text is read; joining would copy it once more. */
function listText(list: readonly unknown[]): string {
  let text = "";
  for (const item of list) text += `${text === "" ? "[" : ","}${textOnce(item)}`;
  return text === "" ? "[]" : `${text}]`;
}

/** JSON of an object with one member more. */
export function withMember(text: string, name: string, member: unknown): string {
  const comma = text === "{}" ? "" : ",";
  return `${text.slice(0, -1)}${comma}${JSON.stringify(name)}:${JSON.stringify(member)}}`;
}
