--[[
view -- a room's settings and figures, for everybody and for operators; changes nothing.
KEYS    the room's keys, in the order of fragments/room.lua
ARGV[1] now_ms, '' for the store's clock
ARGV[2] slots, how many of the last ten-second slots of pace to tell, the running one included
Returns {now_ms, active, {lane, waiting ...}, {field, value ...} of settings, {all, {from it, its busy_ms} for each lane ...}
        of pace, flat, the oldest slot first, {sale_status, available, reserved, sold, seats_left}}, the last one empty where
        nothing is known of seats, seats_left -1 where they decide about nobody; nil for an unknown room
]]
-- include: room
-- include: rate
-- include: places
-- include: sale

local given_now, slots = ARGV[1], tonumber(ARGV[2])

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)
local last, fields = math.floor(now / PACE_SLOT_MS), {}
for slot = last - slots + 1, last do
  fields[#fields + 1] = pace_field(slot, 'all')
  for _, lane in ipairs(room.lanes) do
    fields[#fields + 1], fields[#fields + 2] = pace_field(slot, lane.slot), pace_field(slot, 'busy' .. lane.slot)
  end
end
local _, counts = count_waiting(room)
local seats, left = seats_known(room, now), seats_left(room, now)
if left == math.huge then left = -1 end
return {
  now, redis.call('ZCARD', ACTIVE), counts, redis.call('HGETALL', SETTINGS),
  redis.call('HMGET', PACE, unpack(fields)),
  seats and { sale_status(seats), seats.available, seats.reserved, seats.sold, left } or {},
}
