-- A document written as JSON and read again: nested tables, keys, escapes.
local function write(value, out)
  local kind = type(value)
  if kind == "table" then
    if value[1] ~= nil then
      out[#out + 1] = "["
      for i, item in ipairs(value) do
        if i > 1 then out[#out + 1] = "," end
        write(item, out)
      end
      out[#out + 1] = "]"
    else
      local keys = {}
      for key in pairs(value) do keys[#keys + 1] = key end
      table.sort(keys)
      out[#out + 1] = "{"
      for i, key in ipairs(keys) do
        if i > 1 then out[#out + 1] = "," end
        out[#out + 1] = '"' .. key .. '":'
        write(value[key], out)
      end
      out[#out + 1] = "}"
    end
  elseif kind == "string" then
    out[#out + 1] = '"' .. value:gsub('[\\"]', "\\%0") .. '"'
  else
    out[#out + 1] = tostring(value)
  end
  return out
end

local function read(text, at)
  local first = text:sub(at, at)
  if first == "{" then
    local object = {}
    at = at + 1
    while text:sub(at, at) ~= "}" do
      if text:sub(at, at) == "," then at = at + 1 end
      local key
      key, at = read(text, at)
      object[key], at = read(text, at + 1)
    end
    return object, at + 1
  elseif first == "[" then
    local list = {}
    at = at + 1
    while text:sub(at, at) ~= "]" do
      if text:sub(at, at) == "," then at = at + 1 end
      list[#list + 1], at = read(text, at)
    end
    return list, at + 1
  elseif first == '"' then
    local finish = at + 1
    while text:sub(finish, finish) ~= '"' do
      finish = finish + (text:sub(finish, finish) == "\\" and 2 or 1)
    end
    return (text:sub(at + 1, finish - 1):gsub("\\(.)", "%1")), finish + 1
  end
  local number = text:match("^-?[%d.e+-]+", at)
  return tonumber(number), at + #number
end

local records = {}
for i = 1, 1500 do
  records[i] = {
    id = i,
    name = 'record "' .. i .. '"',
    tags = { "a" .. i % 7, "b" .. i % 11, "c" .. i % 13 },
    place = { x = i * 0.5, y = -i, deep = { deeper = { "end" } } },
  }
end
local first = table.concat(write(records, {}))
local second = table.concat(write((read(first, 1)), {}))
assert(first == second, "the document changed on its way")
return #first .. " " .. #records
