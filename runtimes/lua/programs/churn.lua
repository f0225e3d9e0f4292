-- A table with keys that come and go, and values of all sizes: hash parts that grow, and memory that is taken again.
local seed = 42
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed % n + 1
end

local live, held, dropped = {}, 0, 0
for _ = 1, 120000 do
  local key = "k" .. random(8000)
  if live[key] then
    held, dropped, live[key] = held - #live[key], dropped + 1, nil
  else
    local value = string.rep("x", random(9) == 9 and random(4000) or random(120))
    held, live[key] = held + #value, value
  end
end
collectgarbage()
local left = 0
for _, value in pairs(live) do left = left + #value end
assert(left == held, "values were lost")
return dropped .. " " .. left
