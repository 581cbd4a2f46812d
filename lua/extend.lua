--[[
extend -- give everybody who is ACTIVE more time.
Guarantees: one write, however many are ACTIVE (S3), which moves their claims with their ends; who is admitted later gets
  no more than usual.
KEYS    the room's keys, in the order of fragments/room.lua
ARGV[1] now_ms, '' for the store's clock
ARGV[2] more_ms
Returns how many are ACTIVE; nil for an unknown room
]]
-- include: room
-- include: rate
-- include: places

local given_now, more_ms = ARGV[1], tonumber(ARGV[2])

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)
redis.call('HSET', SETTINGS, 'shift_ms', string.format('%d', room.shift_ms + more_ms))
write_journal('', room.generation, 0, 'MOVED', now)
keep_clock(now)
tell('settings')
return redis.call('ZCARD', ACTIVE)
