// Binary search trees, built, walked and dropped: small objects of one shape.
class Node {
  constructor(key) { this.key = key; this.left = null; this.right = null; }
}
function insert(root, key) {
  if (root === null) return new Node(key);
  let node = root;
  for (;;) {
    const side = key < node.key ? "left" : "right";
    if (node[side] === null) { node[side] = new Node(key); return root; }
    node = node[side];
  }
}
const depth = (node) => node === null ? 0 : 1 + Math.max(depth(node.left), depth(node.right));
let seed = 7, sum = 0;
for (let round = 0; round < 8; round++) {
  let root = null;
  for (let i = 0; i < 3000; i++) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    root = insert(root, seed);
  }
  sum += depth(root);
}
`${sum}`;
