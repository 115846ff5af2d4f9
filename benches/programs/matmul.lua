-- Floats in rows: the product of two 600 x 600 matrices.
local n = 600
local ok, ffi = pcall(require, "ffi")
local function array() return ok and ffi.new("double[?]", n * n) or {} end
local a, b, c = array(), array(), array()
for i = 0, n - 1 do
  for j = 0, n - 1 do
    a[i * n + j] = (i * 3 + j * 7) / 100.0
    b[i * n + j] = (i - j) / 50.0
    c[i * n + j] = 0.0
  end
end
for i = 0, n - 1 do
  for k = 0, n - 1 do
    local x = a[i * n + k]
    for j = 0, n - 1 do c[i * n + j] = c[i * n + j] + x * b[k * n + j] end
  end
end
print(string.format("%.3f %.3f", c[0], c[n * n - 1]))
