-- Text cut, changed, joined and searched: strings of every length, and buffers that grow.
local words = {}
for i = 1, 20000 do
  words[#words + 1] = string.format("%x-%s", i * 2654435761 % 4294967296, string.rep("ab", i % 23))
end
local text = table.concat(words, " ")
local seen, distinct = {}, 0
for word in text:gmatch("%S+") do
  local key = word:sub(1, 3):upper()
  if not seen[key] then distinct, seen[key] = distinct + 1, {} end
  table.insert(seen[key], word:reverse())
end
local replaced, times = text:gsub("ab", "c")
return distinct .. " " .. times .. " " .. #replaced
