--[[
view -- a room's settings and figures, for everybody and for operators; changes nothing.
KEYS    the room's keys, in the order of fragments/room.lua
ARGV[1] now_ms, '' for the store's clock
Returns {now_ms, waiting, active, {field, value ...} of settings, {slot, admissions ...} of pace}; nil for an unknown room
]]
-- include: room

local given_now = ARGV[1]

local settings = redis.call('HGETALL', SETTINGS)
if #settings == 0 then return nil end
local kept = tonumber(redis.call('HGET', SETTINGS, 'clock_ms') or 0)
return {
  read_clock(given_now, kept), redis.call('ZCARD', WAITING), redis.call('ZCARD', ACTIVE), settings,
  redis.call('HGETALL', PACE),
}
