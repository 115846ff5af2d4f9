-- Bytes in a row: the sieve of Eratosthenes, twenty times over five million numbers.
local limit, count = 5000000, 0
local ok, ffi = pcall(require, "ffi")
local composite = ok and ffi.new("uint8_t[?]", limit + 1) or {}
for _ = 1, 20 do
  for i = 0, limit do composite[i] = 0 end
  count = 0
  for i = 2, limit do
    if composite[i] == 0 then
      count = count + 1
      for multiple = i * i, limit, i do composite[multiple] = 1 end
    end
  end
end
print(count)
