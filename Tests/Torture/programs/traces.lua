-- SPDX-License-Identifier: GPL-3.0-only
-- Traces, side exits, coroutines, errors, the FFI and its callbacks.
local ffi = require('ffi')
ffi.cdef[[
void qsort(void *base, size_t count, size_t size, int (*compare)(const int *, const int *));
typedef struct { int x; double y; } pair;
]]
local sum = 0
for i = 1, 200 do
  local t = {}
  for j = 1, 5000 do t[j] = (j * i) % 97 end
  table.sort(t)
  sum = sum + t[100] + t[4999]
end
local generator = coroutine.wrap(function() for i = 1, 100000 do coroutine.yield(i) end end)
for _ = 1, 100000 do sum = sum + generator() end
for i = 1, 3000 do
  local ok, err = pcall(function() if i % 3 == 0 then error({i}) end return nil + i end)
  sum = sum + (type(err) == 'table' and err[1] or #err)
end
local array = ffi.new('int[1000]')
for i = 0, 999 do array[i] = (i * 7919) % 1009 end
local calls = 0
ffi.C.qsort(array, 1000, 4, function(a, b) calls = calls + 1; return a[0] - b[0] end)
for i = 1, 999 do assert(array[i - 1] <= array[i]) end
local pairs_ = ffi.new('pair[100]')
for round = 1, 2000 do
  for i = 0, 99 do pairs_[i].x = pairs_[i].x + i; pairs_[i].y = pairs_[i].y + i / 3 end
end
local text = {}
for i = 1, 30000 do text[#text + 1] = ('%x'):format(i * i % 9973) end
print(sum, calls > 1000, pairs_[99].x, ('%.3f'):format(pairs_[50].y), #table.concat(text), math.floor(bit.bxor(sum, 0x55)))
