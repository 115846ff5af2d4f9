-- Tables of tables, strings that are built and taken apart, sorting, closures.
local function tree(depth)
  if depth == 0 then return {} end
  return { left = tree(depth - 1), right = tree(depth - 1) }
end

local function count(node)
  if not node.left then return 1 end
  return 1 + count(node.left) + count(node.right)
end

local nodes = 0
for _ = 1, 8 do nodes = nodes + count(tree(15)) end
print(nodes)

local lines = {}
for i = 1, 200000 do lines[i] = ("value " .. i * 7919 % 100003):rep(i % 4) end
table.sort(lines)
for i = 1, #lines, 4001 do print(#lines[i], lines[i]:sub(1, 24)) end

local words = {}
for word in table.concat(lines, " ", 1, 60000):gmatch("%d+") do
  words[word] = (words[word] or 0) + 1
end
local names = {}
for word in pairs(words) do names[#names + 1] = word end
table.sort(names)
for i = 1, #names, 997 do print(names[i], words[names[i]]) end

local steps = {}
for i = 1, 100000 do steps[i] = function(x) return x + i end end
local sum = 0
for _, step in ipairs(steps) do sum = step(sum) % 1000003 end
print(sum)
