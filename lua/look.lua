--[[
look -- what visitors' live places are, for operators; changes nothing: it is no sign of life.
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2+] visitors, any number
Returns  {{number, generation, status, position, expires_at_ms, lane, claimed} ...}, for a visitor without a live place
         {}; nil for an unknown room
]]
-- include: room
-- include: rate
-- include: places

local given_now = ARGV[1]

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)
local deadline_now = deadline_clock(room, now)

local rows = {}
for index = 2, #ARGV do
  local visitor, row = ARGV[index], {}
  local number, lane = waiting_place(room, visitor)
  if number then
    row = { number, room.generation, 'WAIT', redis.call('ZRANK', lane.key, visitor) + 1, 0, lane.name, 0 }
  else
    number = tonumber(redis.call('HGET', HOLDERS, visitor) or nil)
    if number then
      local reason, expires = overdue(visitor, deadline_now)
      local claimed = redis.call('ZSCORE', CLAIMS, visitor) and 0 or 1
      if not reason then
        row = { number, room.generation, 'ACTIVE', 0, expires + now - deadline_now, '', claimed }
      end
    end
  end
  rows[#rows + 1] = row
end
return rows
