// A document written as JSON, read again, copied and compared.
const records = Array.from({ length: 2500 }, (_, i) => ({
  id: i,
  name: `record "${i}"`,
  tags: [`a${i % 7}`, `b${i % 11}`],
  place: { x: i * 0.5, y: -i, deep: { deeper: ["end"] } },
}));
let text = JSON.stringify(records);
for (let round = 0; round < 4; round++) {
  const read = JSON.parse(text);
  const copy = read.map((record) => ({ ...record, tags: [...record.tags] }));
  const again = JSON.stringify(copy);
  if (again !== text) throw new Error("the document changed on its way");
  text = again;
}
`${text.length}`;
