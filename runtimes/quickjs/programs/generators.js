// Permutations by generators, closures that hold one another, and proxies: frames and cycles for the collector.
function* permutations(list, n = list.length) {
  if (n <= 1) { yield [...list]; return; }
  for (let i = 0; i < n; i++) {
    [list[i], list[n - 1]] = [list[n - 1], list[i]];
    yield* permutations(list, n - 1);
    [list[i], list[n - 1]] = [list[n - 1], list[i]];
  }
}
let sum = 0;
for (const order of permutations([1, 2, 3, 4, 5, 6, 7])) {
  sum = (sum + order.reduce((total, item, place) => total + item * item * place, 0)) % 1000003;
}
for (let i = 0; i < 20000; i++) {
  const one = { other: null, call: () => one.other };
  one.other = { other: one, call: () => one };
  sum = (sum + (one.call().call() === one ? i : 0)) % 1000003;
}
`${sum}`;
