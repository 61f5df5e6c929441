-- SPDX-License-Identifier: GPL-3.0-only
-- Tables, closures, method calls, strings and floating-point loops. `arg[1]` scales the work.
local scale = tonumber(arg[1]) or 1

local Point = {}
Point.__index = Point
function Point.new(x, y) return setmetatable({x = x, y = y}, Point) end
function Point:add(o) return Point.new((self.x + o.x) % 1000, (self.y - o.y) % 1000) end

local p = Point.new(1, 2)
local q = Point.new(3, 5)
for i = 1, 600000 * scale do p = p:add(q) end

local sieve, count = {}, 0
local limit = 600000 * scale
for i = 2, limit do sieve[i] = true end
for i = 2, limit do
  if sieve[i] then
    count = count + 1
    for j = i * i, limit, i do sieve[j] = false end
  end
end

local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end

local words = {}
for i = 1, 100000 do
  local key = "k" .. (i * 7919 % 3001)
  words[key] = (words[key] or 0) + 1
end
local total = 0
for _, n in pairs(words) do total = total + n end

local sum = 0
for i = 1, 3000000 * scale do sum = sum + (i % 7) * 0.5 end
local depth = tonumber(arg[2]) or 27
print(string.format("%d %d %d %d %d %.1f", p.x, p.y, count, fib(depth), total, sum))
