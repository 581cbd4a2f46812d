--[[
finish -- end one live place for a reason: left, completed or revoked.
Guarantees: frees its place or slot exactly once (A6); a token whose place is another one by now ends nothing.
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2]  visitor
ARGV[3]  generation
ARGV[4]  number
ARGV[5]  reason
Returns  1 when it was live, else 0
]]
-- include: room
-- include: rate
-- include: places

local given_now, visitor, reason = ARGV[1], ARGV[2], ARGV[5]
local generation, number = tonumber(ARGV[3]), tonumber(ARGV[4])

local room = read_room()
if not room or generation ~= room.generation then return 0 end
local now = read_clock(given_now, room.clock_ms)
if live_number(room, visitor) ~= number then return 0 end
end_place(room, visitor, number, reason, now)
keep_clock(now)
tell(string.format('ended %d', number))
return 1
