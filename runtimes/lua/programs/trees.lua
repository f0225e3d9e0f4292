-- Complete binary trees, built and dropped: small tables of one size.
local function build(depth)
  if depth == 0 then return {} end
  return { build(depth - 1), build(depth - 1) }
end

local function count(tree)
  if not tree[1] then return 1 end
  return 1 + count(tree[1]) + count(tree[2])
end

local kept = build(12)
local nodes = 0
for depth = 4, 12, 2 do
  for _ = 1, 1 << (12 - depth) do nodes = nodes + count(build(depth)) end
end
return nodes .. " " .. count(kept)
