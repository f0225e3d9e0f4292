// Text cut, changed, joined and searched: strings of every length, arrays of them, regular expressions.
const words = [];
for (let i = 0; i < 8000; i++) words.push((i * 2654435761 % 4294967296).toString(16) + "-" + "ab".repeat(i % 23));
const text = words.join(" ");
const groups = new Map();
for (const [word] of text.matchAll(/\S+/g)) {
  const key = word.slice(0, 3).toUpperCase();
  if (!groups.has(key)) groups.set(key, []);
  groups.get(key).push([...word].reverse().join(""));
}
const replaced = text.replace(/(ab)+/g, (run) => `<${run.length}>`);
const longest = [...groups.values()].reduce((most, list) => Math.max(most, list.length), 0);
`${groups.size} ${longest} ${replaced.length}`;
