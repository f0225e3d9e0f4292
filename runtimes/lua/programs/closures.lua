-- Queens on a board by closures, and permutations by coroutines: closures, upvalues, stacks that grow.
local function queens(n)
  local solutions = 0
  local function place(row, free)
    if row > n then solutions = solutions + 1 return end
    for column = 1, n do
      if free(row, column) then
        place(row + 1, function(r, c)
          return c ~= column and c - column ~= r - row and column - c ~= r - row and free(r, c)
        end)
      end
    end
  end
  place(1, function() return true end)
  return solutions
end

local function permutations(list)
  local function permute(n)
    if n == 0 then
      local copy = table.move(list, 1, #list, 1, {})
      coroutine.yield(copy)
    end
    for i = 1, n do
      list[i], list[n] = list[n], list[i]
      permute(n - 1)
      list[i], list[n] = list[n], list[i]
    end
  end
  return coroutine.wrap(function() permute(#list) end)
end

local sum = 0
for order in permutations({ 1, 2, 3, 4, 5, 6, 7 }) do
  for place, item in ipairs(order) do sum = (sum + place * item * item) % 1000003 end
end

local alive = {}
for i = 1, 2000 do
  alive[i] = coroutine.create(function(a) while true do a = a + coroutine.yield(a) end end)
end
for round = 1, 3 do
  for i = 1, #alive do
    local _, got = coroutine.resume(alive[i], i + round)
    sum = (sum + got) % 1000003
  end
end
return queens(7) .. " " .. sum
