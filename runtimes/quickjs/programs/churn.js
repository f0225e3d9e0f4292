// Maps whose keys come and go, and buffers of all sizes: tables that grow, and memory that is taken again.
let seed = 42;
const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
const live = new Map();
let held = 0, dropped = 0;
for (let i = 0; i < 60000; i++) {
  const key = `k${random(4000)}`;
  const old = live.get(key);
  if (old) {
    held -= old.length;
    dropped++;
    live.delete(key);
  } else {
    const value = new Uint8Array(random(9) === 8 ? random(4000) : random(120)).fill(i % 256);
    held += value.length;
    live.set(key, value);
  }
}
let left = 0;
for (const value of live.values()) left += value.length;
if (left !== held) throw new Error("values were lost");
`${dropped} ${left}`;
