-- Memory at random: an open-addressing hash table, four million insertions and as many lookups.
local bit = require("bit")
local ffi = require("ffi")
local band, bxor = bit.band, bit.bxor
local factor = -7046029254386353131LL
local function slot(key, mask)
  local h = ffi.cast("int64_t", key) * factor
  return tonumber(band(bxor(bit.rshift(h, 32), h), mask))
end
local function new(bits)
  local slots = 2 ^ bits
  return { keys = ffi.new("int64_t[?]", slots), values = ffi.new("int64_t[?]", slots), mask = slots - 1, used = 0 }
end
local insert
local function grow(t)
  local bits = 1
  while 2 ^ bits <= t.mask do bits = bits + 1 end
  local bigger = new(bits + 1)
  for i = 0, t.mask do
    if t.keys[i] ~= 0 then insert(bigger, tonumber(t.keys[i]), t.values[i]) end
  end
  t.keys, t.values, t.mask, t.used = bigger.keys, bigger.values, bigger.mask, bigger.used
end
insert = function(t, key, value)
  if t.used * 4 > t.mask * 3 then grow(t) end
  local i = slot(key, t.mask)
  while t.keys[i] ~= 0 do
    if t.keys[i] == key then
      t.values[i] = value
      return
    end
    i = band(i + 1, t.mask)
  end
  t.keys[i] = key
  t.values[i] = value
  t.used = t.used + 1
end
local function get(t, key)
  local i = slot(key, t.mask)
  while t.keys[i] ~= 0 do
    if t.keys[i] == key then return tonumber(t.values[i]) end
    i = band(i + 1, t.mask)
  end
  return -1
end
local t, seed, sum = new(4), 42, 0
for i = 0, 3999999 do
  seed = tonumber(band(ffi.cast("int64_t", seed) * 1103515245 + 12345, 0x3FFFFFFF))
  insert(t, band(seed, 0xFFFFF) + 1, i)
end
for i = 0, 3999999 do sum = sum + get(t, band(i, 0x1FFFFF)) end
print(string.format("%d %d", t.used, sum))
