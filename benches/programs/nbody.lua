-- Structures of floats: five bodies, two million steps.
local sqrt = math.sqrt
local function body(x, y, z, vx, vy, vz, mass)
  return { x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, mass = mass }
end
local bodies = {
  body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 40.0),
  body(4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.04),
  body(8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.01),
  body(12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.002),
  body(15.4, -25.9, 0.2, 1.0, 0.6, -0.03, 0.002),
}
local function advance(dt)
  for i = 1, 5 do
    local first = bodies[i]
    for j = i + 1, 5 do
      local second = bodies[j]
      local dx, dy, dz = first.x - second.x, first.y - second.y, first.z - second.z
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = dt / (d2 * sqrt(d2))
      local m1, m2 = first.mass * mag, second.mass * mag
      first.vx = first.vx - dx * m2
      first.vy = first.vy - dy * m2
      first.vz = first.vz - dz * m2
      second.vx = second.vx + dx * m1
      second.vy = second.vy + dy * m1
      second.vz = second.vz + dz * m1
    end
  end
  for i = 1, 5 do
    local one = bodies[i]
    one.x = one.x + dt * one.vx
    one.y = one.y + dt * one.vy
    one.z = one.z + dt * one.vz
  end
end
local function energy()
  local e = 0
  for i = 1, 5 do
    local first = bodies[i]
    e = e + 0.5 * first.mass * (first.vx * first.vx + first.vy * first.vy + first.vz * first.vz)
    for j = i + 1, 5 do
      local second = bodies[j]
      local dx, dy, dz = first.x - second.x, first.y - second.y, first.z - second.z
      e = e - first.mass * second.mass / sqrt(dx * dx + dy * dy + dz * dz)
    end
  end
  return e
end
print(string.format("%.9f", energy()))
for _ = 1, 2000000 do advance(0.001) end
print(string.format("%.9f", energy()))
